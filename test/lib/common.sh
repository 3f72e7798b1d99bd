# shellcheck shell=bash
#
# common.sh
#		What every script of the house stands on: tools, build, throw-away server.
#
# Use:
#
#	. "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
#	need server build				# installs by apt what is missing, and only that
#	build_extension					# compiles and stages; nothing is installed
#	server_start 'work_mem = 64MB'	# a server of your own, gone when you exit
#	server_database demo			# a database with the extension in it
#	sql "SELECT * FROM loyalty.earn('ann', 100)"
#	report 12 0						# last line of a test script
#
# Sourcing it sets -euo pipefail, umask 022 and LC_ALL, and forgets every PG*
# variable of the caller but PG_CONFIG: no script can reach a server that it
# did not start.
#
# Variables
#	PG_CONFIG		the PostgreSQL to use; default: the newest with headers
#	ROOT			top of the source tree, never written to but for build/
#	WORK			scratch directory of this script, removed when it ends
#	OWNER			who runs servers: postgres when root, else the caller
#	PG_MAJOR PG_BINDIR PG_PGXS_SRC	set by `need server` or `need build`
#	STAGE			the staged installation, set by build_extension
#	PGHOST PGPORT PGUSER PGDATABASE PATH	set by server_start
#
# Functions
#	need GROUP...		server, build, pgtap, tap, data: dies if it cannot be had;
#						lint, fuzz: returns 1 then, with a message
#	work_open			makes WORK and TREE (server_start and others call it)
#	tree_open			makes TREE, a copy of the sources that OWNER may write to
#	on_exit COMMAND		runs at the end, however it comes; last one first.
#						Never set an EXIT trap of your own
#	as_owner COMMAND	runs it as OWNER (initdb and postgres refuse root)
#	build_extension [DIR]	stages to DIR (default: WORK/stage)
#	extension_settings	lines for postgresql.conf that find STAGE
#	server_start [LINE...]	LINEs go to postgresql.conf; once per script
#	server_stop			at once if you need it; the end of the script does it too
#	server_database NAME [EXTENSION...]	with loyalty, and its schema in search_path
#	sql [ARGUMENT...] TEXT	one psql call, tuples only, stops at the first error
#	cluster_start DIR [LINE...], cluster_stop DIR	a server that outlives the script
#	say, warn, die		messages on standard error
#	report PASSED FAILED	prints the line the runner reads; status 1 if FAILED > 0

set -euo pipefail
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
WORK=
TREE=
STAGE=${LOYALTY_STAGE:-}
PG_MAJOR=
PG_BINDIR=
PG_PGXS_SRC=
CLUSTER_PORT=65432

# Jobs and flags of a calling make are not ours; neither is its server.
unset MAKEFLAGS MFLAGS MAKELEVEL LANGUAGE
for variable in "${!PG@}"; do
	case $variable in
		PG_CONFIG | PG_MAJOR | PG_BINDIR | PG_PGXS_SRC) ;;
		*) unset "$variable" ;;
	esac
done
unset variable
export LC_ALL=C.UTF-8

say()
{
	printf '%s\n' "$*" >&2
}

warn()
{
	say "warning: $*"
}

die()
{
	say "error: $*"
	exit 1
}

report()
{
	printf '%d passed, %d failed\n' "$1" "$2"
	[ "$2" -eq 0 ]
}

is_root()
{
	[ "$(id -u)" -eq 0 ]
}

# ---------------------------------------------------------------------------
# Scratch space
# ---------------------------------------------------------------------------

exit_commands=()

on_exit()
{
	exit_commands+=("$*")
}

