/*
 * explain.h
 *		A story being told, line by line.
 */
#ifndef LOYALTY_EXPLAIN_H
#define LOYALTY_EXPLAIN_H

#include "config/config.h"
#include "engine/member_state.h"

typedef struct Telling
{
	const Program *program;
	const MemberState *member;
	List	   *story;			/* of Entry: those of the ref, by id */
	List	   *lines;			/* of text */
} Telling;

/* Adds one line, which is a sentence. */
extern void loyalty_tell(Telling *telling, const char *format,...) pg_attribute_printf(2, 3);

/* explain_lots.c: lots in and out, debt and what was forgiven or had lapsed */
extern const char *loyalty_tell_instant(const Telling *telling, TimestampTz at);
extern void loyalty_tell_arrived(Telling *telling, const Entry *entry);
extern void loyalty_tell_taken(Telling *telling, const Entry *entry);
extern void loyalty_tell_shortfall(Telling *telling, const Entry *entry);

/* explain_event.c: the headline of an event, and of what settling it again changed */
extern void loyalty_tell_first(Telling *telling, const Entry *entry, const char *at);
extern void loyalty_tell_change(Telling *telling, const Entry *entry, const char *at);

/* explain_rules.c: which rules gave what, from the entry's breakdown */
extern void loyalty_tell_rules(Telling *telling, const Entry *entry);

/* explain_contest.c: how the contest ended that an event contest_ended is about */
extern void loyalty_tell_contest(Telling *telling, const Entry *entry);
/* explain_effects.c: what an event has beyond points since the entry, or no longer */
extern void loyalty_tell_effects(Telling *telling, const Entry *entry);

/* explain_membership.c: plans and benefits */
extern void loyalty_tell_membership(Telling *telling, const Entry *entry, const char *at);

/* A text or number of an entry's breakdown; NULL if it has none of that key. */
extern const char *loyalty_tell_noted(const Entry *entry, const char *key);

#endif							/* LOYALTY_EXPLAIN_H */
