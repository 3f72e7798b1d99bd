/*
 * streak_row.h
 *		Calendars of streaks as rows.
 */
#ifndef LOYALTY_STREAK_ROW_H
#define LOYALTY_STREAK_ROW_H

#include "engine/member_streak.h"

/* Fills in the calendar of streak->event_id, by streak->unit. */
extern void loyalty_streak_load(MemberState *member, MemberStreak *streak);

/* Writes what the operation has marked. */
extern void loyalty_streaks_store(const Engine *engine);

#endif							/* LOYALTY_STREAK_ROW_H */
