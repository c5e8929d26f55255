#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What takes too long for every change, or wants a quiet machine: run by hand, and recorded.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/long.sh [--build-dir DIR] SECTION [ARGUMENT...]

Builds cmpd and its tests, and runs one section; the arguments are passed on to it.

  delay    the rate of one connection whose ends are 50 ms from each other, by receive_buffer
           (1 minute; needs root; tests/bench/delayed.py --help tells the arguments)
  carrier  5,000 handsets and an attacker behind one address, with the defaults: all are served
           (2 minutes; the argument is their number)
  attack   how partners fare beside each attack, with cmpd, nginx and HAProxy: a table for
           SECURITY.md (20 minutes; tests/bench/attacks.py --help tells the arguments)
  exchange two CMPs exchange 100,000 transactions, and faults are put into what they say of them; a
           daemon is killed 50 times under load (15 minutes; the arguments are the two numbers)
  idle     for how long one turn of a worker's loop keeps others waiting that has 19,500 idle
           connections, when their listener goes or all are to leave (2 minutes;
           tests/bench/idle.py --help tells the arguments)
  instructions
           how many instructions a signed resolve takes over HTTP/2 and HTTP/1.1 (2 minutes; meant
           for a build with -O2; tests/bench/instructions.py --help tells the arguments)
  reconcile
           cmpctl compares 10 million records of each side: time, memory, and whether it finds the
           faults that are in them (3 minutes, 5 GiB of disk; the arguments are the number of
           records, and a folder)
  reload-time
           how long a reload takes with a million codes and 1,000 peers, and how long it holds a
           worker (1 minute; tests/bench/reload.py --help tells the arguments)
  reloads  100 reloads that change things of every sort, or as many as the argument says, while
           requests come: none fails, and nothing grows (1 minute)
  restart  20 restarts by handover, or as many as the argument says, under load of h2 and HTTP/1.1:
           nobody is refused or reset, and no request fails (2 minutes)
  weather  peers and a store's server of bad manners, and clients that leave, all at once, for 60 s or
           as many as the argument says; meant for a build with a sanitizer:
             tests/run.sh --build-only --build-dir build-asan -- -DCMPD_SANITIZE=address
             tests/long.sh --build-dir build-asan weather
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(dirname "$here")
build=$top/build

wrong() {
    echo "tests/long.sh: $1" >&2
    usage >&2
    exit 2
}

if [[ ${1:-} == --build-dir ]]; then
    [[ $# -ge 2 ]] || wrong "--build-dir wants a folder"
    build=$(realpath -m "$2")
    shift 2
fi
[[ $# -ge 1 ]] || wrong "which section?"
section=$1
shift

# Debian's own Python has the packages; another one may stand before it on PATH.
python() {
    env -u PYTHONPATH -u PYTHONHOME PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$@"
}

section_attack() {
    packages_need "${PACKAGES_LONG[@]}"
    python "$here/bench/attacks.py" --build "$build" "$@"
}

section_delay() {
    python "$here/bench/delayed.py" --build "$build" "$@"
}

section_carrier() {
    CMPD_HANDSETS=${1:-5000} "$here/run.sh" --build-dir "$build" --scenario test_carrier
}

section_exchange() {
    CMPD_EXCHANGE=${1:-100000} "$here/run.sh" --build-dir "$build" \
        --scenario test_faults_are_found_each_in_its_class
    CMPD_KILLS=${2:-50} "$here/run.sh" --build-dir "$build" \
        --scenario test_a_killed_daemon_loses_the_last_batch_at_most
}

section_reconcile() {
    local count=${1:-10000000} folder
    packages_need time
    folder=$(mktemp -d "${2:-/var/tmp}/cmpd-reconcile-XXXXXX")
    # shellcheck disable=SC2064  # this folder
    trap "rm -rf '$folder'" EXIT
    "$build/tests/make_exports" "$count" "$folder/ours.csv" "$folder/theirs.ndjson" | sort \
        >"$folder/expected"
    ls -l "$folder"/*s.*
    /usr/bin/time -f '%e s, %U s of CPU, %M KiB' "$build/cmpctl" journal reconcile \
        "$folder/ours.csv" "$folder/theirs.ndjson" --temporary "$folder" --examples 0 --json --quiet \
        >"$folder/report" || [[ $? -eq 1 ]]
    python -c 'import json, sys
for word, count in json.load(sys.stdin)["classes"].items():
    print(word, count)' <"$folder/report" | grep -v " 0$" | sort | diff "$folder/expected" -
    echo "all faults were found, and no others"
}

section_restart() {
    CMPD_RESTARTS=${1:-20} "$here/run.sh" --build-dir "$build" \
        --scenario "test_restart and nobody_is_refused"
}

section_idle() {
    python "$here/bench/idle.py" --build "$build" "$@"
}

section_instructions() {
    python "$here/bench/instructions.py" --build "$build" "$@"
}

section_reload-time() {
    python "$here/bench/reload.py" --build "$build" "$@"
}

section_reloads() {
    CMPD_RELOADS=${1:-100} "$here/run.sh" --build-dir "$build" --scenario test_reload_load
}

section_weather() {
    CMPD_WEATHER_S=${1:-60} "$here/run.sh" --build-dir "$build" --scenario test_bad_weather
}

case $section in
attack | carrier | delay | exchange | idle | instructions | reconcile | reload-time | reloads | restart | weather) ;;
--help)
    usage
    exit 0
    ;;
*) wrong "$section is no section" ;;
esac

# shellcheck source=etc/packages.sh
source "$top/etc/packages.sh"
"$here/run.sh" --build-only --build-dir "$build"
"section_$section" "$@"
