# shellcheck shell=bash
#
# regress.sh
#		pg_regress and pg_isolation_regress against a throw-away server.

# shellcheck source=test/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need server build

# run_regress PROGRAM LIST-TARGET DIRECTORY [OPTION...]: shows the differences
# and reports one result per test.  Every file of the directory that is no
# listed test is a failure too: it would never run.
run_regress()
{
	local program=$1 target=$2 directory=$3 suffix=sql names passed failed file name
	shift 3

	read -ra names < <(make -s -C "$ROOT" "$target")
	if [ ${#names[@]} -eq 0 ]; then
		report 0 0
		return
	fi
	tree_open
	server_start
	"$program" --inputdir="$TREE/$directory" --outputdir="$WORK" --bindir="$PG_BINDIR" \
		--load-extension=loyalty "$@" "${names[@]}" >"$WORK/output" 2>&1 || true
	cat "$WORK/output"
	if [ -f "$WORK/regression.diffs" ]; then
		cat "$WORK/regression.diffs"
	fi
	# 14 and 15 write "test x ... ok", later versions TAP
	passed=$(grep -cE '^(test .*\.\.\. ok|ok [0-9]+ )' "$WORK/output" || true)
	failed=$((${#names[@]} - passed))
	if [ "$target" = list-isolation ]; then
		suffix=spec
		directory=$directory/specs
	else
		directory=$directory/sql
	fi
	for file in "$TREE/$directory"/*."$suffix"; do
		name=$(basename "$file" ".$suffix")
		if [[ " ${names[*]} " != *" $name "* ]]; then
			say "$directory/$name.$suffix is not listed in the Makefile"
			failed=$((failed + 1))
		fi
	done
	report "$passed" "$failed"
}
