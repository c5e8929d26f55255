#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL server for tests: on the loopback interface and a socket in its own folder, anybody
# may connect, nothing is written through to the disk.
#
#     postgres.sh init FOLDER PORT [NAME=VALUE …]   makes it, with settings; FOLDER is made, too
#     postgres.sh start FOLDER
#     postgres.sh stop FOLDER [fast|immediate]
#     postgres.sh promote FOLDER                    of a standby
#     postgres.sh standby FOLDER PORT PRIMARY       a streaming replica of the server in PRIMARY
#     postgres.sh guard FOLDER PROCESS              once that process has ended, however it did:
#                                                   stops the server and removes FOLDER
#
# The server does not run as root: it is the user `postgres` then.
set -eu

bin=$(printf "%s\n" /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
command=$1
folder=$2
shift 2

as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups env -C / "$@"
    else
        env -C / "$@"
    fi
}

make_folder() {
    mkdir -p "$folder"
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres "$folder"
    fi
}

configure() {
    as_server tee -a "$folder/data/postgresql.conf" >/dev/null <<EOF
port = $1
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder'
fsync = off
restart_after_crash = on
shared_buffers = 64MB
max_wal_size = 2GB
EOF
}

case $command in
init)
    make_folder
    as_server "$bin/initdb" --pgdata="$folder/data" --username=postgres --auth=trust \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    configure "$1"
    shift
    for setting in "$@"; do
        echo "$setting" | as_server tee -a "$folder/data/postgresql.conf" >/dev/null
    done
    ;;
standby)
    make_folder
    as_server "$bin/pg_basebackup" --pgdata="$folder/data" --host="$2" --port="$(
        sed -n 's/^port = //p' "$2/data/postgresql.conf" | tail -n 1
    )" --username=postgres --wal-method=stream --checkpoint=fast --write-recovery-conf --no-sync
    configure "$1"
    ;;
start)
    as_server "$bin/pg_ctl" start --pgdata="$folder/data" --log="$folder/log" --wait --timeout=30 \
        >/dev/null
    ;;
stop)
    as_server "$bin/pg_ctl" stop --pgdata="$folder/data" --mode="${1:-fast}" --wait --timeout=30 \
        >/dev/null
    ;;
guard)
    setsid sh "$0" guarded "$folder" "$1" </dev/null >/dev/null 2>&1 & # Ctrl-C is not for it
    ;;
guarded)
    trap '' TERM HUP # meant for all of a run, by its path
    tail --pid="$1" -f /dev/null
    if [ -d "$folder" ]; then
        as_server "$bin/pg_ctl" stop --pgdata="$folder/data" --mode=immediate || true
        rm -rf "$folder"
    fi
    ;;
promote)
    as_server "$bin/pg_ctl" promote --pgdata="$folder/data" --wait >/dev/null
    ;;
*)
    echo "postgres.sh: unknown command $command" >&2
    exit 2
    ;;
esac
