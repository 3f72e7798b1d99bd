/*
 * attachment.h
 *		What binds an order table to an event: the arguments of its triggers.
 *
 * An attachment is nothing but its triggers, on the table and, if that is
 * partitioned, on everything below it.  All of them carry the same arguments,
 * so there is no table of attachments that could disagree with them, a rename
 * of the table changes nothing, and a dump carries them.
 */
#ifndef LOYALTY_ATTACHMENT_H
#define LOYALTY_ATTACHMENT_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/jsonpath.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

/* The trigger's arguments, in order. */
typedef enum AttachmentArgument
{
	ARGUMENT_EVENT,
	ARGUMENT_PROGRAM,			/* program_id: it outlives a rename */
	ARGUMENT_MEMBER,			/* column */
	ARGUMENT_REF,				/* column */
	ARGUMENT_AT,				/* column; '' = none */
	ARGUMENT_CONDITION,			/* jsonpath; '' = none */
	ARGUMENT_SHAPE,				/* rows | lines */
	ARGUMENT_ON_ERROR,			/* record | raise */
	ARGUMENT_ON_DELETE,			/* claw_back | keep */
	ARGUMENT_SINCE,				/* rows dated before it do not count; UTC or -infinity */
	ARGUMENT_ROLE,				/* table | partition */
	ATTACHMENT_ARGUMENTS
} AttachmentArgument;

typedef struct Attachment
{
	const char *event;
	int32		program_id;
	const char *member;
	const char *ref;
	const char *at;				/* NULL = none */
	JsonPath   *condition;		/* NULL = every row counts */
	bool		lines;			/* the rows of a ref are one event */
	bool		raise;			/* a refusal fails the statement */
	bool		keep;			/* deleted rows keep their points */
	TimestampTz since;
	bool		partition;		/* bound because its parent is */
} Attachment;

/* Reads the arguments of one of our triggers into the current memory context. */
extern void loyalty_attachment_read(const Trigger *trigger, Attachment *attachment);

/*
 * One trigger for each attachment that the relation carries: the one on
 * INSERT.  Good while the relation is open.
 */
extern List *loyalty_attachment_triggers(Relation relation);

/* The one of them with the event and program of the arguments; NULL if none. */
extern Trigger *loyalty_attachment_find(Relation relation, char *const *arguments);

/* Creates the triggers of an attachment; the role is not taken from the arguments. */
extern void loyalty_attachment_create(Relation relation, char *const *arguments,
									  bool partition);

/* Drops the relation's triggers with the event and program of the arguments. */
extern void loyalty_attachment_drop(Oid relid, char *const *arguments);

/* partition.c: the table on which the attachment of a bound partition was made */
extern Oid	loyalty_attachment_root(Relation relation, const Trigger *trigger);

/*
 * The table and, if it is partitioned, everything below it, locked.  42809 if a
 * foreign table is among them.
 */
extern List *loyalty_attachment_tables(Relation relation, LOCKMODE lockmode);

/* 55000 unless the relation has the columns that its attachments name. */
extern void loyalty_attachment_check_columns(Relation relation);

#endif							/* LOYALTY_ATTACHMENT_H */
