#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Plugins of the minors that there are, in a daemon of a minor that does not exist yet.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/abi/grown.sh BUILD

BUILD is the folder of a whole build (tests/run.sh --build-dir). Its plugins are run by a daemon that
is built here, with the same compiler and flags, against headers in which every struct that may grow
has a field more (grow.py).
TEXT
}

[[ $# -eq 1 && -f ${1:-}/CMakeCache.txt ]] || {
    usage >&2
    exit 2
}
build=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(realpath "$here/../..")
grown=$build/grown

# As the plugins were built.
arguments=()
while IFS= read -r line; do
    arguments+=("-D$line")
done < <(grep -E '^(CMAKE_C_COMPILER|CMAKE_BUILD_TYPE|CMAKE_C_FLAGS_DEBUG|CMPD_SANITIZE|CMPD_FUZZ):' \
    "$build/CMakeCache.txt")

mkdir -p "$grown"
# Files that stay as they are keep their time, and what was built with them stays, too.
/usr/bin/python3 "$here/grow.py" "$grown/new"
while IFS= read -r file; do
    cmp -s "$grown/new/$file" "$grown/headers/$file" ||
        install -D -m 644 "$grown/new/$file" "$grown/headers/$file"
done < <(cd "$grown/new" && find . -type f)
cmake -S "$top" -B "$grown/build" -G Ninja "${arguments[@]}" -DCMPD_TESTS=OFF \
    "-DCMPD_INCLUDE_DIR=$grown/headers" >/dev/null
ninja -C "$grown/build" --quiet cmpd cmpctl

# A build as scenarios want it: programs of the one, plugins of the other.
mkdir -p "$grown/site"
ln -sfn ../build/cmpd ../build/cmpctl ../build/CMakeCache.txt ../../plugins ../../tests \
    "$grown/site"

export ASAN_OPTIONS=abort_on_error=0:halt_on_error=1:detect_stack_use_after_return=1
export LSAN_OPTIONS=suppressions=$top/tests/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
scenarios=()
for name in abi stores_conformance vpn; do
    scenarios+=("$top/tests/scenarios/test_$name.py")
done
env -u PYTHONPATH -u PYTHONHOME CMPD_BUILD_DIR="$grown/site" PYTHONDONTWRITEBYTECODE=1 \
    setpriv --pdeathsig TERM /usr/bin/python3 -m pytest -q -p no:cacheprovider --strict-markers \
    -c "$top/tests/pytest.ini" --rootdir "$top/tests" --numprocesses $((2 * $(nproc))) \
    -k 'not newer and not postgresql' "${scenarios[@]}"
