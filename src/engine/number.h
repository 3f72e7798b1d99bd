/*
 * number.h
 *		Exact numbers: what rules compute with before points are whole.
 */
#ifndef LOYALTY_NUMBER_H
#define LOYALTY_NUMBER_H

#include "utils/numeric.h"

#include "config/config.h"

/* A whole number as numeric; small ones are shared and must not be freed. */
extern Numeric loyalty_number_of(int64 whole);
extern int	loyalty_number_compare(Numeric a, Numeric b);
extern bool loyalty_number_positive(Numeric number);

/* Are two the same, or both NULL? */
extern bool loyalty_same_number(Numeric a, Numeric b);

extern Numeric loyalty_number_add(Numeric a, Numeric b);
extern Numeric loyalty_number_subtract(Numeric a, Numeric b);
extern Numeric loyalty_number_multiply(Numeric a, Numeric b);

/* Rounded, as int64 that can be negated; false if it does not fit. */
extern bool loyalty_number_whole(Numeric number, int64 *whole);

/* The same, rounded as a program does; what is below 0 toward 0. */
extern bool loyalty_number_round(Numeric number, Rounding rounding, int64 *whole);

#endif							/* LOYALTY_NUMBER_H */
