# Sourced: builds images with buildah, podman or docker, whichever works here; BUILDER names one. Only buildah was tried.
# What buildah builds stays in IMAGE_STORE, which the laboratory shares, and not in the machine's own store.
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
recipes=$project/deploy/image
IMAGE_STORE=${IMAGE_STORE:-$project/var/cache/lab/storage}

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
die() { say "$*"; exit 1; }

choose_builder() {
  local name
  if [[ -z ${BUILDER:-} ]]; then
    for name in buildah podman docker; do
      command -v $name >/dev/null || continue
      [[ $name != docker ]] || { docker info && docker buildx version; } >/dev/null 2>&1 || continue
      BUILDER=$name
      break
    done
  fi
  [[ -n ${BUILDER:-} ]] || {
    say "There is no buildah, podman or running docker here: as root on Debian, apt-get install --no-install-recommends buildah."
    exit 2
  }
  if [[ $BUILDER == buildah && -z ${CONTAINERS_STORAGE_CONF:-} ]]; then
    mkdir -p "$IMAGE_STORE"
    export CONTAINERS_STORAGE_CONF=$IMAGE_STORE/storage.conf
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/root"\nrunroot = "%s/run"\n' "$IMAGE_STORE" "$IMAGE_STORE" \
      >"$CONTAINERS_STORAGE_CONF"
  fi
}

# Whether an image is there already.
has_image() {
  case $BUILDER in
  buildah) buildah inspect --type image "$1" >/dev/null 2>&1 ;;
  *) "$BUILDER" image inspect "$1" >/dev/null 2>&1 ;;
  esac
}

build_image() { # name, Containerfile, context, further options...
  local name=$1 file=$2 context=$3 log options=()
  shift 3
  # Packages come through the machine's own settings and authorities; the image keeps neither.
  for pair in pip=/etc/pip.conf ca=/etc/ssl/certs/ca-certificates.crt; do
    [[ ! -e ${pair#*=} ]] || options+=(--secret "id=${pair%%=*},src=${pair#*=}")
  done
  case $BUILDER in
  buildah | podman)
    options+=(--layers --network host)
    # Inside a container there is no right to make another one's namespaces: a changed root folder is enough to build.
    [[ $EUID -ne 0 ]] || options+=(--isolation chroot)
    [[ -z ${SOURCE_DATE_EPOCH:-} ]] || options+=(--timestamp "$SOURCE_DATE_EPOCH") ;;
  docker) options+=(--load) ;;
  esac
  log=$(mktemp)
  local command=("$BUILDER" build)
  [[ $BUILDER != docker ]] || command=(docker buildx build)
  if ! "${command[@]}" "${options[@]}" "$@" --tag "$name" --file "$file" "$context" >"$log" 2>&1; then
    tail -60 "$log" >&2
    rm -f "$log"
    die "the image $name could not be built with $BUILDER"
  fi
  rm -f "$log"
}

save_image() { # name, archive
  rm -f "$2"
  case $BUILDER in
  buildah) buildah push --quiet "$1" "docker-archive:$2:$1" >/dev/null ;;
  podman) podman save --quiet --format docker-archive --output "$2" "$1" ;;
  docker) docker save --output "$2" "$1" ;;
  esac
}

layers_of() { # name: how many layers an image has
  case $BUILDER in
  buildah) buildah inspect --type image --format '{{len .OCIv1.RootFS.DiffIDs}}' "$1" ;;
  *) "$BUILDER" image inspect --format '{{len .RootFS.Layers}}' "$1" ;;
  esac
}
