#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes include/cmp as the set of its minor, after a change while that minor is open, or when a new
one begins. A minor that the ledger has closed stays as it is."""

import shutil
import sys

from headers import OURS, SETS, Headers, frozen_sets, sizes_row


def main():
    ours, sets = Headers(OURS), frozen_sets()
    if ours.number not in ours.ledger:
        sys.exit(f"update.py: ABI {ours.number} has no line in the ledger of <cmp/plugin.h>")
    kept = {headers.number: headers for headers in sets}
    old = kept.get(ours.number)
    if old is not None and old.ledger[ours.number] != "open" and old.code != ours.code:
        sys.exit(f"update.py: ABI {ours.number} is closed; begin the next minor")
    to = SETS / ours.number / "cmp"
    if to.exists():
        shutil.rmtree(to)
    shutil.copytree(OURS / "cmp", to)
    if old is None and sets:
        print("Put this row at the end of core/plugin/abi_sizes.inc:\n" + sizes_row(sets[-1]))


if __name__ == "__main__":
    main()
