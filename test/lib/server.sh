#!/usr/bin/env bash
#
# server.sh
#		A throw-away server to play with.
#
#	server.sh start DIR		build, start a server in DIR, create database loyalty
#	server.sh stop DIR		stop it and remove DIR
#	server.sh shell			psql in a server that is gone when you leave
#
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage()
{
	sed -n '3,8s/^#[[:space:]]\{0,2\}//p' "$0" >&2
	exit 2
}

[ $# -ge 1 ] || usage
case $1 in
	start)
		[ $# -eq 2 ] || usage
		dir=$(realpath -m "$2")
		if [ -e "$dir" ] && [ -n "$(ls -A "$dir")" ]; then
			die "$dir is not empty"
		fi
		need server build
		set_owner
		mkdir -p "$dir"
		build_extension "$dir/stage"
		cluster_start "$dir"
		use_cluster "$dir"
		server_database loyalty
		printf 'psql -h %s -p %s -U postgres loyalty\n' "$PGHOST" "$PGPORT"
		;;
	stop)
		[ $# -eq 2 ] || usage
		dir=$(realpath -m "$2")
		if ! [ -d "$dir/data" ] || ! [ -d "$dir/stage" ]; then
			die "no server of ours in $dir"
		fi
		need server
		work_open
		cluster_stop "$dir"
		rm -rf "$dir"
		;;
	shell)
		need server build
		server_start
		server_database loyalty
		say "PostgreSQL $PG_MAJOR with loyalty $(extension_version);" \
			"the server is gone when you leave"
		unset PSQLRC
		trap '' INT
		psql -d loyalty || true
		;;
	*)
		usage
		;;
esac
