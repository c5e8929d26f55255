#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes include/cmp as the set of its minor, after a change while that minor is open, or when a new
one begins. When the ledger has closed it, that is for good: tests/abi/closed says so from then on,
and its set stays as it is."""

import shutil
import sys

from headers import CLOSED, OURS, SETS, Headers, closed, frozen_sets, sizes_row


def main():
    ours, sets = Headers(OURS), frozen_sets()
    if ours.number not in ours.ledger:
        sys.exit(f"update.py: ABI {ours.number} has no line in the ledger of <cmp/plugin.h>")
    kept = {headers.number: headers for headers in sets}
    if ours.number in closed():
        sys.exit(f"update.py: ABI {ours.number} is closed; begin the next minor")
    to = SETS / ours.number / "cmp"
    if to.exists():
        shutil.rmtree(to)
    shutil.copytree(OURS / "cmp", to)
    state = ours.ledger[ours.number]
    if state != "open":
        with CLOSED.open("a") as f:
            f.write(f"{ours.number} {state} {ours.digest()}\n")
    if ours.number not in kept and sets:
        print("Put this row at the end of core/plugin/abi_sizes.inc:\n" + sizes_row(sets[-1]))


if __name__ == "__main__":
    main()
