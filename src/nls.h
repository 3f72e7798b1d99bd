/*
 * nls.h
 *		Messages and sentences in the session's language.
 *
 * The catalogs of the module are a domain of their own; without them every
 * text stays as it is written.  Include this after postgres.h.  Only whole
 * sentences are marked, never parts of one.
 */
#ifndef LOYALTY_NLS_H
#define LOYALTY_NLS_H

#undef TEXTDOMAIN
#define TEXTDOMAIN PG_TEXTDOMAIN("loyalty")

#undef _
#define _(text) dgettext(TEXTDOMAIN, text)

/* One of two sentences, by the number that it is about. */
#define loyalty_plural(one, many, number) \
	dngettext(TEXTDOMAIN, one, many, (unsigned long) (number))

/* Called once, when the library is loaded: finds the catalogs. */
extern void loyalty_nls_init(void);

#endif							/* LOYALTY_NLS_H */
