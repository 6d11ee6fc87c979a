#!/bin/sh
# Make the roles of VMS in a PostgreSQL cluster, and give its database to the one that migrates (docs/deployment.md).
# As superuser, as often as you like: PGDATABASE=vms sh roles.sh
# The image of PostgreSQL runs it by itself on an empty volume (docker-compose.yml). `vms migrate` as vms_owner then gives the rights.
#   VMS_ROLE_PASSWORDS  folder with a file per role whose first line is its password; a role without a file keeps what it has
set -eu
database="${PGDATABASE:-${POSTGRES_DB:?name the database: PGDATABASE=vms sh roles.sh}}"
passwords="${VMS_ROLE_PASSWORDS:-/run/secrets}"
run() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${PGUSER:-${POSTGRES_USER:-postgres}}" --dbname="$database" "$@"; }

for role in vms_owner vms_api vms_ingest vms_retention vms_selftest vms_reader; do
  run --set=role="$role" <<'SQL'
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
SQL
  file="$passwords/$role"
  [ -e "$file" ] || continue
  # Read by psql itself: as an argument everybody on the machine could see it.
  PASSWORD_FILE="$file" run --set=role="$role" <<'SQL'
\set password `head -n 1 "$PASSWORD_FILE"`
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
ALTER ROLE :"role" PASSWORD :'password';
SQL
done

# What an earlier version made as the superuser goes to the owner too.
run --set=database="$database" <<'SQL'
ALTER DATABASE :"database" OWNER TO vms_owner;
ALTER SCHEMA public OWNER TO vms_owner;
SELECT format('ALTER TABLE %s OWNER TO vms_owner', oid::regclass) FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') \gexec
SELECT format('ALTER FUNCTION %s OWNER TO vms_owner', oid::regprocedure) FROM pg_proc WHERE pronamespace = 'public'::regnamespace \gexec
SQL
