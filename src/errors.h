/*
 * errors.h
 *		SQLSTATEs of class LY: what the domain refuses.
 *
 * Standard codes come first (22P02, 22P03, 22003, 22023, 39P01, 42501, 55000);
 * these are for what only a loyalty program can refuse.  Every code here has a
 * test that provokes it.
 */
#ifndef LOYALTY_ERRORS_H
#define LOYALTY_ERRORS_H

#include "utils/elog.h"

#define ERRCODE_LOYALTY_INSUFFICIENT_POINTS	MAKE_SQLSTATE('L','Y','0','0','1')
#define ERRCODE_LOYALTY_UNKNOWN_MEMBER		MAKE_SQLSTATE('L','Y','0','0','2')
#define ERRCODE_LOYALTY_REF_REUSED			MAKE_SQLSTATE('L','Y','0','0','3')
#define ERRCODE_LOYALTY_MEMBER_BLOCKED		MAKE_SQLSTATE('L','Y','0','0','4')
#define ERRCODE_LOYALTY_UNKNOWN_PROGRAM		MAKE_SQLSTATE('L','Y','0','0','5')
#define ERRCODE_LOYALTY_LIMIT_REACHED		MAKE_SQLSTATE('L','Y','0','0','6')
#define ERRCODE_LOYALTY_UNKNOWN_REF			MAKE_SQLSTATE('L','Y','0','0','7')
#define ERRCODE_LOYALTY_HOLD_OVER			MAKE_SQLSTATE('L','Y','0','0','8')
#define ERRCODE_LOYALTY_OUT_OF_STOCK		MAKE_SQLSTATE('L','Y','0','0','9')
#define ERRCODE_LOYALTY_NOT_ELIGIBLE		MAKE_SQLSTATE('L','Y','0','1','0')
#define ERRCODE_LOYALTY_REFUSED_BY_RISK		MAKE_SQLSTATE('L','Y','0','1','1')

#endif							/* LOYALTY_ERRORS_H */
