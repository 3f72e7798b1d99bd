#!/usr/bin/env bash
#
# pgtap_file.sh FILE
#		Runs one pgTAP file in a fresh copy of the database pgtap_template, on
#		the server that the environment names.
set -euo pipefail

database=pgtap_$(basename "$1" .sql)_$$
createdb --template=pgtap_template "$database"
# shellcheck disable=SC2016
psql -Xq -d "$database" -c "ALTER DATABASE \"$database\" SET search_path = \"\$user\", public, loyalty"
status=0
psql -XqAt --set=ON_ERROR_STOP=1 --set=FETCH_COUNT=0 -d "$database" -f "$1" || status=$?
dropdb --force "$database"
exit "$status"
