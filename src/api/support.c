/*
 * support.c
 *		Planner support: a writing call must not be expanded column by column.
 *
 * `SELECT (earn('a', 5)).*` is parsed into one call per column of the receipt,
 * so it would earn seven times.  Planning sees the copies side by side in the
 * target list and refuses them.
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(loyalty_call_support);

/* The call whose field a target is; NULL if it is no field of that function. */
static const FuncExpr *
call_of_field(const TargetEntry *entry, Oid function)
{
	const FieldSelect *field = (const FieldSelect *) entry->expr;

	if (IsA(field, FieldSelect) && IsA(field->arg, FuncExpr) &&
		((const FuncExpr *) field->arg)->funcid == function)
		return (const FuncExpr *) field->arg;
	return NULL;
}

/* Copies made by .* stand at the same place of the query text. */
static bool
is_expanded(List *targets, Oid function)
{
	ListCell   *cell;

	foreach(cell, targets)
	{
		const FuncExpr *call = call_of_field(lfirst(cell), function);
		ListCell   *other;

		if (call == NULL)
			continue;
		for_each_cell(other, targets, lnext(targets, cell))
		{
			const FuncExpr *second = call_of_field(lfirst(other), function);

			if (second != NULL && second->location == call->location)
				return true;
		}
	}
	return false;
}

Datum
loyalty_call_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestSimplify))
	{
		SupportRequestSimplify *simplify = (SupportRequestSimplify *) request;
		Oid			function = simplify->fcall->funcid;

		if (simplify->root != NULL && simplify->root->parse != NULL &&
			is_expanded(simplify->root->parse->targetList, function))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the receipt of loyalty.%s() cannot be expanded with .* here",
							get_func_name(function)),
					 errdetail("The call would run once for every column."),
					 errhint("Use SELECT * FROM loyalty.%s(...).", get_func_name(function))));
	}
	PG_RETURN_POINTER(NULL);
}
