/*
 * effect.h
 *		What events give beyond points: coupons, draw tickets, units, badges.
 *
 * An event has each effect of a rule once, so often as the rule says.  What it
 * has is noted with the first family's newest entry, and what an operator took
 * with the claw-back; the rows of coupons, tickets and units follow from that,
 * but for what was used, which stays used.
 */
#ifndef LOYALTY_EFFECT_H
#define LOYALTY_EFFECT_H

#include "engine/engine.h"
#include "engine/rules_work.h"

typedef struct Effect
{
	EffectKind	kind;
	int32		rule_id;
	const char *rule;			/* its name */
	const char *name;			/* of the kind of coupon, draw, benefit or badge */
	int64		count;
	TimestampTz valid_from;		/* of coupons and units as evaluated; not noted */
	TimestampTz valid_until;
} Effect;

/* So many the member is to have of an event, or as many as were used. */
typedef struct EffectChange
{
	Effect		effect;
	int64		entry_id;		/* of the event: its first */
	int64		cause;			/* entry that made the change */
} EffectChange;

/* effect.c: what the rules give, as a list of Effect */
extern List *loyalty_effects_given(const RuleWork *work, const EventRequest *request,
								   const RuleResult *results, int count);

/* The breakdown with the effects; the same if there are none. */
extern const Jsonb *loyalty_effects_note(const Jsonb *breakdown, const List *effects);
extern List *loyalty_effects_read(const Jsonb *breakdown);

/* What the rules say of the event of these families; what of it still stands. */
extern List *loyalty_effects_noted(const List *families);
extern List *loyalty_effects_standing(const List *families);
extern bool loyalty_effects_clawed_back(const Family *family);

/* What the operator left of effects of the event of these families. */
extern List *loyalty_effects_left(const List *families, const List *effects);

/* How many of an effect are in a list. */
extern int64 loyalty_effects_count(const List *effects, const Effect *effect);
extern bool loyalty_effects_same(const List *a, const List *b);

/*
 * effect_change.c: the event whose first entry is `first` had `before` and has
 * `after` now; `cause` is the entry that says so.
 */
extern void loyalty_effects_change(Engine *engine, const Entry *first, const Entry *cause,
								   const List *before, const List *after);

#endif							/* LOYALTY_EFFECT_H */