run_exit_commands()
{
	local status=$? i

	trap '' INT TERM HUP
	set +e
	for ((i = ${#exit_commands[@]} - 1; i >= 0; i--)); do
		eval "${exit_commands[i]}"
	done
	exit "$status"
}

trap run_exit_commands EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

set_owner()
{
	if ! is_root; then
		OWNER=$(id -un)
	elif id postgres >/dev/null 2>&1; then
		OWNER=postgres
	else
		OWNER=nobody
	fi
}

# In a directory that OWNER may not enter, it starts in the root directory.
as_owner()
{
	if is_root; then
		(
			runuser -u "$OWNER" -- test -x "$PWD" || cd /
			HOME=$WORK exec runuser -u "$OWNER" -- "$@"
		)
	else
		"$@"
	fi
}

# Socket paths have at most 107 bytes, so TMPDIR is not asked.
work_open()
{
	[ -z "$WORK" ] || return 0
	set_owner
	WORK=$(mktemp -d "${LOYALTY_WORK:-/tmp}/loyalty.XXXXXX")
	on_exit work_close
	if is_root; then
		chown "$OWNER" "$WORK"
	fi
	mkdir "$WORK/tmp"
	chmod 1777 "$WORK/tmp"
	export TMPDIR=$WORK/tmp
}

# A child that was killed hard may have left a postmaster behind; it is ours
# if its data directory lies in WORK.
work_close()
{
	local file pid

	cd /
	while read -r file; do
		pid=$(head -n 1 "$file" 2>/dev/null) || continue
		if [ "$(readlink "/proc/$pid/cwd")" = "$(dirname "$file")" ]; then
			kill -QUIT "$pid" 2>/dev/null
			while kill -0 "$pid" 2>/dev/null; do
				sleep 0.1
			done
		fi
	done < <(find "$WORK" -name postmaster.pid 2>/dev/null)
	if [ -n "${LOYALTY_KEEP:-}" ]; then
		say "kept: $WORK"
	else
		rm -rf "$WORK"
	fi
}

copy_tree()
{
	tar -C "$ROOT" -cf - --exclude-vcs --exclude=./build --exclude=./tmp_stage \
		--exclude=./tmp_check --exclude=./results --exclude='*.o' --exclude='*.bc' \
		--exclude='*.so' --exclude=./loyalty--"$(extension_version)".sql . |
		tar -C "$1" -xf - --no-same-owner
}

tree_open()
{
	[ -z "$TREE" ] || return 0
	work_open
	TREE=$WORK/tree
	mkdir "$TREE"
	copy_tree "$TREE"
	if is_root; then
		chown -R "$OWNER" "$TREE"
	fi
}

extension_version()
{
	sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$ROOT/loyalty.control"
}

# ---------------------------------------------------------------------------
# Tools
# ---------------------------------------------------------------------------

apt_updated=

# Installs packages quietly; the log is shown only if that fails.
apt_install()
{
	local become=() log

	if ! command -v apt-get >/dev/null; then
		say "not found here: $*"
		say "apt-get is not found either; please install what these Debian packages" \
			"hold by the means of your system and try again"
		return 1
	fi
	if ! is_root; then
		if ! command -v sudo >/dev/null; then
			say "please run as root: apt-get install $*"
			return 1
		fi
		become=(sudo)
		if ! [ -t 0 ]; then
			become=(sudo -n)
		fi
	fi
	say "installing: $*"
	log=$(mktemp /tmp/loyalty-apt.XXXXXX)
	if [ -z "$apt_updated" ]; then
		"${become[@]}" apt-get -qq update >"$log" 2>&1 || true
		apt_updated=yes
	fi
	if ! "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
		cat "$log" >&2
		rm -f "$log"
		say "these packages could not be installed: $*"
		return 1
	fi
	rm -f "$log"
}

perl_has()
{
	perl -M"$1" -e 1 >/dev/null 2>&1
}

# pg_config of the newest server under /usr/lib/postgresql that has $1.
newest_debian()
{
	local dir

	for dir in $(printf '%s\n' /usr/lib/postgresql/*/ | sort -t / -k 5 -rn); do
		if [ -x "${dir}bin/postgres" ] && [ -e "$dir$1" ]; then
			printf '%s\n' "${dir}bin/pg_config"
			return
		fi
	done
}

has_headers()
{
	[ -x "$1" ] && [ -f "$("$1" --pgxs)" ] && [ -f "$("$1" --includedir-server)/postgres.h" ]
}

# Chooses PG_CONFIG; installs PostgreSQL and its headers if there are none.
find_postgres()
{
	local found

	if [ -n "$STAGE" ] && [ -x "$STAGE/postgres/bin/pg_config" ]; then
		PG_CONFIG=$STAGE/postgres/bin/pg_config
	elif [ -n "${PG_CONFIG:-}" ]; then
		found=$(command -v "$PG_CONFIG") || die "PG_CONFIG=$PG_CONFIG: no such program"
		PG_CONFIG=$found
	else
		PG_CONFIG=$(newest_debian lib/pgxs/src/makefiles/pgxs.mk)
		if [ -z "$PG_CONFIG" ] && found=$(command -v pg_config) && has_headers "$found" &&
			[ -x "$("$found" --bindir)/postgres" ]; then
			PG_CONFIG=$found
		fi
		if [ -z "$PG_CONFIG" ]; then
			found=$(newest_debian bin/postgres)
			if [ -z "$found" ]; then
				apt_install postgresql || die "no PostgreSQL"
				found=$(newest_debian bin/postgres)
			fi
			PG_CONFIG=$found
		fi
	fi
	if ! has_headers "$PG_CONFIG"; then
		found=$(expr "$PG_CONFIG" : '/usr/lib/postgresql/\([0-9]*\)/') ||
			die "the server headers that belong to $PG_CONFIG are not installed"
		apt_install "postgresql-server-dev-$found" || die "no server headers"
	fi
	export PG_CONFIG
	PG_BINDIR=$("$PG_CONFIG" --bindir)
	PG_MAJOR=$("$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
	# shellcheck disable=SC2034
	PG_PGXS_SRC=$(cd "$(dirname "$("$PG_CONFIG" --pgxs)")/.." && pwd)
	[ -x "$PG_BINDIR/postgres" ] || die "no server in $PG_BINDIR"
	[ "$PG_MAJOR" -ge 14 ] || die "PostgreSQL $PG_MAJOR is too old: 14 or later is needed"
	PATH=$PG_BINDIR:$PATH
}

need()
{
	local group packages=() optional=

	[ -n "$PG_BINDIR" ] || find_postgres
	for group in "$@"; do
		case $group in
			server) ;;
			build)
				if ! command -v make >/dev/null || ! command -v gcc >/dev/null; then
					packages+=(build-essential)
				fi
				;;
			pgtap)
				perl_has TAP::Harness || packages+=(perl)
				[ -f "$("$PG_CONFIG" --sharedir)/extension/pgtap.control" ] ||
					packages+=("postgresql-$PG_MAJOR-pgtap")
				;;
			tap)
				perl_has TAP::Harness || packages+=(perl)
				perl_has IPC::Run || packages+=(libipc-run-perl)
				;;
			data)
				command -v xz >/dev/null || packages+=(xz-utils)
				;;
			lint)
				optional=yes
				perl_has JSON::PP || packages+=(perl)
				command -v shellcheck >/dev/null || packages+=(shellcheck)
				command -v pg_bsd_indent >/dev/null || packages+=(pg-bsd-indent)
				;;
			fuzz)
				optional=yes
				if ! command -v clang >/dev/null ||
					! compgen -G '/usr/lib/*/clang/*/lib/*/libclang_rt.fuzzer*' >/dev/null &&
					! compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*' >/dev/null; then
					packages+=(clang libclang-rt-dev)
				fi
				;;
			*)
				die "need: unknown group $group"
				;;
		esac
	done
	if [ ${#packages[@]} -gt 0 ] && ! apt_install "${packages[@]}"; then
		[ -n "$optional" ] || exit 1
		return 1
	fi
}

# ---------------------------------------------------------------------------
# Build
# ---------------------------------------------------------------------------

server_knows()
{
	grep -qaF "$1" "$PG_BINDIR/postgres"
}

# Objects are kept in build/, one directory per PostgreSQL, so that a second run
# compiles only what changed.  A lock lets two runs share it.
build_extension()
{
	local dir log destination installer=()

	if [ -n "$STAGE" ] && [ $# -eq 0 ]; then
		return 0
	fi
	[ -n "$PG_BINDIR" ] || need server build
	work_open
	STAGE=${1:-$WORK/stage}
	destination=$STAGE
	dir=$ROOT/build/$("$PG_CONFIG" --version | tr -c 'A-Za-z0-9.\n' _)_$("$PG_CONFIG" --configure | cksum | cut -d ' ' -f 1)
	if ! mkdir -p "$dir" 2>/dev/null || ! [ -w "$dir" ]; then
		dir=$WORK/build
		mkdir -p "$dir"
	fi
	log=$WORK/build.log
	if ! server_knows extension_destdir && ! server_knows extension_control_path; then
		borrow_installation
		destination=
	fi
	if ! (
		flock 9
		copy_tree "$dir"
		make -C "$dir" -j "$(nproc)" with_llvm=no PG_CONFIG="$PG_CONFIG" all 9>&- &&
			"${installer[@]}" make -C "$dir" with_llvm=no PG_CONFIG="$PG_CONFIG" \
				DESTDIR="$destination" install 9>&-
	) 9>"$dir/.lock" >"$log" 2>&1; then
		cat "$log" >&2
		die "the build failed"
	fi
}

# A server without a setting for the place of extensions.  If it was built with
# a prefix of its own, a copy of that (in STAGE/postgres, where find_postgres
# looks first) finds everything relative to itself; else there is no way but to
# install into the server, through sudo unless we are root.
borrow_installation()
{
	local prefix=${PG_BINDIR%/*}

	if [[ "$prefix" != /usr && "$("$PG_CONFIG" --sharedir)" == "$prefix"/* &&
		"$("$PG_CONFIG" --pkglibdir)" == "$prefix"/* ]]; then
		mkdir -p "$STAGE"
		cp -a "$prefix" "$STAGE/postgres"
		find_postgres
	else
		warn "this server finds extensions only where it is installed: installing loyalty into it"
		mkdir -p "$STAGE"
		is_root || installer=(sudo)
	fi
}

extension_settings()
{
	if server_knows extension_destdir; then
		printf "extension_destdir = '%s'\n" "$STAGE"
	elif server_knows extension_control_path; then
		printf "extension_control_path = '%s:\$system'\n" "$STAGE$("$PG_CONFIG" --sharedir)"
		printf "dynamic_library_path = '%s:\$libdir'\n" "$STAGE$("$PG_CONFIG" --pkglibdir)"
	fi
}

# ---------------------------------------------------------------------------
# Servers
# ---------------------------------------------------------------------------

# DIR has data/, the socket in s/ and the file log.  DIR must not exist yet or
# be empty; when root, OWNER must be able to reach it.
cluster_start()
{
	local dir=$1
	shift

	mkdir -p "$dir/s"
	if is_root; then
		chown "$OWNER" "$dir" "$dir/s"
	fi
	if ! as_owner "$PG_BINDIR/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 \
		--locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 </dev/null; then
		cat "$dir/initdb.log" >&2
		die "initdb failed"
	fi
	{
		cat <<-END
			listen_addresses = ''
			unix_socket_directories = '$dir/s'
			port = $CLUSTER_PORT
			fsync = off
			max_connections = 100
			max_prepared_transactions = 10
			max_wal_size = 4GB
			timezone = 'UTC'
			log_timezone = 'UTC'
			log_line_prefix = '%m [%p] %a '
		END
		extension_settings
		if [ $# -gt 0 ]; then
			printf '%s\n' "$@"
		fi
	} >>"$dir/data/postgresql.conf"
	if ! as_owner "$PG_BINDIR/pg_ctl" -D "$dir/data" -l "$dir/log" -w -s start \
		>>"$dir/initdb.log" 2>&1 </dev/null; then
		cat "$dir/initdb.log" "$dir/log" >&2
		die "the server did not start"
	fi
}

cluster_stop()
{
	local dir=$1 mode=${2:-fast}

	if [ -f "$dir/data/postmaster.pid" ]; then
		as_owner "$PG_BINDIR/pg_ctl" -D "$dir/data" -m "$mode" -w -s stop </dev/null
	fi
}

use_cluster()
{
	export PGHOST=$1/s PGPORT=$CLUSTER_PORT PGUSER=postgres PGDATABASE=postgres
	export PSQLRC=/dev/null
}

server_start()
{
	[ -n "$STAGE" ] || build_extension
	work_open
	on_exit server_stop
	cluster_start "$WORK/server" "$@"
	use_cluster "$WORK/server"
}

server_stop()
{
	cluster_stop "$WORK/server" immediate
}

sql()
{
	psql -XqAt -v ON_ERROR_STOP=1 "${@:1:$#-1}" -c "${!#}"
}

server_database()
{
	local name=$1 extension
	shift

	createdb "$name"
	PGOPTIONS='-c client_min_messages=warning' sql -d "$name" \
		"ALTER DATABASE \"$name\" SET search_path = \"\$user\", public, loyalty"
	for extension in loyalty "$@"; do
		sql -d "$name" "CREATE EXTENSION $extension"
	done
}
