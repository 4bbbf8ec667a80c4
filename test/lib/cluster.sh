#!/bin/bash
# A private PostgreSQL cluster with onefin preloaded, run by an ordinary user:
#
#   cluster.sh start DIR [PORT [SETTING=VALUE...]]   make it when DIR has none, start it, wait for it;
#                                   prints "PGHOST=... PGPORT=... PGUSER=..." (eval with export).
#                                   The socket is in DIR; 127.0.0.1 asks for a password. Without PORT,
#                                   or with 0: a free one, kept over restarts. Settings are kept, too.
#   cluster.sh stop DIR             orderly (fast) stop; harmless when it does not run
#   cluster.sh kill DIR             SIGKILL to every process of it at once, as by a power cut
#   cluster.sh remove DIR           stop, and delete DIR
#
# The extension comes from .build/root (`make extension`), or from another build directory that
# ONEFIN_BUILD names; its server.env, if any, is the server's environment. fsync is off unless
# fsync=on is given: that survives a killed server, not a killed machine. The log is DIR/log.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
build=${ONEFIN_BUILD:-$(realpath "$here/../..")/.build}
root=$build/root
bin=$(${PG_CONFIG:-pg_config} --bindir)

fail() { echo "cluster.sh: $*" >&2; exit 1; }
as_user() { "$here/as-user" "$@"; }
postmaster() { head -n 1 "$dir/data/postmaster.pid" 2>/dev/null || true; }
kept_port() { sed -n 's/^port = //p' "$dir/data/private.conf" 2>/dev/null || true; }
running() { as_user "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; }

# A port that nobody answers at, below the kernel's own range for outgoing connections.
free_port() {
    local port
    for _ in {1..100}; do
        port=$((20000 + RANDOM % 10000))
        (: </dev/tcp/127.0.0.1/$port) 2>/dev/null || { echo $port; return; }
    done
    fail "no free port between 20000 and 29999"
}

make_data() {
    local said
    mkdir -p "$dir"
    [ "$(id -u)" != 0 ] || chown postgres: "$dir"
    chmod 700 "$dir"
    # Only a complete data directory gets its name; what an interrupted start left is made anew.
    as_user rm -rf "$dir/data.new"
    said=$(as_user "$bin/initdb" -D "$dir/data.new" -U postgres -E UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 --no-sync 2>&1) || fail "initdb failed: $said"
    as_user tee -a "$dir/data.new/postgresql.conf" >/dev/null <<END
include '$root/onefin.conf'
include_if_exists 'private.conf'
END
    as_user mv "$dir/data.new" "$dir/data"
}

configure() {
    local port=${1:-0} setting
    shift || true
    [ "$port" != 0 ] || port=$(kept_port)
    [ -n "$port" ] || port=$(free_port)
    {
        echo "port = $port"
        echo "unix_socket_directories = '$dir'"
        echo "listen_addresses = '127.0.0.1'"
        echo "fsync = off"
        for setting; do echo "${setting%%=*} = '${setting#*=}'"; done
    } | as_user tee "$dir/data/private.conf" >/dev/null
}

start() {
    local said environment=()
    [ -f "$root/onefin.conf" ] || fail "the extension is not built: run \`make extension\`"
    [ ${#dir} -le 85 ] || fail "$dir is too long a path for a socket (85 bytes): take a shorter one"
    [ -f "$dir/data/PG_VERSION" ] || make_data
    if ! running; then
        if [ $# -gt 0 ] || [ ! -f "$dir/data/private.conf" ]; then configure "$@"; fi
        [ ! -f "$build/server.env" ] || mapfile -t environment <"$build/server.env"
        said=$(as_user env "${environment[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 120 start 2>&1) || {
            tail -n 20 "$dir/log" >&2
            fail "PostgreSQL does not start: $said"
        }
    fi
    echo "PGHOST=$dir PGPORT=$(kept_port) PGUSER=postgres"
}

stop() {
    if running; then as_user "$bin/pg_ctl" -D "$dir/data" -m fast -w -t 120 stop >/dev/null; fi
}

# Of a process, as ps has it: T stopped, Z dead and not yet buried; nothing when it is gone.
state_of() { sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null || true; }

# A postmaster that has stopped, which takes a moment, starts no children and buries none. While some
# of them end, the kernel's list may leave others out, so it is read until it names dead ones only.
kill_all() {
    local pid children living
    pid=$(postmaster)
    [ -n "$pid" ] || fail "no server runs in $dir"
    kill -STOP "$pid"
    while [ "$(state_of "$pid")" != T ]; do sleep 0.02; done
    while
        children=$(cat "/proc/$pid/task/$pid/children")
        # shellcheck disable=SC2086 # a list of numbers
        kill -KILL $children 2>/dev/null || true
        living=$(for child in $children; do state_of "$child"; done | tr -d 'Z\n')
        [ -n "$living" ]
    do sleep 0.02; done
    kill -KILL "$pid"
    for pid in $pid $children; do while [ -d "/proc/$pid" ]; do sleep 0.02; done; done
}

command=${1:-} dir=${2:-}
[ -n "$dir" ] || { sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 2; }
shift 2
dir=$(realpath -m "$dir")
case $command in
start) start "$@" ;;
stop) stop ;;
kill) kill_all ;;
remove) stop && rm -rf "$dir" ;;
*) fail "unknown command $command: start, stop, kill or remove" ;;
esac
