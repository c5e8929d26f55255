#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check.py notices what it is there for: each change of the headers that breaks the promise is made
in a copy of them. Usage: check_notices.py COMPILER"""

import shutil
import sys
import tempfile
from pathlib import Path

import check
from headers import OURS, Headers, frozen_sets

COMPILER = sys.argv[1]


def line(number, state):
    """Of the ledger."""
    return f" *   {number}  {state:<10}  "


REAL = Headers(OURS)
NUMBER = REAL.number
MAJOR, MINOR = (int(part) for part in NUMBER.split("."))
AFTER = f"{MAJOR}.{MINOR + 1}"
LINE, OPEN = line(NUMBER, REAL.ledger[NUMBER]), line(NUMBER, "open")
CLOSE = ("plugin.h", OPEN, line(NUMBER, "2027-01-01"))
COMMENT = ("base.h", "/* The words", "/* All the words")
NEXT_MINOR = [
    CLOSE,
    ("plugin.h", " * A minor with a", line(AFTER, "open") + "More.\n *\n * A minor with a"),
    ("base.h", f"CMP_ABI_MINOR {MINOR}", f"CMP_ABI_MINOR {MINOR + 1}"),
]


def changed(folder, *changes):
    """A copy of our headers, their minor open, in which a text of a file is another."""
    to = Path(tempfile.mkdtemp(dir=folder))
    shutil.copytree(OURS / "cmp", to / "cmp")
    for name, text, other in [("plugin.h", LINE, OPEN), *changes]:
        path = to / "cmp" / name
        old = path.read_text()
        assert text in old, f"{name} has no {text!r}"
        path.write_text(old.replace(text, other, 1))
    return Headers(to)


def notices(words, function, *arguments):
    """The one fault that is found has these words; None: there is none."""
    check.faults.clear()
    function(*arguments)
    found = check.faults
    good = found == [] if words is None else len(found) == 1 and words in found[0]
    assert good, f"wanted {words!r}, found {found}"


def equal(folder):
    def against(words, ours, newest):
        notices(words, check.check_equal, changed(folder, *ours), changed(folder, *newest))

    field = ("record.h", "    size_t variant_count;", "    size_t variant_count, more;")
    against(None, [], [])
    against(f"no longer what tests/abi/{NUMBER} keeps", [COMMENT], [])
    against(None, [CLOSE, COMMENT], [CLOSE])
    against(f"ABI {NUMBER} is closed, and record.h", [CLOSE, field], [CLOSE])
    against(f"include/cmp is {AFTER}", NEXT_MINOR, [])


def ledger(folder):
    before, ours, after = frozen_sets()[:-1], changed(folder), changed(folder, *NEXT_MINOR)
    ours.folder, after.folder = Path(NUMBER), Path(AFTER)
    notices(None, check.check_ledger, [*before, ours])
    notices(None, check.check_ledger, [*before, ours, after])
    notices("wanted a line for each set", check.check_ledger, [*before, after])
    after.ledger[NUMBER] = "open"
    notices("and a newer one has begun", check.check_ledger, [*before, ours, after])


def closed(folder):
    before, kept = frozen_sets()[:-1], changed(folder, CLOSE)
    record = {headers.number: check.closed()[headers.number] for headers in before}
    now = {**record, NUMBER: ("2027-01-01", kept.digest())}

    def after(words, *changes, sets=(kept,), record=now):
        ours = changed(folder, *changes)
        notices(words, check.check_closed, ours, [*before, *sets], record)

    after(None, CLOSE)
    after(None, CLOSE, COMMENT)
    after("and was changed", CLOSE, sets=[changed(folder, CLOSE, COMMENT)])
    after(f"the ledger's line of {NUMBER} was changed")
    more = ("plugin.h", CLOSE[2], CLOSE[2] + "More; ")
    after(f"the ledger's line of {NUMBER} was changed", CLOSE, more)
    after("not in tests/abi/closed", CLOSE, record=record)
    after(None, record=record)
    after(f"tests/abi/{NUMBER} is closed, and not there", CLOSE, sets=[])


def structs(folder):
    def in_structs(words, *changes):
        headers = changed(folder, *changes)
        notices(words, check.check_structs, headers, headers.layout(COMPILER))

    last = "    size_t variant_count;\n"
    made = "typedef struct cmp_made {\n    int at;\n} cmp_made;\n"
    in_structs(None)
    in_structs("cmp_made: wanted a row", ("record.h", "typedef enum", made + "typedef enum"))
    in_structs("padding behind cmp_record.more", ("record.h", last, last + "    bool more;\n"))
    by_value = ("route.h", "const cmp_record *record;", "cmp_record record;")
    in_structs("cmp_route_answer.record: cmp_record may grow", by_value)


def narrow(folder):
    def on_32_bits(words, *changes):
        notices(words, check.check_narrow, changed(folder, *changes), COMPILER)

    last = "    size_t variant_count;\n"
    on_32_bits(None)
    late = ("record.h", last, last + "    uint64_t more;\n    size_t most;\n")
    on_32_bits("padding behind cmp_record.most where", late)


def appended(folder):
    old = changed(folder)

    def in_next(words, *changes):
        new = changed(folder, *NEXT_MINOR, *changes)
        layouts = old.layout(COMPILER), new.layout(COMPILER)
        notices(words, check.check_appended, old, new, *layouts)

    last = "    size_t variant_count;\n"
    in_next(None, ("record.h", last, last + "    uint64_t more;\n"))
    bound = "    int64_t not_after_ms;"
    in_next(f"cmp_key of {NUMBER} is another", ("key.h", bound, bound.replace("int64", "uint64")))
    value = "    cmp_str value;\n"
    in_next("cmp_pair has grown", ("message.h", value, value + "    cmp_str more;\n"))
    revoked = "    CMP_RECORD_REVOKED,\n"
    in_next(None, ("record.h", revoked, revoked + "    CMP_RECORD_MORE,\n"))
    less = ("record.h", revoked, "    CMP_RECORD_LESS,\n" + revoked)
    in_next("CMP_RECORD_REVOKED lies or counts otherwise", less)
    none = "    CMP_INTERFACE_MAX\n"
    in_next(None, ("message.h", none, "    CMP_INTERFACE_MORE,\n" + none))
    in_next("CMP_ICI_MAX lies or counts otherwise", ("record.h", "(size_t)256)", "(size_t)512)"))
    in_next("CMP_TIME_MIN lies or counts", ("record.h", "CMP_TIME_MIN         INT64_MIN", "CMP_TIME_MIN INT64_MAX"))


def built_for(folder):
    old = changed(folder)

    def with_field(words, before, after):
        last = "    size_t variant_count;\n"
        field = f"{before}    uint64_t more;\n{after}"
        new = changed(folder, *NEXT_MINOR, ("record.h", last, last + field))
        layouts = [old.layout(COMPILER)]
        notices(words, check.check_built_for, new, [old], layouts, COMPILER)
        notices(None, check.check_appended, old, new, *layouts, new.layout(COMPILER))

    with_field("cmp_record is not as in", "", "")
    with_field(None, f"#if CMP_ABI_MINOR >= {MINOR + 1}\n", "#endif\n")


def core(folder):
    sets = [*frozen_sets()[:-1], changed(folder)]
    layouts = [headers.layout(COMPILER) for headers in sets]
    notices(None, check.check_core, sets, layouts, COMPILER)
    layouts[-1]["cmp_peer"] = [0, 8]
    notices("cmp_peer has", check.check_core, sets, layouts, COMPILER)


def main():
    with tempfile.TemporaryDirectory() as folder:
        for part in (equal, ledger, closed, structs, narrow, appended, built_for, core):
            part(folder)


if __name__ == "__main__":
    main()
