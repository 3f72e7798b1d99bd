#!/usr/bin/env bash
#
# run.sh
#		`make bench`: what the extension costs, as ratios to something known.
#
# Absolute figures say more about a machine than about the extension, so every
# figure is measured beside a peer, in turns, and the median of the ratios
# counts.  Read the README beside this file for what is compared with what.
#
#	BENCH_ONLY=REGEX	only figures whose name matches (see -l)
#	BENCH_RUNS=N		runs of each side; default 5, or 3 at a scale under 0.5
#	BENCH_SCALE=F		shrinks numbers of rows and seconds; default 1
#	BENCH_CSV=FILE		writes the table there too
#	BENCH_MEMORY=SIZE	shared_buffers; default 4GB, enough to hold every table
#
# Status: 0 if every figure was measured and, at scale 1, met its goal.
#
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$BENCH/../lib/common.sh"
for part in "$BENCH"/lib/*.sh "$BENCH"/figures/*.sh; do
	# shellcheck source=/dev/null
	. "$part"
done

shopt -s inherit_errexit

if [ "${1:-}" = -l ]; then
	printf '%s\n' "${FIGURES[@]}"
	exit
fi

need server build
work_open
RESULTS=$WORK/results
mkdir "$RESULTS"
: >"$RESULTS/table"

# No checkpoint and no autovacuum falls into a run: they would hit one side or
# the other by chance.  fsync is on, since commits that wait are measured too.
server_start \
	'fsync = on' \
	'synchronous_commit = off' \
	"shared_buffers = '${BENCH_MEMORY:-4GB}'" \
	"work_mem = '256MB'" \
	"maintenance_work_mem = '512MB'" \
	"max_wal_size = '32GB'" \
	"checkpoint_timeout = '1h'" \
	'autovacuum = off' \
	'jit = off' \
	'max_parallel_workers_per_gather = 0'

printf 'PostgreSQL %s, %s cores, %s clients, %s runs, scale %s\n' \
	"$(sql 'SHOW server_version')" "$(nproc)" "$CLIENTS" "$RUNS" "$SCALE"

failed=()
started=$SECONDS
for figure in "${FIGURES[@]}"; do
	[[ $figure =~ ${BENCH_ONLY:-.} ]] || continue
	say "$figure"
	sql CHECKPOINT
	# A subshell with -e of its own: `if` would switch -e off inside.
	set +e
	(set -e; "figure_$figure")
	status=$?
	set -e
	if [ $status -ne 0 ]; then
		failed+=("$figure")
		printf '%s\t-\tcould not be measured\t-\t-\t-\tno\n' "$figure" >>"$RESULTS/table"
	fi
done

print_table
[ -z "${BENCH_CSV:-}" ] || print_csv >"$BENCH_CSV"
say "$((SECONDS - started)) seconds"
if [ ${#failed[@]} -gt 0 ]; then
	say "not measured: ${failed[*]}"
	exit 1
fi
if [ "$SCALE" = 1 ] && cut -f 7 "$RESULTS/table" | grep -qx no; then
	exit 2
fi
