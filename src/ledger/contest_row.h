/*
 * contest_row.h
 *		Team contests as rows: players, what their events count, results.
 */
#ifndef LOYALTY_CONTEST_ROW_H
#define LOYALTY_CONTEST_ROW_H

#include "engine/contest.h"

/* The teams in which a member plays, of ContestPlayer. */
extern List *loyalty_contest_players_load(int64 member_id);

/* Sets measured, counted and before if the mark is stored. */
extern void loyalty_contest_mark_load(int64 member_id, ContestMark *mark);

/* Writes what an operation changed of what events count. */
extern void loyalty_contests_store(MemberState *member);

/* Has an event of the member counted anything that still counts? */
extern bool loyalty_contest_has_counted(int64 member_id, int32 contest_id);

/* Has the member an event of the kind on record, dated in [from, until)? */
extern bool loyalty_contest_has_event(int64 member_id, int32 event_id, TimestampTz from,
									  TimestampTz until);

/*
 * The locked member joins or leaves a team.  Returns how many members it has
 * then; joining a full one returns 0 and changes nothing.
 */
extern int	loyalty_contest_join(int64 member_id, const Contest *contest, const char *team,
								 TimestampTz at);
extern int	loyalty_contest_leave(int64 member_id, const ContestPlayer *player);
extern int	loyalty_contest_team_size(int32 contest_id, const char *team);

/* When it was settled; DT_NOBEGIN = it is not. */
extern TimestampTz loyalty_contest_settled_at(int32 contest_id);

/*
 * Makes the standings final and notes whose event contest_ended is due; false
 * if somebody else has.  Waits for a settlement under way.
 */
extern bool loyalty_contest_settle(int32 contest_id, TimestampTz at);

/* An event contest_ended that has yet to follow. */
typedef struct ContestPrize
{
	int64		member_id;
	int32		contest_id;
} ContestPrize;

/* At most `max` of those of a contest (0: of the program), in order. */
extern List *loyalty_contest_prizes_due(const Program *program, int32 contest_id, int64 max);

/*
 * What the event says of a player and its team, whether it is due, and when
 * the contest was settled; NULL if the member did not play for a rank.
 */
extern const Jsonb *loyalty_contest_prize_load(const ContestPrize *prize, bool *due,
											   TimestampTz *settled_at);

extern void loyalty_contest_prize_posted(const ContestPrize *prize);

#endif							/* LOYALTY_CONTEST_ROW_H */
