#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The plugin ABI keeps its promise: include/cmp equals the newest set of headers that is kept here,
minors only append, and the core reads each minor by its own sizes. Usage: check.py COMPILER"""

import re
import sys

from headers import OURS, TOP, Headers, closed, frozen_sets, growing, on_32_bits, run_c

UPDATE = "run tests/abi/update.py"
faults = []


def fault(words):
    faults.append(words)


def check_equal(ours, newest):
    """While a minor is open its set follows the headers, to the octet; when it is closed nothing
    but comments may change."""
    if ours.number != newest.number:
        fault(f"include/cmp is {ours.number}, the newest set here {newest.number}: {UPDATE}")
    elif newest.ledger.get(newest.number) == "open":
        if ours.text != newest.text:
            fault(f"include/cmp is no longer what tests/abi/{newest.number} keeps: {UPDATE}")
    elif ours.code != newest.code:
        changed = [name for name in ours.code if ours.code[name] != newest.code.get(name)]
        fault(
            f"ABI {ours.number} is closed, and {', '.join(changed) or 'a header'} of include/cmp"
            " has changed: begin the next minor (CMP_ABI_MINOR, a line in the ledger of"
            f" <cmp/plugin.h>), then {UPDATE}"
        )


def check_ledger(sets):
    for kept in sets:
        if kept.folder.name != kept.number:
            fault(f"tests/abi/{kept.folder.name} holds the headers of {kept.number}")
    ledger = sets[-1].ledger
    if list(ledger) != [kept.number for kept in sets]:
        fault(f"the ledger lists {', '.join(ledger)}; wanted a line for each set that is kept here")
    for number in list(ledger)[:-1]:
        if ledger[number] == "open":
            fault(f"ABI {number} is open in the ledger, and a newer one has begun")


def check_closed(ours, sets, kept):
    """What was closed stays to the octet, and so does what the ledger says of it: when, and what it
    has. A plugin that was built with it counts on that for as long as there is this major."""
    for headers in sets:
        number, state = headers.number, ours.ledger.get(headers.number)
        if number not in kept:
            if state != "open":
                fault(f"ABI {number} is closed in the ledger and not in tests/abi/closed: {UPDATE}")
            continue
        date, digest = kept[number]
        if headers.digest() != digest:
            fault(f"tests/abi/{number} is closed since {date}, and was changed")
        if (state, ours.meant.get(number)) != (date, headers.meant[number]):
            fault(f"the ledger's line of {number} was changed, which is closed since {date}")
    for number in kept.keys() - {headers.number for headers in sets}:
        fault(f"tests/abi/{number} is closed, and not there any more")


def type_used_by_value(declaration, names):
    for name in names:
        if re.search(rf"\b{name}\b(?! (?:const )?\*)", declaration):
            return name
    return None


def check_structs(headers, layout):
    """Each struct either has a row in the core or never grows. One that grows lies in no other and
    is not passed by value; and it has no padding at its end, into which a field could be appended
    that an older plugin has rubbish in."""
    grow = growing()
    for struct, members in headers.structs.items():
        if (struct in grow) == (struct in headers.never_grow):
            fault(
                f"{struct}: wanted a row in ABI_LIST (core/plugin/abi.h) when it may grow, or its"
                " name among those that never grow (<cmp/plugin.h>)"
            )
        for names, declaration in members:
            other = type_used_by_value(declaration, grow)
            if other is not None:
                fault(f"{struct}.{names[0]}: {other} may grow, and is used by value")
        last = f"{struct}.{headers.fields(struct)[-1]}"
        if struct in grow and sum(layout[last]) != layout[struct][1]:
            fault(f"{struct}: padding behind {last}; give it a field's place, or change the order")


def check_narrow(headers, compiler):
    """No padding where pointers have 32 bits either, whatever 64 bits are aligned to there."""
    for struct, field in on_32_bits(headers, compiler):
        fault(f"{struct}: padding behind {struct}.{field} where pointers have 32 bits")


def check_appended(old, new, old_layout, new_layout):
    for struct, members in old.structs.items():
        now = new.structs.get(struct, [])
        if now[: len(members)] != members:
            fault(f"{struct} of {old.number} is another in {new.number}: a minor only appends")
        elif struct in old.never_grow and now != members:
            fault(f"{struct} has grown in {new.number}, and never does")
    for name, value in old_layout.items():
        counts_them = name.endswith("_MAX") and name in old.enumerators
        if name not in old.structs and not counts_them and new_layout.get(name) != value:
            fault(f"{name} lies or counts otherwise in {new.number} than in {old.number}")


def check_built_for(ours, sets, layouts, compiler):
    """A plugin that is built for an older minor with our headers hands over what it would with that
    one's. The host's table is the host's, and may show all that there is."""
    for kept, layout in zip(sets, layouts):
        sizes = ours.sizes_for(compiler, kept.number, kept.structs)
        for struct in kept.structs:
            if struct != "cmp_host" and sizes[struct] != layout[struct][1]:
                fault(
                    f"{struct} is not as in {kept.number} when built for that: a field that came later"
                    " stands under #if CMP_ABI_MINOR >= its minor"
                )


def check_core(sets, layouts, compiler):
    """The core's table against the headers themselves."""
    lines = ['#include "plugin/abi.h"', "#include <stdio.h>", "int main(void) {", 'puts("[");']
    for minor in range(len(sets)):
        lines.append('puts("{");')
        for name in growing():
            size = f"abi_layout_of({minor})->size[ABI_{name}]"
            lines.append(f'printf("\\"{name}\\": %zu,\\n", (size_t){size});')
        lines.append('puts("\\"\\": 0},");')
    core = run_c(
        compiler,
        [*lines, 'puts("0]"); return 0; }'],
        OURS,
        TOP / "core",
        TOP / "sdk/kit/include",
        sources=[TOP / "core/plugin/abi.c"],
    )
    for kept, layout, table in zip(sets, layouts, core):
        for name in growing():
            size = layout[name][1] if name in layout else 0
            if table[name] != size:
                fault(f"core/plugin/abi.c: {name} has {table[name]} in {kept.number}, wanted {size}")


def main():
    compiler = sys.argv[1]
    ours, sets = Headers(OURS), frozen_sets()
    layouts = [kept.layout(compiler) for kept in sets]
    check_equal(ours, sets[-1])
    check_ledger(sets)
    check_closed(ours, sets, closed())
    check_structs(ours, ours.layout(compiler))
    check_narrow(ours, compiler)
    for i in range(1, len(sets)):
        check_appended(sets[i - 1], sets[i], layouts[i - 1], layouts[i])
    check_built_for(ours, sets, layouts, compiler)
    if not faults:
        check_core(sets, layouts, compiler)
    for words in faults:
        print(f"tests/abi: {words}", file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
