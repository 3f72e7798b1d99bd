#!/usr/bin/env bash
# Hostile input for the value types, coverage-guided: run.sh [seconds] [seed].
#
# Each target gets its share of the seconds, starts from its corpus in
# test/fuzz/corpus and runs under AddressSanitizer and UBSan.  What it finds
# is kept in build/fuzz and fails the run.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
. "$ROOT/test/core/build.sh"

seconds=${1:-40}
seed=${2:-$(date +%s)}
targets=(lot_text wallet_text wallet_bytes validity_text)
passed=0
failed=0

need server build
if ! need fuzz; then
	say "no clang with libFuzzer: the fuzz targets did not run"
	report 0 0
	exit
fi

work_open
share=$((seconds / ${#targets[@]}))
[ "$share" -ge 1 ] || share=1
say "seed $seed, $share s for each of ${targets[*]}"
for target in "${targets[@]}"; do
	core_build "$WORK/$target" clang -O1 -g -Wno-ignored-attributes \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		"$ROOT/test/fuzz/fuzz_$target.c"
	mkdir -p "$WORK/corpus/$target"
	# A stop is counted, not left to `set -e`: the other targets run as well.
	if "$WORK/$target" -seed="$seed" -max_total_time="$share" -max_len=4096 \
		-artifact_prefix="$WORK/$target-" "$WORK/corpus/$target" \
		"$ROOT/test/fuzz/corpus/$target" >"$WORK/$target.log" 2>&1; then
		passed=$((passed + 1))
		say "$target: $(grep -o 'Done .*' "$WORK/$target.log")"
	else
		failed=$((failed + 1))
		tail -n 40 "$WORK/$target.log" >&2
		mkdir -p "$ROOT/build/fuzz"
		cp "$WORK/$target-"* "$ROOT/build/fuzz/" 2>/dev/null || true
		say "$target: failed with seed $seed; the input is in build/fuzz"
	fi
done
report "$passed" "$failed"
