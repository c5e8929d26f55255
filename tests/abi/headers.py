# SPDX-License-Identifier: Apache-2.0
"""What a set of plugin headers says: its structs and their fields, its enumerators, its ledger; and
how a compiler lays it out. The headers are regular enough to be read without one."""

import hashlib
import json
import re
import subprocess
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SETS = Path(__file__).resolve().parent
CLOSED = SETS / "closed"
OURS = TOP / "include"

STRUCT = re.compile(r"(?<!> )\bstruct (cmp_\w+) \{")  # no template
CONDITION = re.compile(r"^#(?:if|endif)\b.*$", re.M)  # fields that came later stand under one
COMMENT = re.compile(r"/\*.*?\*/", re.S)
NUMBER = re.compile(
    r"^#define (CMP_\w+) +(?:\d+|\(*size_t\)\d+(?: << \d+)?\)*|U?INT\d+_M(?:AX|IN)) *$", re.M
)
ENUM = re.compile(r"\benum(?: cmp_\w+)? \{([^}]*)\}")
LEDGER = re.compile(r"^ \*   (\d+\.\d+)  (\S+) +(.*(?:\n \*    .*)*)", re.M)
NEVER = re.compile(r"never grow[^:]*: ([\w, ]+)\.")


def without_comments(text):
    """And with one space where there were any."""
    return re.sub(r"\s+", " ", COMMENT.sub(" ", text)).strip()


def closing(text, at):
    """Behind the brace that closes the one before `at`."""
    depth = 1
    while depth > 0:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def declarations(body):
    """The members of a struct, split where a semicolon is in no brace."""
    depth, begin, found = 0, 0, []
    for at, c in enumerate(body):
        depth += {"{": 1, "}": -1}.get(c, 0)
        if c == ";" and depth == 0:
            found.append(body[begin:at].strip())
            begin = at + 1
    return found


def names_in(declaration):
    """Of the fields that it declares: several in `int64_t min, max`."""
    function = re.search(r"\(\*(\w+)\)\s*\(", declaration)
    if function is not None and "{" not in declaration:
        return [function[1]]
    last = declaration.split("}")[-1]
    return [re.search(r"(\w+)\s*(\[[^]]*\])?$", part.strip())[1] for part in last.split(",")]


class Headers:
    def __init__(self, folder):
        self.folder = Path(folder)
        files = sorted((self.folder / "cmp").glob("*.h"))
        self.text = {path.name: path.read_text() for path in files}
        self.code = {name: without_comments(text) for name, text in self.text.items()}
        whole = " ".join(without_comments(CONDITION.sub("", text)) for text in self.text.values())
        self.structs = {}  # name: [(fields, declaration)]
        for match in STRUCT.finditer(whole):
            body = whole[match.end() : closing(whole, match.end()) - 1]
            self.structs[match[1]] = [(names_in(d), d) for d in declarations(body)]
        macros = [NUMBER.findall(COMMENT.sub("", text)) for text in self.text.values()]
        self.numbers = [name for found in macros for name in found if name != "CMP_ABI_MINOR"]
        self.enumerators = [
            part.split("=")[0].strip()
            for match in ENUM.finditer(whole)
            for part in match[1].split(",")
            if part.strip()
        ]
        plugin = self.text["plugin.h"]
        self.number = "%s.%s" % tuple(
            re.search(rf"#define CMP_ABI_{part} (\d+)", whole)[1] for part in ("MAJOR", "MINOR")
        )
        rows = LEDGER.findall(plugin)
        self.ledger = {number: state for number, state, _ in rows}
        self.meant = {number: re.sub(r"[\s*]+", " ", words) for number, _, words in rows}
        never = NEVER.search(re.sub(r"\s+\*?\s*", " ", plugin))
        self.never_grow = re.findall(r"cmp_\w+", never[1]) if never else []

    def digest(self):
        """Of all that it says, comments included."""
        whole = "".join(f"{name}\n{text}" for name, text in sorted(self.text.items()))
        return hashlib.sha256(whole.encode()).hexdigest()

    def fields(self, struct):
        return [name for names, _ in self.structs[struct] for name in names]

    def layout(self, compiler):
        """Sizes, places of fields, and values of enumerators and macros."""
        lines = ["#include <cmp/plugin.h>", "#include <stdio.h>", "int main(void) {", 'puts("{");']
        for struct in self.structs:
            lines.append(f'printf("\\"{struct}\\": [0, %zu],\\n", sizeof(struct {struct}));')
            for field in self.fields(struct):
                of = f"((struct {struct} *)0)->{field}"
                lines.append(
                    f'printf("\\"{struct}.{field}\\": [%zu, %zu],\\n",'
                    f" offsetof(struct {struct}, {field}), sizeof({of}));"
                )
        values = self.enumerators + self.numbers
        lines += [f'printf("\\"{e}\\": %lld,\\n", (long long){e});' for e in values]
        return run_c(compiler, [*lines, 'puts("\\"\\": 0}");', "return 0; }"], self.folder)


    def sizes_for(self, compiler, number, structs):
        """Sizes of structs in a plugin that is built for an older minor."""
        lines = ["#include <cmp/plugin.h>", "#include <stdio.h>", "int main(void) {", 'puts("{");']
        for struct in structs:
            lines.append(f'printf("\\"{struct}\\": %zu,\\n", sizeof(struct {struct}));')
        minor = number.split(".")[1]
        lines = [f"#define CMP_ABI_MINOR {minor}", *lines, 'puts("\\"\\": 0}");', "return 0; }"]
        return run_c(compiler, lines, self.folder)


