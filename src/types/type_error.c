/*
 * type_error.c
 *		From a CoreError to an ereport, one rule per way in.
 */
#include "types/type_error.h"

#include "mb/pg_wchar.h"

#include "compat.h"

/* Inputs longer than this are quoted by their beginning. */
#define QUOTED_BYTES 200

/* What is too large says so; `otherwise` is the code of all other reasons. */
static int
sqlstate_of(const CoreError *reason, int otherwise)
{
	switch (reason->kind)
	{
		case CORE_RANGE:
			return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
		case CORE_DATETIME:
			return ERRCODE_DATETIME_VALUE_OUT_OF_RANGE;
		case CORE_TOO_BIG:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		default:
			return otherwise;
	}
}

void
loyalty_type_refuse_text(const char *type_name, const char *text,
						 const CoreError *reason, Node *context)
{
	int			length = strlen(text);
	int			quoted = length;

	if (length > QUOTED_BYTES)
		quoted = pg_mbcliplen(text, length, QUOTED_BYTES);

	ereturn(context,,
			(errcode(sqlstate_of(reason, ERRCODE_INVALID_TEXT_REPRESENTATION)),
			 errmsg("invalid input for type %s: \"%.*s%s\"", type_name,
					quoted, text, quoted < length ? "..." : ""),
			 errdetail("%s", reason->detail)));
}

void
loyalty_type_refuse_bytes(const char *type_name, const CoreError *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid binary representation of type %s", type_name),
			 errdetail("%s", reason->detail)));
}

void
loyalty_type_refuse_arguments(const char *message, const CoreError *reason)
{
	ereport(ERROR,
			(errcode(sqlstate_of(reason, ERRCODE_INVALID_PARAMETER_VALUE)),
			 errmsg_internal("%s", message),
			 errdetail("%s", reason->detail)));
}
