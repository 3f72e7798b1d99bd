#!/usr/bin/env bash
# tap: test/t/*.pl, which start servers of their own (PostgreSQL::Test::Cluster).
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

shopt -s nullglob
need server build tap
tree_open
files=("$TREE"/test/t/*.pl)
if [ $# -gt 0 ]; then
	files=("${@/#/$TREE/test/t/}")
fi
if [ ${#files[@]} -eq 0 ]; then
	report 0 0
	exit
fi
build_extension
extension_settings >"$WORK/extension.conf"

# pg_upgrade starts from an older PostgreSQL beside this one: OLD_PG_CONFIG, or
# the newest that has server headers.
old_config=${OLD_PG_CONFIG:-}
for config in /usr/lib/postgresql/*/bin/pg_config; do
	if [ -z "${OLD_PG_CONFIG:-}" ] && has_headers "$config"; then
		major=${config#/usr/lib/postgresql/}
		if [ "${major%%/*}" -lt "$PG_MAJOR" ]; then
			old_config=$config
		fi
	fi
done
if [ -n "$old_config" ]; then
	(
		PG_CONFIG=$old_config
		find_postgres
		build_extension "$WORK/old_stage"
		extension_settings >"$WORK/old_extension.conf"
	)
	OLD_BINDIR=$("$old_config" --bindir)
	export OLD_BINDIR OLD_TEMP_CONFIG=$WORK/old_extension.conf
fi

export TEMP_CONFIG=$WORK/extension.conf
export PG_REGRESS=$PG_PGXS_SRC/test/regress/pg_regress
export PERL5LIB=$PG_PGXS_SRC/test/perl${PERL5LIB:+:$PERL5LIB}
export TESTDIR=$TREE TESTDATADIR=$TREE/tmp_check TESTLOGDIR=$TREE/tmp_check/log
export LOYALTY_STAGE=$STAGE

cd "$TREE"
status=0
as_owner perl "$TREE/test/lib/tap.pl" --lib "$TREE/test/t/lib" "${files[@]#"$TREE"/}" \
	>"$WORK/output" 2>&1 || status=$?
grep -v ' passed, [0-9]* failed$' "$WORK/output"
# What the servers of a failed file had to say.
sed -n 's,^test/t/\(.*\)\.pl *(Wstat.*,\1,p' "$WORK/output" | while read -r name; do
	for log in "$TESTLOGDIR/regress_log_$name" "$TESTLOGDIR/$name"_*.log; do
		printf '== %s\n' "${log##*/}"
		tail -n 80 "$log"
	done
done
tail -n 1 "$WORK/output"
exit "$status"
