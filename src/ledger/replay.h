/*
 * replay.h
 *		The member's state as the ledger tells it: for the past, and to verify.
 */
#ifndef LOYALTY_REPLAY_H
#define LOYALTY_REPLAY_H

#include "engine/engine.h"

typedef struct Replay
{
	LotList		added;			/* every lot that came in … */
	LotList		taken;			/* … and went out, so far */
	int64		debt;
	int64		held;
	int64		growth;
	MemberStatus status;
	List	   *holds;			/* of Hold: open ones */
	const char *problem;		/* what about the last entry cannot be; NULL = nothing */
} Replay;

extern void loyalty_replay_begin(Replay *replay);

/*
 * Takes one entry in.  It and what hangs on it must live as long as the replay
 * if it is a hold.  *adds and *takes (may be NULL) get the lots it moved.
 */
extern void loyalty_replay_apply(Replay *replay, const Entry *entry,
								 LotList *adds, LotList *takes);

/* The lots that are left; one taken before it was added (back-dating) is not. */
extern void loyalty_replay_wallet(const Replay *replay, LotList *wallet);

/* The growth of a member, gathered anew: by the program as it is now. */
typedef struct GrowthReplay
{
	MemberState member;			/* its growth is what the entries so far say */
	Engine		engine;
} GrowthReplay;

extern void loyalty_replay_growth_begin(GrowthReplay *replay, const Program *program,
										const MemberState *member);
extern void loyalty_replay_growth(GrowthReplay *replay, const Entry *entry);

#endif							/* LOYALTY_REPLAY_H */
