#!/usr/bin/env bash
# regress: pg_regress over sql/ and expected/, the tests listed in the Makefile.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/regress.sh"

run_regress "$PG_PGXS_SRC/test/regress/pg_regress" list-regress . --encoding=UTF8
