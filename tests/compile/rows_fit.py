# SPDX-License-Identifier: Apache-2.0
"""An option row compiles with a field of its type and with no other, in C and in C++ (there to the
letter of its standard, as values that are made in place do), and the compiler says why. Usage: rows_fit.py COMPILER INCLUDE-FOLDER"""

import re
import subprocess
import sys

HEAD = """#include <cmp/plugin.h>
typedef struct inner { int64_t number; } inner;
typedef struct other { int64_t number; } other;
typedef struct fields {
    const char *text; char *own_text; int64_t number; uint64_t set; int choice; unsigned positive;
    int16_t small; bool boolean; cmp_cidrs networks; cmp_strings texts; cmp_rows list; inner group;
    other other_group;
} fields;
extern const char *const choices[];
CMP_OPTIONS(inner_rows, inner) = {CMP_ROW("number", INTEGER, inner, number, "h"), CMP_OPTION_END};
CMP_OPTIONS(rows, fields) = {
"""
TAIL = """CMP_OPTION_END};
extern const cmp_option *const seen[];
const cmp_option *const seen[] = {rows, inner_rows};
void make(cmp_str texts[2], cmp_op *op, cmp_record *record);
void make(cmp_str texts[2], cmp_op *op, cmp_record *record)
{
    texts[0] = CMP_NONE;
    texts[1] = CMP_STR("text");
    *op = CMP_OP_NONE;
    *record = CMP_RECORD_INIT;
}
"""
FIELDS = re.findall(r"(\w+)[;]", HEAD[HEAD.index("fields {") : HEAD.index("} fields")])

NUMBER = 'CMP_ROW("x", %s, fields, {}, "h", CMP_DEFAULT("1"), CMP_RANGE(1, 9)),'
PLAIN = 'CMP_ROW("x", %s, fields, {}, "h", CMP_REQUIRED),'

# A row, and the one field that fits it.
KINDS = [
    *((PLAIN % kind, "text") for kind in ("STRING", "PATH", "HOST", "SECRET", "RAW")),
    *((NUMBER % kind, "number") for kind in ("INTEGER", "DURATION", "SIZE", "RATE")),
    (PLAIN % "BOOLEAN", "boolean"),
    (PLAIN % "CIDRS", "networks"),
    (PLAIN % "STRINGS", "texts"),
    ('CMP_ROW_ENUM("x", fields, {}, choices, "h", CMP_DEFAULT("y")),', "choice"),
    ('CMP_ROW_ENUMS("x", fields, {}, choices, "h"),', "set"),
    ('CMP_ROW_ROWS("x", fields, {}, inner_rows, "h"),', "list"),
    ('CMP_ROW_GROUP("x", fields, {}, inner_rows, "h"),', "group"),
]


C = ["c", "-std=c17"]
CXX = ["c++", "-std=c++20", "-Wpedantic"]


def compile_rows(language, rows):
    """The compiler's words on a table of these rows, the first of them in line 1 of `rows.c`."""
    # g++ misses members that a designated initializer leaves out.
    flags = ["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-fsyntax-only"]
    if "clang" in sys.argv[1]:
        flags.append("-ferror-limit=0")  # it gives up at 20, gcc at none
    text = HEAD + '#line 1 "rows.c"\n' + "".join(row + "\n" for row in rows) + TAIL
    command = [sys.argv[1], "-x", *language, *flags, "-I", sys.argv[2], "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True).stderr


def lines_named(words):
    return {int(line) for line in re.findall(r"^rows\.c:(\d+):", words, re.M)}


def fits_in(language):
    words = compile_rows(language, [row.format(field) for row, field in KINDS])
    assert words == "", words


def no_other_fits_in_c():
    wrong = [row.format(other) for row, field in KINDS for other in FIELDS if other != field]
    words = compile_rows(C, wrong)
    assert lines_named(words) == set(range(1, len(wrong) + 1)), words
    said = re.findall(r"a row of type \w+ fills a [\w *]+, which fields\.\w+ is not", words)
    assert len(set(said)) == len(wrong), words


def no_other_fits_in_cxx():
    """Of the types that rows fill; a compiler speaks of each pair of types once."""
    kinds = list({field: row for row, field in KINDS}.items())
    wrong = [row.format(other) for field, row in kinds for other in FIELDS if other != field]
    words = compile_rows(CXX, wrong)
    assert lines_named(words) == set(range(1, len(wrong) + 1)), words
    assert "the type of a row does not fit its field" in words, words


fits_in(C)
fits_in(CXX)
no_other_fits_in_c()
no_other_fits_in_cxx()
