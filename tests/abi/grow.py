#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the headers of a minor that does not exist: ours, with a field more at the end of every
struct that may grow, and the core's row for the minor before it. Usage: grow.py FOLDER"""

import re
import shutil
import sys
from pathlib import Path

from headers import OURS, TOP, Headers, growing, sizes_row

FIELD = "    uint64_t grown;\n"


def grown(text, struct):
    """The text with the field before the brace that ends that struct, as its name or a bare
    semicolon behind it tells."""
    begin = re.search(rf"^(?:typedef )?struct {struct} {{\n", text, re.M)
    if begin is None:
        return text
    end = text.index("\n}", begin.end()) + 1
    return text[:end] + FIELD + text[end:]


def main():
    to = Path(sys.argv[1])
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(OURS / "cmp", to / "cmp")
    ours = Headers(OURS)
    minor = int(ours.number.split(".")[1]) + 1
    for path in (to / "cmp").glob("*.h"):
        text = path.read_text()
        for struct in growing():
            text = grown(text, struct)
        text = re.sub(r"(#define CMP_ABI_MINOR) \d+", rf"\1 {minor}", text)
        path.write_text(text)
    made = Headers(to)
    missing = [struct for struct in growing() if "grown" not in made.fields(struct)]
    assert not missing, f"these did not grow: {missing}"
    (to / "plugin").mkdir()
    before = (TOP / "core/plugin/abi_sizes.inc").read_text()
    (to / "plugin/abi_sizes.inc").write_text(before + sizes_row(ours))


if __name__ == "__main__":
    main()
