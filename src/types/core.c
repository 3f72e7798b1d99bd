/*
 * core.c
 *		Failures of the pure core.
 *
 * This is the one file of the core that looks different in a backend and in
 * a plain program: damage found in stored bytes ends the statement there and
 * the program here.
 */
#include "types/core.h"

bool
loyalty_core_fail(CoreError *err, CoreErrorKind kind, const char *fmt,...)
{
	if (err != NULL)
	{
		va_list		args;

		err->kind = kind;
		va_start(args, fmt);
		vsnprintf(err->detail, sizeof(err->detail), fmt, args);
		va_end(args);
	}
	return false;
}

void
loyalty_core_corrupt(const char *type_name)
{
#ifdef FRONTEND
	fprintf(stderr, "corrupt %s\n", type_name);
	abort();
#else
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("stored %s is corrupt", type_name)));
#endif
}
