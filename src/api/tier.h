/*
 * tier.h
 *		Reading members as the clock has them, without writing.
 */
#ifndef LOYALTY_API_TIER_H
#define LOYALTY_API_TIER_H

#include "engine/engine.h"

/* The member's row as the active snapshot sees it; LY002 if there is none. */
extern void loyalty_member_require(const Program *program, const char *ref,
								   MemberState *member);

/* An engine at `at` whose entries are never written. */
extern void loyalty_engine_read_only(Engine *engine, EngineSource *source,
									 const Program *program, MemberState *member,
									 TimestampTz at);

/* The tier held at an instant, by the member's row as stored; NULL if none. */
extern const Tier *loyalty_tier_at(const Program *program, const MemberState *stored,
								   TimestampTz at);

/*
 * The same for an instant that nothing was recorded after.  From now on who has
 * earned no tier is shown in the one that its next operation would find.
 */
extern const Tier *loyalty_tier_by_clock(const Program *program, const MemberState *stored,
										 TimestampTz at);

/* A tier by id; of who has none (0) the lowest, if it asks for nothing. */
extern const Tier *loyalty_tier_or_base(const Program *program, int32 tier_id);

#endif							/* LOYALTY_API_TIER_H */
