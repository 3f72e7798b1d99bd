# loyalty: build with PGXS; `make demo` and `make check` need nothing installed.
#
# make, make install, make installcheck		plain PGXS, for packagers
# make check		build and run every test in throw-away servers
# make check STAGES="regress pgtap"		only these (test/stages/)
# make demo, make bench		show what it does, measure how fast
# make shell		psql in a throw-away server with the extension
# make lint			style and comments
EXTENSION = loyalty
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" loyalty.control)
MODULE_big = loyalty

OBJS = \
	src/loyalty.o \
	src/compat.o \
	src/nls.o \
	src/api/benefits.o \
	src/api/call.o \
	src/api/contests.o \
	src/api/coupons.o \
	src/api/events.o \
	src/api/explain.o \
	src/api/explain_contest.o \
	src/api/explain_effects.o \
	src/api/explain_event.o \
	src/api/explain_lots.o \
	src/api/explain_membership.o \
	src/api/explain_rules.o \
	src/api/follow.o \
	src/api/holds.o \
	src/api/import.o \
	src/api/import_read.o \
	src/api/ladder.o \
	src/api/maintenance.o \
	src/api/membership.o \
	src/api/plan_worth.o \
	src/api/plans.o \
	src/api/points.o \
	src/api/preview.o \
	src/api/reading.o \
	src/api/referrals.o \
	src/api/resettle.o \
	src/api/resettle_events.o \
	src/api/reversals.o \
	src/api/rule_examples.o \
	src/api/story.o \
	src/api/streak.o \
	src/api/support.o \
	src/api/tier.o \
	src/api/verify.o \
	src/config/cache.o \
	src/config/contest.o \
	src/config/effect.o \
	src/config/invalidate.o \
	src/config/load.o \
	src/config/period.o \
	src/config/plan.o \
	src/config/program.o \
	src/config/referral.o \
	src/config/rule.o \
	src/config/rule_example.o \
	src/config/rule_limits.o \
	src/config/rule_path.o \
	src/config/streak.o \
	src/config/task.o \
	src/config/tier.o \
	src/config/version.o \
	src/engine/benefit.o \
	src/engine/breakdown.o \
	src/engine/contest.o \
	src/engine/effect.o \
	src/engine/effect_change.o \
	src/engine/family.o \
	src/engine/family_take.o \
	src/engine/flow.o \
	src/engine/give_back.o \
	src/engine/grant.o \
	src/engine/growth.o \
	src/engine/history.o \
	src/engine/kept.o \
	src/engine/lapse.o \
	src/engine/local_day.o \
	src/engine/member_state.o \
	src/engine/member_streak.o \
	src/engine/opening.o \
	src/engine/number.o \
	src/engine/past.o \
	src/engine/past_events.o \
	src/engine/path.o \
	src/engine/plan.o \
	src/engine/referral.o \
	src/engine/refuse.o \
	src/engine/rules.o \
	src/engine/rules_breakdown.o \
	src/engine/rules_facts.o \
	src/engine/rules_json.o \
	src/engine/rules_limit.o \
	src/engine/rules_multiply.o \
	src/engine/rules_path.o \
	src/engine/rules_share.o \
	src/engine/rules_use.o \
	src/engine/save_point.o \
	src/engine/settle.o \
	src/engine/shortfall.o \
	src/engine/spend.o \
	src/engine/streak.o \
	src/engine/task.o \
	src/engine/tier.o \
	src/engine/tier_condition.o \
	src/engine/tier_gift.o \
	src/engine/usage.o \
	src/engine/use_table.o \
	src/ledger/actor.o \
	src/ledger/audit.o \
	src/ledger/audit_beside.o \
	src/ledger/audit_contest.o \
	src/ledger/audit_effects.o \
	src/ledger/audit_usage.o \
	src/ledger/beside.o \
	src/ledger/budget.o \
	src/ledger/bulk.o \
	src/ledger/chain.o \
	src/ledger/contest_row.o \
	src/ledger/effect_row.o \
	src/ledger/entry_row.o \
	src/ledger/guard.o \
	src/ledger/hold_row.o \
	src/ledger/member_row.o \
	src/ledger/member_set.o \
	src/ledger/membership_row.o \
	src/ledger/query.o \
	src/ledger/recent.o \
	src/ledger/referral_row.o \
	src/ledger/relations.o \
	src/ledger/replay.o \
	src/ledger/store.o \
	src/ledger/streak_row.o \
	src/ledger/task_row.o \
	src/ledger/tier_row.o \
	src/ledger/usage_row.o \
	src/ledger/writer.o \
	src/triggers/attach.o \
	src/triggers/attachment.o \
	src/triggers/order_batch.o \
	src/triggers/order_members.o \
	src/triggers/order_read.o \
	src/triggers/order_row.o \
	src/triggers/order_settle.o \
	src/triggers/order_trigger.o \
	src/triggers/partition.o \
	src/triggers/table_query.o \
	src/types/calendar.o \
	src/types/calendar_zone.o \
	src/types/core.o \
	src/types/instant.o \
	src/types/lot.o \
	src/types/lot_type.o \
	src/types/type_error.o \
	src/types/validity.o \
	src/types/validity_type.o \
	src/types/wallet.o \
	src/types/wallet_aggregate.o \
	src/types/wallet_column.o \
	src/types/wallet_functions.o \
	src/types/wallet_pack.o \
	src/types/wallet_text.o \
	src/types/wallet_type.o \
	src/types/wallet_unpack.o

