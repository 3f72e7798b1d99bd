#!/usr/bin/env bash
#
# check.sh [STAGE...]
#		Runs the tests: every stage, or those named.
#
# A stage is a script test/stages/STAGE.sh.  It prints what it likes and ends
# with the line `N passed, N failed`.  Here it gets a budget of seconds, a
# scratch directory and the staged build; stages run side by side, one for each
# processor.  The output of a stage is shown when it ends: all of it if
# something failed, else its last line.
#
# A stage that ends without that line, runs no test, or exceeds its budget
# counts as failed.  The last line is `N passed, N failed` over all stages; the
# exit status is 0 only if nothing failed.
#
# LOYALTY_KEEP=1 keeps the scratch directories and names them.

. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

# Longest first, so that the lanes end together.
all_stages=(tap:900 fuzz:240 data:480 pgtap:480 regress:240 isolation:480 core:240 lint:240)
build_budget=600

declare -A budget=([build]=$build_budget)
stages=()
for entry in "${all_stages[@]}"; do
	budget[${entry%:*}]=${entry#*:}
	stages+=("${entry%:*}")
done
if [ $# -gt 0 ]; then
	stages=()
	for stage in "$@"; do
		[ -n "${budget[$stage]:-}" ] || die "no stage $stage; there are: build ${all_stages[*]%:*}"
		[ "$stage" = build ] || stages+=("$stage")
	done
fi

declare -A pids=()
passed_total=0
failed_total=0
began=$SECONDS

run_stage()
{
	local stage=$1 status=0 start=$SECONDS

	timeout -k 20 "${budget[$stage]}" bash "$ROOT/test/stages/$stage.sh" \
		>"$WORK/$stage.log" 2>&1 </dev/null &
	# shellcheck disable=SC2064
	trap "kill -TERM $!; wait $!; exit 143" INT TERM
	wait $! || status=$?
	printf '%s %s\n' "$status" "$((SECONDS - start))" >"$WORK/$stage.status"
}

# Reads what a finished stage left, prints it and adds it up.
show_stage()
{
	local stage=$1 status seconds line passed=0 failed=0 note=

	read -r status seconds <"$WORK/$stage.status"
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$WORK/$stage.log" | tail -n 1 || true)
	if [ -n "$line" ]; then
		passed=${line%% *}
		failed=${line#*, }
		failed=${failed%% *}
	fi
	if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		note="stopped after its budget of ${budget[$stage]} s"
		failed=$((failed + 1))
	elif [ -z "$line" ]; then
		note="ended with status $status and no result"
		failed=$((failed + 1))
	elif [ $((passed + failed)) -eq 0 ]; then
		note="ran no test"
		failed=1
	elif [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
		note="ended with status $status"
		failed=1
	fi
	if [ "$failed" -gt 0 ]; then
		printf -- '---- %s: output\n' "$stage"
		grep -vE '^[0-9]+ passed, [0-9]+ failed$' "$WORK/$stage.log" || true
		printf -- '---- %s: end\n' "$stage"
	fi
	printf '%-10s %6d passed %4d failed %4d s%s\n' "$stage" "$passed" "$failed" "$seconds" \
		"${note:+  $note}"
	passed_total=$((passed_total + passed))
	failed_total=$((failed_total + failed))
}

# Stages are in process groups of their own (timeout makes them), so an
# interrupt reaches them only through us.
stop_stages()
{
	local pid

	for pid in "${pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null
	done
	wait
}

show_finished()
{
	local stage

	for stage in "${!pids[@]}"; do
		if [ -f "$WORK/$stage.status" ]; then
			wait "${pids[$stage]}"
			unset "pids[$stage]"
			show_stage "$stage"
		fi
	done
}

work_open
on_exit stop_stages
export LOYALTY_WORK=$WORK
need server build
say "PostgreSQL $PG_MAJOR at $PG_BINDIR"

# One stage at a time may install packages; the stages find them there.
for stage in "${stages[@]}"; do
	case $stage in
		pgtap | tap | data) need "$stage" ;;
		lint | fuzz) need "$stage" || true ;;
	esac
done

export LOYALTY_STAGE=$WORK/stage
run_stage build &
pids[build]=$!
wait $! || true
unset 'pids[build]'
show_stage build
if [ "$failed_total" -eq 0 ]; then
	for stage in "${stages[@]}"; do
		while [ ${#pids[@]} -ge "$(nproc)" ]; do
			wait -n || true
			show_finished
		done
		run_stage "$stage" &
		pids[$stage]=$!
	done
	while [ ${#pids[@]} -gt 0 ]; do
		wait -n || true
		show_finished
	done
fi

printf '%d s\n' "$((SECONDS - began))"
report "$passed_total" "$failed_total"
