/*
 * membership.c
 *		enroll and set_status.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "api/call.h"
#include "errors.h"

PG_FUNCTION_INFO_V1(loyalty_enroll);
PG_FUNCTION_INFO_V1(loyalty_set_status);

/* enroll(member, attributes, at, program) */
Datum
loyalty_enroll(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const Jsonb *attributes = loyalty_arg_object(fcinfo, 1, "attributes");
	TimestampTz at = loyalty_arg_at(fcinfo, 2);
	const Program *program = loyalty_arg_program(fcinfo, 3);
	Call		call;
	int64		member_id;

	loyalty_call_require_writable("enroll()");
	member_id = loyalty_member_find(program, member);
	if (member_id != 0)
		PG_RETURN_INT64(member_id);

	memset(&call, 0, sizeof(call));
	call.now = GetCurrentTimestamp();
	call.enrolled = loyalty_member_insert(program, member, attributes,
										  loyalty_call_time(&call, at));
	if (!call.enrolled)
	{
		member_id = loyalty_member_find(program, member);
		if (member_id == 0)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update"),
					 errdetail("Another transaction has just enrolled member \"%s\".", member)));
		PG_RETURN_INT64(member_id);
	}
	loyalty_call_open(&call, "enroll()", program, member, ENROLL_NEVER, at);
	at = loyalty_call_time(&call, at);
	loyalty_event_register(&call, at);
	loyalty_call_start(&call, at);
	member_id = call.member.member_id;
	loyalty_call_finish(&call);
	PG_RETURN_INT64(member_id);
}

/* set_status(member, status, reason, program) */
Datum
loyalty_set_status(PG_FUNCTION_ARGS)
{
	const char *member = loyalty_arg_key(fcinfo, 0, "member", true);
	const char *name = loyalty_arg_text(fcinfo, 1);
	const char *reason = loyalty_arg_text(fcinfo, 2);
	const Program *program = loyalty_arg_program(fcinfo, 3);
	MemberStatus status = STATUS_ACTIVE;
	Call		call;
	Receipt		receipt;
	Entry		none = {0};

	if (name == NULL || !loyalty_status_parse(name, &status))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 name == NULL ? errmsg("status must not be null") :
				 errmsg("unknown status \"%s\"", name),
				 errhint("One of active, earn_blocked, spend_blocked, frozen, closed.")));

	loyalty_call_open(&call, "set_status()", program, member, ENROLL_NEVER, DT_NOBEGIN);
	loyalty_call_start(&call, call.now);
	if (call.member.status != status)
		return loyalty_call_accept(fcinfo, &call,
								   loyalty_engine_set_status(&call.engine, status, reason), 0);

	loyalty_call_finish(&call);
	loyalty_call_receipt(&call, &none, &receipt);
	receipt.replayed = true;
	return loyalty_receipt_datum(fcinfo, &receipt);
}
