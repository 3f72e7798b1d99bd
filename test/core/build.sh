# shellcheck shell=bash
#
# build.sh
#		Links the pure core of the types into a plain program.
#
#	core_build OUTPUT COMPILER FLAGS... SOURCES...
#
# Nothing of a server is linked but PostgreSQL's frontend libraries.
# `need server build` comes first.

CORE_SOURCES=(calendar core instant lot validity wallet wallet_column wallet_pack
	wallet_text wallet_unpack)

core_build()
{
	local output=$1
	local config=${PG_CONFIG:-pg_config}
	local sources=("${CORE_SOURCES[@]/#/$ROOT/src/types/}")

	sources=("${sources[@]/%/.c}")
	shift
	"$@" -std=gnu99 -D_GNU_SOURCE -DFRONTEND -fwrapv -fno-strict-aliasing \
		-Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
		-Wno-missing-field-initializers \
		-I"$ROOT/src" -I"$ROOT/test/core" \
		-I"$("$config" --includedir-server)" -I"$("$config" --includedir)" \
		-I"$("$config" --includedir)/internal" \
		"${sources[@]}" "$ROOT/test/core/memory.c" \
		-L"$("$config" --pkglibdir)" -L"$("$config" --libdir)" -lpgcommon -lpgport -lm \
		-o "$output"
}
