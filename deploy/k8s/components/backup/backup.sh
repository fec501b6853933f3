#!/bin/bash
# Dumps the five databases as they were at one instant, with the event log and the files beside them, into /backup/<instant>.
#
# Events make the databases depend on one another, so five snapshots of five moments will not do: one would know an invoice
# that another has not issued. Whoever tells an event writes into outbox_event in the same transaction. While that table is
# locked in all five databases, nobody is in the middle of telling one, and no event is in one database and not in the other;
# in that moment, some hundredths of a second, the snapshots are opened, and everybody goes on while they are dumped.
#
# `coopctl backup events record`, beside this in the pod, copies the event log: it notes how far the readers are before that
# moment and where the topics end in it, when it is told to over the loopback's port $EVENTS. With EVENTS=none there is no copy.
#
# Reads <service>.url from $URLS; $FILES has a folder for each service that keeps files.
set -euo pipefail
services=(identity supplies metering billing notifications)
urls=${URLS:-/run/acometida/databases}
files=${FILES:-/files}
target=${TARGET:-/backup}
keep=${KEEP:-14}
events=${EVENTS:-9500}
work=$(mktemp -d)
draft=$target/.unfinished
declare -A input

say() { printf '%s %s\n' "$(date --utc +%FT%TZ)" "$*"; }
address() { sed 's#^postgresql+psycopg:#postgresql:#' "$urls/$1.url"; }
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
trap '' PIPE  # a session that ended is noticed by what it said

# One psql for each session: it is told statements, and its answers are read from a file.
open_session() { # name, service
  local descriptor
  mkfifo "$work/$1.in"
  psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 "$(address "$2")" \
    <"$work/$1.in" >"$work/$1.out" 2>"$work/$1.err" &
  exec {descriptor}>"$work/$1.in"
  input[$1]=$descriptor
}
close_session() { # name
  local descriptor=${input[$1]:-}
  [[ -n $descriptor ]] || return 0
  printf '\\q\n' >&"$descriptor" 2>/dev/null || true
  exec {descriptor}>&-
  unset "input[$1]"
}
tell() { # name, statements: returns when they are done, 1 when they were refused
  local before
  before=$(grep -c '^done$' "$work/$1.out" || true)
  printf '%s\n\\echo done\n' "$2" >&"${input[$1]}" 2>/dev/null || return 1
  until (($(grep -c '^done$' "$work/$1.out" || true) > before)); do
    if [[ -s $work/$1.err ]]; then return 1; fi
    sleep 0.01
  done
}

await_recorder() {
  local tries
  for ((tries = 0; tries < 1200; tries++)); do
    if { exec {recorder}<>"/dev/tcp/127.0.0.1/$events"; } 2>/dev/null; then return; fi
    sleep 0.5
  done
  say "Nobody records the events on port $events: see the log of the container main."
  exit 1
}
ask() { # the recorder a word
  [[ $events != none ]] || return 0
  printf '%s\n' "$1" >&"$recorder" || true
}
answer() { # within so many seconds; there is no backup when it is another than ok
  local said=
  [[ $events != none ]] || return 0
  IFS= read -r -t "$1" -u "$recorder" said || true
  if [[ $said != ok* ]]; then
    say "The event log could not be recorded: ${said:-no answer, see the log of the container main}"
    exit 1
  fi
  say "events: ${said#ok }"
}

open_snapshots() { # 1 when somebody holds a lock too long
  local service
  ask groups && answer 60
  for service in "${services[@]}"; do
    open_session "lock-$service" "$service"
    open_session "snapshot-$service" "$service"
    tell "snapshot-$service" "SELECT 1;" >/dev/null || return 1
  done
  for service in "${services[@]}"; do
    tell "lock-$service" "BEGIN; SET LOCAL lock_timeout = '${PATIENCE:-3s}'; LOCK TABLE outbox_event IN EXCLUSIVE MODE;" || return 1
  done
  for service in "${services[@]}"; do
    tell "snapshot-$service" "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 'snapshot ' || pg_export_snapshot();" || return 1
  done
  ask ends && answer 5
  instant=$(date --utc +%Y%m%dT%H%M%SZ)
  for service in "${services[@]}"; do close_session "lock-$service"; done
}
close_all() {
  local name
  for name in "${!input[@]}"; do close_session "$name"; done
}

if [[ $events != none ]]; then await_recorder; fi
for attempt in 1 2 3 4 5; do
  if open_snapshots; then break; fi
  say "not now: $(cat "$work"/*.err | head -3)"
  close_all
  ((attempt < 5)) || { say "The databases could not be held still five times: try again at a quieter hour."; exit 1; }
  sleep "${PAUSE:-20}"
  rm -f "$work"/*
done

rm -rf "$draft"
mkdir -p "$draft"
ask "export $draft/events.jsonl.gz"
for service in "${services[@]}"; do
  snapshot=$(sed -n 's/^snapshot //p' "$work/snapshot-$service.out")
  pg_dump --snapshot "$snapshot" --format custom --no-owner --no-privileges --file "$draft/$service.dump" "$(address "$service")"
  close_session "snapshot-$service"
  say "dumped $service: $(stat --format %s "$draft/$service.dump") bytes"
done
# After the databases: a file is there before a database names it, and none is changed afterwards.
for folder in "$files"/*/; do
  name=$(basename "$folder")
  # What is in the volume, not the volume's own folder, which may belong to root, nor what its file system keeps there.
  find "$folder" -mindepth 1 -maxdepth 1 ! -name lost+found -printf '%P\0' |
    tar --create --file "$draft/$name.files.tar" --directory "$folder" --null --files-from -
  say "copied the files of $name: $(stat --format %s "$draft/$name.files.tar") bytes"
done
answer 10000
(cd "$draft" && sha256sum -- * >SHA256SUMS)
sync
mv "$draft" "$target/$instant"
say "The backup is $target/$instant."
ask "done"
mapfile -t old < <(find "$target" -mindepth 1 -maxdepth 1 -type d -name '????????T??????Z' | sort | head -n "-$keep")
for folder in "${old[@]}"; do
  rm -r "$folder"
  say "removed $folder: $keep newer ones are kept"
done
