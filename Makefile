# loyalty: build with PGXS; `make demo` and `make check` need nothing installed.
EXTENSION = loyalty
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" loyalty.control)
MODULE_big = loyalty

OBJS = \
	src/loyalty.o \
	src/types/core.o \
	src/types/instant.o \
	src/types/lot.o \
	src/types/wallet.o \
	src/types/wallet_pack.o \
	src/types/wallet_text.o

INTERFACES = $(wildcard src/*.h src/*/*.h)

# The parts of the install script, in the order in which they depend on each other.
SQL_PARTS = \
	src/head.sql

DATA_built = loyalty--$(EXTVERSION).sql

PG_CONFIG ?= pg_config
PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -Werror -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-cast-function-type

REGRESS =
ISOLATION =
REGRESS_OPTS = --inputdir=. --load-extension=loyalty

EXTRA_CLEAN = loyalty--$(EXTVERSION).sql.tmp tmp_stage

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS) $(OBJS:.o=.bc): $(INTERFACES)

loyalty--$(EXTVERSION).sql: $(SQL_PARTS)
	@cat $(addprefix $(srcdir)/,$(SQL_PARTS)) > $@.tmp && mv $@.tmp $@
