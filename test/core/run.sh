#!/usr/bin/env bash
# Laws of the value types in a plain program: run.sh [rounds] [seed].
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
. "$ROOT/test/core/build.sh"

need server build
work_open
core_build "$WORK/test_core" "${CC:-cc}" -O2 -g "$ROOT/test/core/test_core.c"
"$WORK/test_core" "${1:-3000}" "${2:-$(date +%s)}"
