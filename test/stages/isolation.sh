#!/usr/bin/env bash
# isolation: the specs of test/isolation, those listed in the Makefile.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/regress.sh"

run_regress "$PG_PGXS_SRC/test/isolation/pg_isolation_regress" list-isolation test/isolation
