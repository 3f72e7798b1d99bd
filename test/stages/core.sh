#!/usr/bin/env bash
# core: the value types as a plain program, by properties (test/core).
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

need server build
exec bash "$ROOT/test/core/run.sh"
