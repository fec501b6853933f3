#!/bin/bash
# Makes the five databases and the files what they were in one backup. Nothing of Acometida may run meanwhile. The event log is
# brought back afterwards, by `coopctl backup events restore`.
#   restore.sh FOLDER
set -euo pipefail
folder=${1:?"say which backup: a folder below /backup"}
urls=${URLS:-/run/acometida/databases}
files=${FILES:-/files}
say() { printf '%s %s\n' "$(date --utc +%FT%TZ)" "$*"; }
address() { sed 's#^postgresql+psycopg:#postgresql:#' "$urls/$1.url"; }

(cd "$folder" && sha256sum --check --quiet SHA256SUMS) || { say "$folder is not whole: nothing was changed."; exit 1; }
for dump in "$folder"/*.dump; do
  service=$(basename "$dump" .dump)
  busy=$(psql --no-psqlrc --quiet --no-align --tuples-only --command \
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'" "$(address "$service")")
  ((busy == 0)) || { say "$busy sessions use the database of $service: stop them first (scale deployments to 0)."; exit 1; }
done
for dump in "$folder"/*.dump; do
  service=$(basename "$dump" .dump)
  # Whatever came after the backup goes too, such as tables of a newer version.
  psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "$(address "$service")" >/dev/null <<'SQL'
SET client_min_messages = error;
DO $$
DECLARE command text;
BEGIN
  FOR command IN
    SELECT format('DROP TABLE IF EXISTS public.%I CASCADE', tablename) FROM pg_tables WHERE schemaname = 'public'
    UNION ALL
    SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  LOOP
    EXECUTE command;
  END LOOP;
END $$;
SQL
  pg_restore --no-owner --no-privileges --exit-on-error --single-transaction --dbname "$(address "$service")" "$dump"
  say "restored $service"
done
for archive in "$folder"/*.files.tar; do
  name=$(basename "$archive" .files.tar)
  tar --extract --no-overwrite-dir --file "$archive" --directory "$files/$name"
  say "restored the files of $name"
done
