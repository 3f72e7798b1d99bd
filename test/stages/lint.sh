#!/usr/bin/env bash
# lint: style by tool, comments on every SQL object, metadata that agree (test/lint).
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

need server build
need lint || true
exec bash "$ROOT/test/lint/run.sh"
