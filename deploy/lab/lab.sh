# Sourced by every script of the laboratory: folders, addresses and small helpers.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$(cd "$here/../.." && pwd)
cluster=$here/cluster

LAB_DIR=$(realpath -m "${LAB_DIR:-$project/var/cache/lab}")
BINARIES=$LAB_DIR/binaries  # compiled programs, a folder for each pinned module and its hash;
IMAGES=$LAB_DIR/images      # image archives, a file for each image and the hash of its inputs: both outlive `down`
RUN=$LAB_DIR/run            # everything else: made by `up`, removed by `down`

NODE=lab
NODE_IP=10.200.0.1
POD_CIDR=10.244.0.0/16
SERVICE_CIDR=10.96.0.0/16
API_SERVICE_IP=10.96.0.1
VOLUMES=12

say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }
die() { say "$*"; exit 1; }

# Twelve digits of a hash over everything on standard input: enough to tell two versions of an input apart.
short_hash() { sha256sum | cut -c1-12; }

# The folder of one module's programs: another go.mod, go.sum or source is another folder.
binaries_of() { echo "$BINARIES/$1-$(cat "$cluster/binaries/$1"/* | short_hash)"; }

for module in kubernetes etcd coredns pause; do PATH=$(binaries_of $module):$PATH; done
export PATH

# Whether the recorded process is still the lab's first one, and not a later process with its number.
running() { [[ -s $RUN/init.pid ]] && grep -qsz '/cluster/node$' "/proc/$(<"$RUN/init.pid")/cmdline"; }

# Runs a command inside the lab: its mounts, network, processes and host name.
in_lab() {
  running || die "the lab is not up: start it with deploy/lab/up"
  nsenter --target "$(<"$RUN/init.pid")" --mount --net --pid --uts --wdns="$PWD" \
    env KUBECONFIG="$RUN/pki/admin.kubeconfig" "$@"
}
