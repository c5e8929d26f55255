#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Changes one thing at a time in a source file, and looks whether a test notices.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/mutate.sh [OPTION]... FILE...

For each change: build, the units that include the file's header, then the scenarios that match
WORDS. Prints the changes that no test has noticed; the exit status is 1 when there are any.

  --lines A-B       only changes in these lines
  --count N         N changes of each file, chosen at random (default: all)
  --units REGEX     these units instead (ctest -R)
  --scenario WORDS  and these scenarios (pytest -k)
  --list            only the changes, nothing is built
  --help            this text

It works on a copy of the checkout, in build/mutate; so does not see what you change meanwhile.
TEXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
copy=$top/build/mutate
first=1 last=999999 count=999999 units='' words='' list=no files=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --lines) first=${2%-*} last=${2#*-} && shift ;;
    --count) count=$2 && shift ;;
    --units) units=$2 && shift ;;
    --scenario) words=$2 && shift ;;
    --list) list=yes ;;
    --help) usage && exit 0 ;;
    -*) usage >&2 && exit 2 ;;
    *) files+=("$(realpath --relative-to "$top" "$1")") ;;
    esac
    shift
done
[[ ${#files[@]} -gt 0 ]] || { usage >&2 && exit 2; }

# What sed -E does to one line; where it changes nothing there is nothing to try.
rules=(
    's/ < / <= /' 's/ <= / < /' 's/ > / >= /' 's/ >= / > /' 's/ == / != /' 's/ != / == /'
    's/ && [^&|]*(\) \{|;)$/\1/' 's/ && / || /' 's/ \|\| / \&\& /' 's/ \+ / - /' 's/ - / + /' 's/ \* 2/ * 1/'
    's/return true;/return false;/' 's/return false;/return true;/'
    's/(if|while) \((.*)\) \{$/\1 (!(\2)) {/'
    's/^( +)[a-z0-9_]+\(.*\);$/\1;/'                 # a call
    's/^( +)[a-z0-9_>.[-]+\]? [-+|&]?= .*;$/\1;/'      # an assignment
    's/^( +)[a-z0-9_>.-]+(\+\+|--);$/\1;/'
)

# Every change of a file: line number, a colon, the new line. Locks are ThreadSanitizer's.
changes_of() {
    local rule
    for rule in "${rules[@]}"; do
        diff --unchanged-line-format= --old-line-format= --new-line-format='%dn:%L' \
            "$1" <(sed -E -e /_mutex_/b -e "$rule" "$1") || true
    done | awk -F: -v a="$first" -v b="$last" '$1 >= a && $1 <= b' | sort -u
}

# The units that include its header; those of its folder when it has none.
units_of() {
    local name folder
    name=$(basename "$1" .c) folder=$(basename "$(dirname "$1")")
    (cd "$top/tests/unit" && grep -lE "#include \"(.*/)?$name\.h\"" test_*.c ||
        ls "test_$folder"*.c 2>/dev/null || ls "test_$name"*.c 2>/dev/null) |
        sed 's/\.c$//' | paste -sd '|'
}

build_and_test() {
    ninja -C "$copy/build" >"$copy/log" 2>&1 || { echo "does not build" && return; }
    timeout 600 ctest --test-dir "$copy/build" --no-tests=ignore --stop-on-failure --timeout 100 \
        -j "$(nproc)" -R "^($1)\$" >"$copy/log" 2>&1 || { echo "noticed" && return; }
    [[ -z $words ]] || "$copy/tests/run.sh" --build-dir "$copy/build" --scenario "$words" \
        --jobs "$(nproc)" >"$copy/log" 2>&1 || { echo "noticed" && return; }
    echo "NOT NOTICED"
}

if [[ $list == no ]]; then
    mkdir -p "$copy"
    tar -C "$top" --exclude='./build*' --exclude=./.git -cf - . | tar -C "$copy" -xf -
    cmake -S "$copy" -B "$copy/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMPD_TESTS=ON \
        -DCMAKE_C_FLAGS_RELWITHDEBINFO='-O1 -g -w' >/dev/null
    ninja -C "$copy/build" --quiet
fi
missed=0
for file in "${files[@]}"; do
    for_file=${units:-$(units_of "$file")}
    [[ -n $for_file$words ]] || { echo "$file: no unit is about it: say which test" >&2 && exit 2; }
    [[ $list == yes ]] || echo "$file: ${for_file//|/ }"
    while IFS=: read -r line text; do
        told="would be tried"
        if [[ $list == no ]]; then
            awk -v n="$line" -v text="${text//\\/\\\\}" 'NR == n { $0 = text } { print }' \
                "$top/$file" >"$copy/$file"
            told=$(build_and_test "$for_file")
            cp "$top/$file" "$copy/$file"
        fi
        printf '%s: %s:%s: %s  =>  %s\n' "$told" "$file" "$line" \
            "$(sed -n "${line}s/^ *//p" "$top/$file")" "${text#"${text%%[![:space:]]*}"}"
        [[ $told != "NOT NOTICED" ]] || missed=$((missed + 1))
    done < <(changes_of "$top/$file" | shuf -n "$count" | sort -t: -k1,1n)
done
[[ $missed -eq 0 ]] || { echo "$missed not noticed" >&2 && exit 1; }
