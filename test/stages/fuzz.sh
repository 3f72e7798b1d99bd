#!/usr/bin/env bash
# fuzz: hostile input for FUZZ_SECONDS (default 40); the seed is printed.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

exec bash "$ROOT/test/fuzz/run.sh" "${FUZZ_SECONDS:-40}"
