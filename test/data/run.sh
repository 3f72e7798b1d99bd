#!/usr/bin/env bash
#
# run.sh [FILE...]
#		The tests over real data: test/data/*.sql, pgTAP, each in a fresh database.

# shellcheck source=test/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

need server build data pgtap
tree_open
files=("$TREE"/test/data/*.sql)
if [ $# -gt 0 ]; then
	files=("${@/#/$TREE/test/data/}")
fi
server_start 'jit = off'
server_database pgtap_template pgtap
export ONLINE_RETAIL=$TREE/test/data/online-retail/online-retail.csv.xz
cd "$TREE"
perl "$ROOT/test/lib/tap.pl" --exec "bash $ROOT/test/lib/pgtap_file.sh" "${files[@]#"$TREE"/}"
