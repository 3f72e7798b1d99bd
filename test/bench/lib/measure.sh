# shellcheck shell=bash
#
# measure.sh
#		Runs, and what they took.
#
# A *side* is one thing that is measured again and again, e.g. `earn` or
# `pgbench_n`.  Each of its runs appends "operations seconds cpu" (microseconds
# of the whole server) to the file RESULTS/side.  Sides to be compared run in
# turns (interleave), so that run k of one has run k of the other beside it
# and whatever else the machine did then struck both.

POSTMASTER=

server_cpu()
{
	[ -n "$POSTMASTER" ] || read -r POSTMASTER <"$WORK/server/data/postmaster.pid"
	"$BENCH/lib/server_cpu" "$POSTMASTER"
}

# interleave RUNS COMMAND...: round by round, each command once, ROUND set.
interleave()
{
	local runs=$1 round command
	shift

	for ((round = 1; round <= runs; round++)); do
		for command in "$@"; do
			# shellcheck disable=SC2034
			ROUND=$round
			$command
		done
	done
}

# pgbench_run SIDE DATABASE SECONDS OPTION...: prepared, CLIENTS clients.
pgbench_run()
{
	local side=$1 database=$2 seconds=$3 before after output
	shift 3

	before=$(server_cpu)
	output=$(pgbench -n -M prepared -c "$CLIENTS" -j "$JOBS" -T "$seconds" \
		-D members="$MEMBERS" "$@" "$database" 2>&1) || {
		say "$output"
		return 1
	}
	after=$(server_cpu)
	awk -v cpu=$((after - before)) '
		/^number of transactions actually processed/ { split($6, n, "/"); count = n[1] }
		/^tps = / { rate = $3 }
		END { if (!(count > 0 && rate > 0)) exit 1; print count, count / rate, cpu }
	' <<<"$output" >>"$RESULTS/$side"
}

# sql_run SIDE DATABASE OPERATIONS MEASURED [BEFORE [AFTER]]: one session; only
# MEASURED counts.  MEASURED is one statement that answers with at most a line.
sql_run()
{
	local side=$1 database=$2 operations=$3 measured=$4 before=${5:-} after=${6:-} output

	server_cpu >/dev/null
	output=$(psql -XqAt -v ON_ERROR_STOP=1 -d "$database" <<-END
		$before
		\\! $BENCH/lib/server_cpu $POSTMASTER | sed 's/^/before /'
		\\timing on
		$measured
		\\timing off
		\\! $BENCH/lib/server_cpu $POSTMASTER | sed 's/^/after /'
		$after
	END
	)
	awk -v operations="$operations" '
		/^before / { cpu = -$2 }
		/^Time: / { time = $2 }
		/^after / { cpu += $2 }
		END { if (time == "") exit 1; print operations, time / 1000, cpu }
	' <<<"$output" >>"$RESULTS/$side"
}

# each DATABASE COUNT CALL: CALL for n = 1 .. COUNT, by JOBS sessions, 20,000
# a transaction; e.g. each calls 1000 "loyalty.earn(n::text, 100)"
each()
{
	local database=$1 count=$2 call=$3 job pids=() pid

	for ((job = 0; job < JOBS; job++)); do
		psql -XqAt -v ON_ERROR_STOP=1 -v call="$call" -v count="$count" \
			-v job="$job" -v jobs="$JOBS" -d "$database" >/dev/null <<-'END' &
			SELECT format('SELECT count(*) FROM generate_series(%s, %s) AS n, LATERAL %s AS r',
						  first, least(first + 19999, :count), :'call')
			FROM generate_series(1 + :job * 20000, :count, 20000 * :jobs) AS first
			\gexec
		END
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}
