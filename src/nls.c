/*
 * nls.c
 *		Where the message catalogs are.
 *
 * PostgreSQL looks for them where it was installed.  A module that was staged
 * elsewhere (make install DESTDIR=..., found by way of extension_control_path,
 * say) has its catalogs in the same tree as its library: the directory of the
 * library then ends in that of the server's modules, and what stands before it
 * is the root of the stage.
 */
#include "postgres.h"

#if defined(ENABLE_NLS) && !defined(WIN32)
#include <dlfcn.h>
#endif

#include "miscadmin.h"

#include "nls.h"

#if defined(ENABLE_NLS) && !defined(WIN32)

static void
bind_staged(void)
{
	char		library[MAXPGPATH];
	char		modules[MAXPGPATH];
	char		catalogs[MAXPGPATH];
	Dl_info		info;
	int			root;

	if (dladdr((void *) loyalty_nls_init, &info) == 0 || info.dli_fname == NULL)
		return;
	strlcpy(library, info.dli_fname, MAXPGPATH);
	canonicalize_path(library);
	get_parent_directory(library);
	get_pkglib_path(my_exec_path, modules);
	root = (int) strlen(library) - (int) strlen(modules);
	if (root <= 0 || strcmp(library + root, modules) != 0)
		return;
	get_locale_path(my_exec_path, catalogs);
	bindtextdomain(TEXTDOMAIN, psprintf("%.*s%s", root, library, catalogs));
}

#endif

void
loyalty_nls_init(void)
{
	pg_bindtextdomain(TEXTDOMAIN);
#if defined(ENABLE_NLS) && !defined(WIN32)
	bind_staged();
#endif
}