INTERFACES = $(wildcard src/*.h src/*/*.h)

# The parts of the install script, in the order in which they depend on each other.
SQL_PARTS = \
	src/head.sql \
	src/types/validity_type.sql \
	src/types/lot_type.sql \
	src/types/wallet_type.sql \
	src/types/wallet_functions.sql \
	src/types/wallet_aggregate.sql \
	src/config/config.sql \
	src/config/table.sql \
	src/config/program.sql \
	src/config/tier.sql \
	src/config/plan.sql \
	src/config/rule.sql \
	src/config/benefit.sql \
	src/config/referral.sql \
	src/config/streak.sql \
	src/config/task.sql \
	src/config/contest.sql \
	src/config/effect.sql \
	src/config/rule_example.sql \
	src/config/table_end.sql \
	src/config/history.sql \
	src/ledger/ledger.sql \
	src/ledger/membership.sql \
	src/ledger/community.sql \
	src/ledger/contest.sql \
	src/ledger/effect.sql \
	src/ledger/streak.sql \
	src/ledger/guard.sql \
	src/api/api.sql \
	src/api/import.sql \
	src/api/tier.sql \
	src/api/membership.sql \
	src/api/community.sql \
	src/api/contest.sql \
	src/api/effect.sql \
	src/api/preview.sql \
	src/api/rule_examples.sql \
	src/api/resettle.sql \
	src/api/streak.sql \
	src/api/reading.sql \
	src/api/explain.sql \
	src/triggers/attach.sql \
	src/insight/calibrate.sql

DATA_built = loyalty--$(EXTVERSION).sql

PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -Werror -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-cast-function-type

REGRESS = point_lot point_wallet wallet_functions wallet_aggregates validity_policy \
	types_index types_errors config rules_config rules
ISOLATION = config_cache config_extension attach enroll import maintain rules rule_change snapshots spend transfer benefit_quota benefit_units referral limits budgets contest resettle
REGRESS_OPTS = --inputdir=. --load-extension=loyalty
ISOLATION_OPTS = --inputdir=test/isolation --load-extension=loyalty

EXTRA_CLEAN = loyalty--$(EXTVERSION).sql.tmp tmp_stage build

# Targets that find or install PostgreSQL themselves.  They are apart from PGXS,
# which claims `check` and cannot be read before pg_config is there.
HOUSE_TARGETS = check demo bench shell lint list-regress list-isolation list-sources

ifneq (,$(filter $(HOUSE_TARGETS),$(MAKECMDGOALS)))

.PHONY: $(HOUSE_TARGETS)

check:
	@bash test/check.sh $(STAGES)

lint:
	@bash test/check.sh lint

demo:
	@bash test/demo/run.sh

bench:
	@bash test/bench/run.sh

shell:
	@bash test/lib/server.sh shell

# What the test runner asks the lists for.
list-regress:
	@echo $(REGRESS)

list-isolation:
	@echo $(ISOLATION)

list-sources:
	@printf '%s\n' $(OBJS:.o=.c) $(SQL_PARTS)

else

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifeq (,$(PGXS))
$(error no server headers of PostgreSQL found: set PG_CONFIG, or install postgresql-server-dev-NN)
endif
include $(PGXS)

$(OBJS) $(OBJS:.o=.bc): $(INTERFACES)

loyalty--$(EXTVERSION).sql: $(SQL_PARTS)
	@cat $(addprefix $(srcdir)/,$(SQL_PARTS)) > $@.tmp && mv $@.tmp $@

endif
