#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds cmpd and runs all its tests: units and fuzz seeds (ctest), then the scenarios (pytest).
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/run.sh [OPTION]... [-- CMAKE-ARGUMENT...]

  --build-dir DIR   where to build (default: build/ of this checkout)
  --threads-only    only what runs many threads: units labelled and scenarios marked `threads`
  --scenario WORDS  only scenarios whose name matches (pytest -k), and no units
  --units-only      no scenarios
  --jobs N          N scenarios at once (default: 3 for each processor, as they mostly wait;
                    1 with --scenario)
  --build-only      no tests at all
  --help            this text

What follows `--` goes to cmake, for example: tests/run.sh -- -DCMPD_SANITIZE=address
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(dirname "$here")
build=$top/build
target=all
ctest_arguments=()
pytest_arguments=()
units=yes
scenarios=yes
jobs=
cmake_arguments=()

wrong() {
    echo "tests/run.sh: $1" >&2
    usage >&2
    exit 2
}

while [[ $# -gt 0 ]]; do
    case $1 in
    --build-dir)
        [[ $# -ge 2 ]] || wrong "--build-dir wants a folder"
        build=$(realpath -m "$2")
        shift
        ;;
    --threads-only)
        target=threads
        ctest_arguments+=(-L '^threads$')
        pytest_arguments+=(-m threads)
        ;;
    --scenario)
        [[ $# -ge 2 ]] || wrong "--scenario wants words"
        pytest_arguments+=(-k "$2")
        units=no
        jobs=${jobs:-1}
        shift
        ;;
    --units-only) scenarios=no ;;
    --build-only) units=no scenarios=no ;;
    --jobs)
        [[ $# -ge 2 && $2 =~ ^[1-9][0-9]*$ ]] || wrong "--jobs wants a number"
        jobs=$2
        shift
        ;;
    --help)
        usage
        exit 0
        ;;
    --)
        shift
        cmake_arguments=("$@")
        break
        ;;
    *) wrong "what is $1?" ;;
    esac
    shift
done

on_exit() {
    local status=$?
    [[ $status -eq 0 ]] || echo "tests/run.sh: FAILED ($step)" >&2
}
step=packages
trap on_exit EXIT

# shellcheck source=etc/packages.sh
source "$top/etc/packages.sh"
packages_need "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}"

step=build
mkdir -p "$build"
if [[ ! -w $build ]]; then
    echo "tests/run.sh: $build belongs to somebody else; take another with --build-dir" >&2
    exit 1
fi
cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMPD_TESTS=ON \
    "${cmake_arguments[@]}" >/dev/null
ninja -C "$build" --quiet "$target" | sed '/^ninja: no work to do/d'

# A report of a sanitizer ends the program that it is about, and with it the test.
export ASAN_OPTIONS=abort_on_error=0:halt_on_error=1:detect_stack_use_after_return=1
export LSAN_OPTIONS=suppressions=$here/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

# When this script is killed, what it runs is ended, too; servers of tests then end by themselves.
tied=(setpriv --pdeathsig TERM)

# ThreadSanitizer wants its addresses free, which strong address randomisation does not promise.
if grep -q '^CMPD_SANITIZE:[A-Z]*=thread' "$build/CMakeCache.txt"; then
    tied+=(setarch "$(uname -m)" --addr-no-randomize)
fi

if [[ $units == yes ]]; then
    step=units
    "${tied[@]}" ctest --test-dir "$build" --output-on-failure --no-tests=error \
        -j "$(nproc)" "${ctest_arguments[@]}"
fi

if [[ $scenarios == yes ]]; then
    step=scenarios
    jobs=${jobs:-$((3 * $(nproc)))}
    [[ $jobs -eq 1 ]] || pytest_arguments+=(--numprocesses "$jobs")
    # Debian's own Python has the packages; another one may stand before it on PATH.
    env -u PYTHONPATH -u PYTHONHOME CMPD_BUILD_DIR="$build" PYTHONDONTWRITEBYTECODE=1 \
        "${tied[@]}" /usr/bin/python3 -m pytest -q -p no:cacheprovider \
        --strict-markers -c "$here/pytest.ini" --rootdir "$here" "${pytest_arguments[@]}" \
        "$here/scenarios"
fi

step=
echo "tests/run.sh: all good"
