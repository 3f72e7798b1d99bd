# shellcheck shell=bash
# shellcheck disable=SC2034
#
# settings.sh
#		What is measured, how often, and with how many rows.

FIGURES=(calls program balance floor lots one_member orders maintain period_end import millions empty bytes deadlocks)

SCALE=${BENCH_SCALE:-1}
CLIENTS=8
JOBS=$(nproc)
[ "$JOBS" -le "$CLIENTS" ] || JOBS=$CLIENTS

# scaled NUMBER LEAST
scaled()
{
	awk -v n="$1" -v least="$2" -v scale="$SCALE" \
		'BEGIN { n = int(n * scale); print (n > least ? n : least) }'
}

if [ "$(scaled 100 1)" -ge 50 ]; then
	RUNS=${BENCH_RUNS:-5}
else
	RUNS=${BENCH_RUNS:-3}
fi
# Runs that take long, and runs each of which uses up a tenth of the crowd.
LONG_RUNS=$((RUNS < 3 ? RUNS : 3))
CROWD_RUNS=$((RUNS < 10 ? RUNS : 10))

MEMBERS=$(scaled 100000 1000)			# where no other number is named
YEARS=$(scaled 2000 200)				# with a lot of each day of a year
BUYERS=$(scaled 100000 1000)			# whose ORDERS are loaded
ORDERS=$(scaled 500000 5000)
CROWD=$(scaled 1000000 10000)			# to be maintained
IMPORTED=$(scaled 300000 3000)
SMALL=$(scaled 10000 1000)
LARGE=$(scaled 5000000 50000)

SECONDS_PER_RUN=$(scaled 5 1)
FIRST_SECONDS=$(scaled 30 3)
BYTES_SECONDS=$(scaled 15 2)
SECONDS_BESIDE=$(scaled 4 1)			# less than half the crowd takes to fall
