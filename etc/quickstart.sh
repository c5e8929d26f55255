#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Ten minutes with cmpd: builds it, starts a small world of CMPs on loopback, each from a sample in
# etc/samples/, asks for a code of each kind as a peer and as a handset would, and goes on serving
# until Ctrl-C.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: etc/quickstart.sh [OPTION]...

  --once        stop after the requests
  --dir DIR     where certificates, keys, codes and logs go (default: run/ of this checkout)
  --port PORT   the first port on loopback (default: 8443); the next ones that are free follow
  --build-dir DIR
                where to build (default: build/ of this checkout)
  --help        this text
TEXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
dir=$top/run
build_dir=$top/build
next_port=8443
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
        --port) next_port=$2 ;;
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

# Who is there, and from which sample. a is the Home CMP; it knows b, d and the registry.
cmps=(a b c d child mcr)
declare -A host=(
    [a]=a.example.net [b]=b.example.net [c]=c.example.net [d]=d.example.net
    [child]=child.d.example.net [mcr]=mcr.example.net
)
declare -A sample=(
    [a]=home [b]=resolving [c]=resolving [d]=split-parent [child]=split-child [mcr]=mcr
)
declare -A port=() handsets=() pid=()

# shellcheck disable=SC2317  # called by the traps
stop() {
    local running=("${pid[@]}")
    pid=()
    [[ ${#running[@]} -gt 0 ]] || return 0
    kill -TERM "${running[@]}" 2>/dev/null || true
    wait "${running[@]}" || true
}
trap stop EXIT
trap 'echo; echo "Stopping."; stop; exit 0' INT TERM

say() {
    printf '\n\033[1m%s\033[0m\n' "$1"
}
[[ -t 1 ]] || say() {
    printf '\n%s\n' "$1"
}

# Writes a command as it can be pasted. A | stands between two.
show() {
    local word line=
    for word in "$@"; do
        [[ $word == "|" || $word =~ ^[A-Za-z0-9_./:=@%+,-]+$ ]] || word=${word@Q}
        line+=" $word"
    done
    echo "  \$$line"
}

# Shows a command, and runs it.
run() {
    show "$@"
    "$@"
}

taken() {
    (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

fail() {
    echo "$1" >&2
    tail -n 20 "$dir"/*/cmpd.log >&2
    exit 1
}

# shellcheck source=etc/packages.sh
source "$top/etc/packages.sh"
packages_need "${PACKAGES_BUILD[@]}" curl

build() {
    if [[ ! -f $build_dir/build.ninja ]]; then
        say "Building (the first time takes a minute)"
        cmake -S "$top" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
            -DCMPD_TESTS=OFF >/dev/null
    fi
    ninja -C "$build_dir" --quiet | sed '/^ninja: no work to do/d'
}

# ---- what is made once ----

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
    local name
    [[ ! -f $dir/.certificates ]] || return 0
    say "A CA, and a certificate of it for each CMP"
    certificate ca -days 3650 -subj "/CN=quickstart CA"
    for name in "${cmps[@]}"; do
        certificate "$name/server" -days 365 -subj "/CN=${host[$name]}" \
            -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
            -addext "basicConstraints=critical,CA:FALSE" \
            -addext "subjectAltName=DNS:${host[$name]},DNS:localhost,IP:127.0.0.1,IP:::1"
        cp "$dir/ca.pem" "$dir/$name/ca.pem"
    done
    touch "$dir/.certificates"
}

# exchange RECIPIENT REQUESTOR: whoever is asked makes the key (9.3.2), and hands it over.
exchange() {
    local id=$2-at-$1 handed=$dir/handed-over.txt
    run "$cmpctl" keys issue --keys "$dir/$1/keys.yaml" --peer "$2" --id "$id" | tee "$handed"
    local secret=(sed -n 's/^ *apikey  *//p' "$handed")
    local import=("$cmpctl" keys import --keys "$dir/$2/keys.yaml" --peer "$1" --id "$id")
    show "${secret[@]}" "|" "${import[@]}"
    "${secret[@]}" | "${import[@]}"
    rm "$handed"
}

make_keys() {
    local pair
    [[ ! -f $dir/.keys ]] || return 0
    rm -f "$dir"/*/keys.yaml
    say "A key: CMP a issues it to its peer b, and b takes it in on its own side"
    exchange a b
    echo "  … and so on for each CMP that asks another one."
    for pair in "b a" "d a" "mcr a" "b mcr" "c mcr" "d mcr" "child d"; do
        # shellcheck disable=SC2086  # two words
        exchange $pair >/dev/null
    done
    touch "$dir/.keys"
}

# codes NAME: its code file, from stdin, unless there is one: somebody may have changed it.
codes() {
    local file=$dir/$1/codes.ndjson
    [[ -f $file ]] || cat >"$file"
}

make_codes() {
    codes a < <(
        cat "$top/etc/samples/codes.ndjson"
        echo '{"ici":"1A0F1-MOVED","transferred_to":"b.example.net"}'
        echo '{"ici":"1A0F1-FAR","transferred_to":"c.example.net"}'
    )
    codes b <<'TEXT'
{"ici":"2B001-MENU","content":"https://b.example.net/menu"}
{"ici":"1A0F1-MOVED","content":"https://b.example.net/moved-here"}
TEXT
    codes c <<'TEXT'
{"ici":"3C001-MENU","content":"https://c.example.net/menu"}
{"ici":"1A0F1-FAR","content":"https://c.example.net/moved-far"}
TEXT
    codes d <<<'{"ici":"4D001-MENU","content":"https://d.example.net/menu"}'
    codes child <<<'{"ici":"4D0012-MENU","content":"https://child.d.example.net/menu"}'
}

# ---- what is made at every start ----

# Sets `free` to a port that nobody has.
take_port() {
    while taken "$next_port"; do
        next_port=$((next_port + 1))
    done
    free=$next_port
    next_port=$((next_port + 1))
}

choose_ports() {
    local name free
    for name in "${cmps[@]}"; do
        take_port
        port[$name]=$free
    done
    for name in a d; do
        take_port
        handsets[$name]=$free
    done
}

# addresses PORT: where a listener binds.
addresses() {
    local list="\"127.0.0.1:$1\""
    [[ ! -s /proc/net/if_inet6 ]] || list+=", \"[::1]:$1\""
    echo "[$list]"
}

# write_config NAME: its sample, with the addresses and ports of this machine.
write_config() {
    local name=$1 from=etc/samples/${sample[$1]}.yaml other
    local changes=(
        -e "s#\"0\\.0\\.0\\.0:443\"#$(addresses "${handsets[$name]:-0}")#"
        -e "s#\"0\\.0\\.0\\.0:[0-9]*\"#$(addresses "${port[$name]}")#"
        -e "s#/run/cmpd/admin.sock#admin.sock#"
        -e "s#format: json#format: text#"
    )
    if [[ $name == c ]]; then # the second one of its kind
        changes+=(-e "s#b\\.example\\.net#c.example.net#; s#2B001#3C001#")
    fi
    for other in "${cmps[@]}"; do
        changes+=(-e "s#\"https://${host[$other]}:[0-9]*#\"https://127.0.0.1:${port[$other]}#")
    done
    {
        echo "# Made by etc/quickstart.sh from $from."
        sed "${changes[@]}" "$top/$from"
        echo
        echo "workers: 1"
    } >"$dir/$name/cmpd.yaml"
}

wait_for() {
    local name=$1 wanted=$2
    for _ in {1..500}; do
        if taken "$wanted"; then
            return
        fi
        if ! kill -0 "${pid[$name]}" 2>/dev/null; then
            break
        fi
        sleep 0.02
    done
    echo "The CMP $name did not start:" >&2
    cat "$dir/$name/cmpd.log" >&2
    exit 1
}

start() {
    local name
    say "Starting six CMPs (their logs: $dir/*/cmpd.log)"
    for name in "${cmps[@]}"; do
        write_config "$name"
        show "$cmpd" -c "$dir/$name/cmpd.yaml"
        "$cmpd" -c "$dir/$name/cmpd.yaml" 2>"$dir/$name/cmpd.log" &
        pid[$name]=$!
    done
    for name in "${cmps[@]}"; do
        wait_for "$name" "${port[$name]}"
    done
    wait_for a "${handsets[a]}"
}

# ---- requests ----

# ask WHAT STATUS ARGUMENT...: one signed request of b to a, and whether it ended as it should.
ask() {
    local what=$1 expected=$2 status=0
    shift 2
    say "$what"
    run "$cmpctl" resolve "https://localhost:${port[a]}" "$@" \
        --keys "$dir/b/keys.yaml" --peer a --ca "$dir/ca.pem" || status=$?
    [[ $status -eq $expected ]] ||
        fail "That should have ended with $expected, not $status. The logs say:"
}

# scan WHAT ICI WORDS: asks a as a handset does, over MC-1, and shows the way that the request took.
# The answer has these words in it.
scan() {
    local answer command
    say "$1"
    command=(curl --silent --show-error --max-time 10 --cacert "$dir/ca.pem"
        "https://localhost:${handsets[a]}/mc-1/resolve-ici?ici=$2")
    show "${command[@]}"
    answer=$("${command[@]}") || true
    echo "$answer"
    [[ $answer == *"\"$3\""* ]] || fail "That should have had $3 in it. The logs say:"
    way "$2" a
}

# way ICI NAME [ARGUMENT...]: what that CMP does with it.
way() {
    local ici=$1 name=$2
    shift 2
    run "$cmpctl" explain "$ici" --config "$dir/$name/cmpd.yaml" "$@" || true
}

build
cmpd=$build_dir/cmpd
cmpctl=$build_dir/cmpctl
umask 077
for name in "${cmps[@]}"; do
    mkdir -p "$dir/$name"
done
make_certificates
make_keys
make_codes
choose_ports
start

ask "1. b asks a for a code of a's own" 0 1A0F1-MENU
ask "2. Somebody who reads French gets another variant" 0 1A0F1-MENU --param language=fr
ask "3. Nobody holds this one" 1 1A0F1-NONE

scan "4. A handset asks its Home CMP a, for a code of a's own" 1A0F1-MENU https://a.example.net/menu
scan "5. A code of b: found by its prefix" 2B001-MENU https://b.example.net/menu
scan "6. A code that a has transferred to b" 1A0F1-MOVED https://b.example.net/moved-here
scan "7. A code of c, whom a does not know: the registry relays" 3C001-MENU \
    https://c.example.net/menu
way 3C001-MENU mcr --as a --param count=1
scan "8. A code that a has transferred to c: through the registry, with addr" 1A0F1-FAR \
    https://c.example.net/moved-far
way 1A0F1-FAR mcr --as a --param addr=c.example.net --param count=1
scan "9. A code of a child behind the Split-CMP-Parent d" 4D0012-MENU \
    https://child.d.example.net/menu
way 4D0012-MENU d --as a --param count=1
scan "10. Nobody holds this one: the registry has said so" 5E001-MENU unknown_ici

if [[ $once == yes ]]; then
    say "All ten as expected. Stopping."
    exit 0
fi
say "Serving until Ctrl-C. Change a code file in $dir and ask again: paste the commands above."
wait -n || true
for name in "${cmps[@]}"; do
    kill -0 "${pid[$name]}" 2>/dev/null || echo "The CMP $name has ended; see its log." >&2
done
exit 1
