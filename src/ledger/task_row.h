/*
 * task_row.h
 *		What members have done of tasks, and their badges, as rows.
 */
#ifndef LOYALTY_TASK_ROW_H
#define LOYALTY_TASK_ROW_H

#include "engine/task.h"

/* Sets the amount if something is stored under the key. */
extern void loyalty_task_count_load(int64 member_id, TaskCount *count);

/* All badges of a member: of MemberBadge. */
extern List *loyalty_badges_load(int64 member_id);

/* Writes what an operation changed of both. */
extern void loyalty_tasks_store(MemberState *member);

#endif							/* LOYALTY_TASK_ROW_H */
