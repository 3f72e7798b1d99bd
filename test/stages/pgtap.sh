#!/usr/bin/env bash
# pgtap: test/pgtap/*.sql, each file in a fresh database.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

shopt -s nullglob
need server build pgtap
tree_open
files=("$TREE"/test/pgtap/*.sql)
if [ ${#files[@]} -eq 0 ]; then
	report 0 0
	exit
fi
server_start
server_database pgtap_template pgtap
cd "$TREE"
perl "$ROOT/test/lib/tap.pl" --exec "bash $ROOT/test/lib/pgtap_file.sh" "${files[@]#"$TREE"/}"
