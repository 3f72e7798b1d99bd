# The message catalogs; without msgfmt there are none, and every text stays English.
CATALOG_NAME = loyalty
AVAIL_LANGUAGES := $(if $(shell command -v '$(firstword $(MSGFMT))' 2>/dev/null),zh_CN)
GETTEXT_FILES = src/api/explain.c src/api/explain_contest.c src/api/explain_effects.c src/api/explain_event.c src/api/explain_lots.c src/api/explain_membership.c src/api/explain_rules.c
GETTEXT_TRIGGERS = loyalty_plural:1,2
