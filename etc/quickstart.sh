#!/usr/bin/env bash
# Ten minutes with cmpd: builds it, makes a CA, a certificate, keys and codes in a folder, starts a
# CMP on loopback, asks it three times as a peer would, and goes on serving until Ctrl-C.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: etc/quickstart.sh [OPTION]...

  --once        stop after the three requests
  --dir DIR     where certificates, keys, codes and the log go (default: run/ of this checkout)
  --port PORT   where to listen on loopback (default: 8443, or the next one that is free)
  --build-dir DIR
                where to build (default: build/ of this checkout)
  --help        this text
TEXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
dir=$top/run
build_dir=$top/build
port=
once=no

while [[ $# -gt 0 ]]; do
    case $1 in
    --once) once=yes ;;
    --dir | --build-dir | --port)
        if [[ $# -lt 2 || -z $2 ]]; then
            echo "quickstart: $1 wants a value" >&2
            exit 2
        fi
        case $1 in
        --dir) dir=$(realpath -m "$2") ;;
        --build-dir) build_dir=$(realpath -m "$2") ;;
        --port) port=$2 ;;
        esac
        shift
        ;;
    --help)
        usage
        exit 0
        ;;
    *)
        echo "quickstart: what is $1?" >&2
        usage >&2
        exit 2
        ;;
    esac
    shift
done

pid=
# shellcheck disable=SC2317  # called by the traps
stop() {
    [[ -n $pid ]] || return 0
    local it=$pid
    pid=
    kill -TERM "$it" 2>/dev/null || true
    wait "$it" || true
}
trap stop EXIT
trap 'echo; echo "Stopping."; stop; exit 0' INT TERM

say() {
    printf '\n\033[1m%s\033[0m\n' "$1"
}
[[ -t 1 ]] || say() {
    printf '\n%s\n' "$1"
}

# Writes a command as it can be pasted.
quoted() {
    local word line=
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./:=@%+,-]+$ ]] || word=${word@Q}
        line+=" $word"
    done
    echo "${line# }"
}

# Shows a command, and runs it.
run() {
    echo "  \$ $(quoted "$@")"
    "$@"
}

taken() {
    (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# shellcheck source=etc/packages.sh
source "$top/etc/packages.sh"
packages_need "${PACKAGES_BUILD[@]}"

build() {
    if [[ ! -f $build_dir/build.ninja ]]; then
        say "Building (the first time takes a minute)"
        cmake -S "$top" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
            -DCMPD_TESTS=OFF >/dev/null
    fi
    ninja -C "$build_dir" --quiet | sed '/^ninja: no work to do/d'
}

# certificate NAME ARGUMENT...: a key and a certificate of that name.
certificate() {
    local name=$1 said
    shift
    if ! said=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$dir/$name.key" -out "$dir/$name.pem" "$@" 2>&1); then
        echo "$said" >&2
        return 1
    fi
    echo "  $dir/$name.pem"
}

make_certificates() {
    [[ ! -f $dir/server.pem ]] || return 0
    say "A CA, and a certificate of it for the server"
    certificate ca -days 3650 -subj "/CN=quickstart CA"
    certificate server -days 365 -subj "/CN=a.example.net" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
        -addext "basicConstraints=critical,CA:FALSE" \
        -addext "subjectAltName=DNS:localhost,DNS:a.example.net,IP:127.0.0.1,IP:::1"
}

make_keys() {
    [[ ! -f $dir/peer-b.yaml ]] || return 0
    say "A key: CMP a issues it to its peer b, and b takes it in on its own side"
    rm -f "$dir/keys.yaml"
    run "$cmpctl" keys issue --keys "$dir/keys.yaml" --peer b --id b-1 | tee "$dir/handed-over.txt"
    local secret=(sed -n 's/^ *apikey  *//p' "$dir/handed-over.txt")
    local import=("$cmpctl" keys import --keys "$dir/peer-b.yaml" --peer a --id b-1)
    echo "  \$ $(quoted "${secret[@]}") | $(quoted "${import[@]}")"
    "${secret[@]}" | "${import[@]}"
}

make_codes() {
    [[ -f $dir/codes.ndjson ]] || cp "$top/etc/samples/codes.ndjson" "$dir/codes.ndjson"
}

choose_port() {
    if [[ -n $port ]]; then
        return
    fi
    port=8443
    while taken "$port"; do
        port=$((port + 1))
    done
}

write_config() {
    local bind="\"127.0.0.1:$port\""
    [[ ! -s /proc/net/if_inet6 ]] || bind+=", \"[::1]:$port\""
    cat >"$dir/cmpd.yaml" <<TEXT
# Made by etc/quickstart.sh. See etc/cmpd.yaml for a sample with comments.
cmp: {host: a.example.net, prefixes: [1A0F1]}
keys: keys.yaml
log: {level: info, format: text}
listeners:
  - name: peers
    bind: [$bind]
    interfaces: [mc-3]
    authenticate: [signatures]
    tls: {certificate: server.pem, key: server.key}
plugins:
  signatures: {use: auth_hmac}
  codes: {use: store_file, path: codes.ndjson}
resolve: {stores: [codes]}
peers:
  - {name: b, allow: {interfaces: [mc-3]}, rate: 500/s}
TEXT
}

start() {
    say "Starting cmpd on port $port (its log: $dir/cmpd.log)"
    if ! run "$cmpd" -t -c "$dir/cmpd.yaml" 2>"$dir/cmpd.log"; then
        cat "$dir/cmpd.log" >&2
        exit 1
    fi
    echo "  \$ $(quoted "$cmpd" -c "$dir/cmpd.yaml")"
    "$cmpd" -c "$dir/cmpd.yaml" 2>"$dir/cmpd.log" &
    pid=$!
    for _ in {1..200}; do
        if taken "$port"; then
            return
        fi
        if ! kill -0 "$pid" 2>/dev/null; then
            break
        fi
        sleep 0.02
    done
    echo "cmpd did not start:" >&2
    cat "$dir/cmpd.log" >&2
    exit 1
}

# ask WHAT STATUS ARGUMENT...: one signed request, and whether it ended as it should.
ask() {
    local what=$1 expected=$2 status=0
    shift 2
    say "$what"
    run "$cmpctl" resolve "https://localhost:$port" "$@" \
        --keys "$dir/peer-b.yaml" --peer a --ca "$dir/ca.pem" || status=$?
    if [[ $status -ne $expected ]]; then
        echo "That should have ended with $expected, not $status. The log says:" >&2
        tail -n 20 "$dir/cmpd.log" >&2
        exit 1
    fi
}

build
cmpd=$build_dir/cmpd
cmpctl=$build_dir/cmpctl
umask 077
mkdir -p "$dir"
make_certificates
make_keys
make_codes
choose_port
write_config
start
ask "1. A code of CMP a is resolved" 0 1A0F1-MENU
ask "2. Somebody who reads French gets another variant" 0 1A0F1-MENU --param language=fr
ask "3. Nobody holds this one" 1 1A0F1-NONE

if [[ $once == yes ]]; then
    say "All three as expected. Stopping."
    exit 0
fi
say "Serving until Ctrl-C. Change $dir/codes.ndjson and ask again: paste the commands above."
wait "$pid" || true
pid=
echo "cmpd has ended; its log: $dir/cmpd.log" >&2
exit 1
