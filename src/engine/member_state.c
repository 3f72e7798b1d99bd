/*
 * member_state.c
 *		The words for a member's status.
 */
#include "postgres.h"

#include "engine/member_state.h"

typedef struct StatusName
{
	MemberStatus status;
	const char *name;
} StatusName;

static const StatusName statuses[] = {
	{STATUS_ACTIVE, "active"},
	{STATUS_EARN_BLOCKED, "earn_blocked"},
	{STATUS_SPEND_BLOCKED, "spend_blocked"},
	{STATUS_FROZEN, "frozen"},
	{STATUS_CLOSED, "closed"}
};

const char *
loyalty_status_name(MemberStatus status)
{
	for (int i = 0; i < lengthof(statuses); i++)
	{
		if (statuses[i].status == status)
			return statuses[i].name;
	}
	elog(ERROR, "unknown member status %c", (char) status);
}

bool
loyalty_status_parse(const char *name, MemberStatus *status)
{
	for (int i = 0; i < lengthof(statuses); i++)
	{
		if (strcmp(statuses[i].name, name) == 0)
		{
			*status = statuses[i].status;
			return true;
		}
	}
	return false;
}
