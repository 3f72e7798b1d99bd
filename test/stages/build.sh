#!/usr/bin/env bash
# build: the extension compiles without a warning and stages.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

stage=${LOYALTY_STAGE:?this stage stages for the others}
STAGE=
need server build
build_extension "$stage"
report 1 0
