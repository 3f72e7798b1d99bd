#!/usr/bin/env bash
# data: totals over real orders that nobody here wrote (test/data).
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

exec bash "$ROOT/test/data/run.sh"
