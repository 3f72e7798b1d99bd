/*
 * memory.h
 *		palloc for plain programs that run the pure core many times.
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

/* Frees all that palloc gave out. */
extern void memory_reset(void);

#endif							/* CORE_MEMORY_H */