def run_c(compiler, lines, *folders, sources=()):
    """Compiles a program, runs it, and reads what it writes, which is JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        source, program = Path(scratch, "program.c"), Path(scratch, "program")
        source.write_text("\n".join(lines) + "\n")
        includes = [word for folder in folders for word in ("-I", folder)]
        command = [compiler, "-std=c17", *includes, source, *sources, "-o", program]
        subprocess.run(command, check=True)
        return json.loads(subprocess.run([program], check=True, capture_output=True).stdout)


# What the headers take of a C library, where there is none for 32 bits.
STRING_H = """#include <stddef.h>
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
"""


def on_32_bits(headers, compiler):
    """Structs that may grow and have padding behind their last field where pointers have 32 bits,
    with that field: 64 bits are aligned to 32 there, or to 64. Nothing is run, so the compiler alone
    has to know such a machine; where it does not, nothing is found."""
    lines = ["#include <cmp/plugin.h>"]
    for struct in growing():
        last = headers.fields(struct)[-1]
        end = f"offsetof(struct {struct}, {last}) + sizeof(((struct {struct} *)0)->{last})"
        lines.append(f'_Static_assert({end} == sizeof(struct {struct}), "{struct}.{last}");')
    found = set()
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "string.h").write_text(STRING_H)
        source = Path(scratch, "program.c")
        source.write_text("\n".join(lines) + "\n")
        for machine in (["-m32"], ["-m32", "-malign-double"]):
            command = [compiler, *machine, "-std=c17", "-ffreestanding", "-fsyntax-only"]
            command += ["-I", scratch, "-I", headers.folder, source]
            said = subprocess.run(command, capture_output=True, text=True).stderr
            found.update(re.findall(r'assert(?:ion)? failed.*\b(cmp_\w+)\.(\w+)"?$', said, re.M))
    return sorted(found)


def frozen_sets():
    """All minors that are kept, the newest last."""
    folders = [path for path in SETS.iterdir() if re.fullmatch(r"\d+\.\d+", path.name)]
    return [Headers(path) for path in sorted(folders, key=lambda p: int(p.name.split(".")[1]))]


def closed():
    """The minors that were closed: when, and the digest of their set."""
    lines = [line.split() for line in CLOSED.read_text().splitlines() if line[:1] != "#"]
    return {number: (date, digest) for number, date, digest in lines}


def growing():
    """The structs that the core has a row for."""
    text = (TOP / "core/plugin/abi.h").read_text()
    return re.findall(r"X\((cmp_\w+)\)", text)


def sizes_row(headers, compiler="cc"):
    """Its row of core/plugin/abi_sizes.inc."""
    layout = headers.layout(compiler)
    rows = [f"    [ABI_{name}] = {layout[name][1]},\n" for name in growing() if name in layout]
    return f"/* {headers.number} */\n{{{{\n{''.join(rows)}}}}},\n"
