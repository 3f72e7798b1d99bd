# shellcheck shell=bash
#
# Server CPU of an operation, without the client protocol: one statement calls
# earn (redeem) once for each member in random order; the floor is the UPDATE
# and the INSERT of the same rows by one set-based statement.

floor_pair()
{
	local side=$1 call=$2

	sql_run "${side}_set" calls "$MEMBERS" \
		"SELECT count(*) FROM generate_series(1, $MEMBERS) AS n,
			LATERAL loyalty.$call((n * 7919 % $MEMBERS + 1)::text, 5);"
	floor_run "${side}_floor" calls "$MEMBERS"
}

# floor_run SIDE DATABASE OPERATIONS: replays what was done since the last time.
floor_run()
{
	local count

	count=$(sql -d "$2" 'SELECT set_based.capture()')
	if [ "$count" -lt "$3" ]; then
		say "$1: $count entries where at least $3 were expected"
		return 1
	fi
	sql_run "$1" "$2" "$3" "$(sql -d "$2" 'SELECT set_based.statement()');"
}

# floor_open DATABASE: the copies equal the originals, and both are cached.
floor_open()
{
	sql -d "$1" 'CALL set_based.mirror()'
	tidy "$1"
}

floor_check()
{
	if [ "$(sql -d "$1" 'SELECT set_based.agrees()')" != t ]; then
		say "$1: the floor did not write what the extension wrote"
		return 1
	fi
}

run_floor_earn() { floor_pair earn earn; }
run_floor_redeem() { floor_pair redeem redeem; }

figure_floor()
{
	with_state calls
	floor_open calls
	interleave "$RUNS" run_floor_earn run_floor_redeem
	floor_check calls
	compare 'earn, server CPU' cpu '<= 1.4' earn_set earn_floor 'UPDATE + INSERT'
	compare 'redeem, server CPU' cpu '<= 1.4' redeem_set redeem_floor 'UPDATE + INSERT'
}
