/*
 * save_point.h
 *		The state of an engine, to go back to where an event is refused.
 */
#ifndef LOYALTY_SAVE_POINT_H
#define LOYALTY_SAVE_POINT_H

#include "engine/engine.h"

typedef struct SavePoint
{
	Engine		engine;
	MemberState member;
	int			entries;
	int			gifts;
	int			uses;
	int			histories;
	int			streak_marks;
} SavePoint;

extern void loyalty_engine_save(Engine *engine, SavePoint *point);
extern void loyalty_engine_go_back(Engine *engine, const SavePoint *point);

#endif							/* LOYALTY_SAVE_POINT_H */
