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

section_weather() {
    CMPD_WEATHER_S=${1:-60} "$here/run.sh" --build-dir "$build" --scenario test_bad_weather
}

case $section in
attack | carrier | delay | weather) ;;
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
