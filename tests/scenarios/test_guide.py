# SPDX-License-Identifier: Apache-2.0
"""sdk/GUIDE.md keeps what it promises: each block of code is compiled, each command is run and its
output compared, and its tables have every function and every message that there is."""
import os
import re
import subprocess
import threading
from pathlib import Path

import pytest
import yaml
from daemon import BUILD, CMPD, ROOT, SANITIZED, run

GUIDE = (ROOT / "sdk/GUIDE.md").read_text()
BLOCK = re.compile(r"(?:<!-- (.+?) -->\n)?^```(\S+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)
STRICT = ["-std=c17", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-Wno-unused-function"]
STRICT += ["-Wno-unused-const-variable", "-fsyntax-only"]

pytestmark = pytest.mark.skipif(SANITIZED, reason="nobody gets what was built with a sanitizer")


class Shell:
    """One bash, in which all commands of the guide are typed in their order."""

    def __init__(self, folder):
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        (folder / "home").mkdir()
        (folder / "work").mkdir()
        (folder / "work/build").symlink_to(BUILD)
        self.process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder / "work",
            env={**keep, "HOME": str(folder / "home")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.end = threading.Timer(300, self.process.kill)
        self.end.start()

    def close(self):
        self.end.cancel()
        self.process.stdin.close()
        self.process.wait()

    def type(self, command):
        """What it prints, and its exit status."""
        self.process.stdin.write(f"{{ {command}\n}} </dev/null; printf '\\001%d\\n' $?\n")
        self.process.stdin.flush()
        said = ""
        while "\x01" not in said:
            line = self.process.stdout.readline()
            assert line, f"{command}: the shell has ended:\n{said}"
            said += line
        text, _, status = said.partition("\x01")
        return text, int(status)

    @property
    def folder(self):
        return Path(self.type("pwd")[0].strip())


@pytest.fixture
def shell(tmp_path):
    made = Shell(tmp_path)
    yield made
    made.close()


def pattern_of(lines):
    """… stands for anything in a line, and alone for any lines."""
    parts = []
    for line in lines:
        parts.append("(.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n")
    return "".join(parts)


def try_console(shell, text):
    for typed in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, *expected = typed.splitlines()
        said, status = shell.type(command)
        assert status == 0, f"{command}:\n{said}"
        assert re.fullmatch(pattern_of(expected), said), f"{command}:\n{said}"


def compile_unit(text):
    included = ["-I", ROOT / "include", "-I", ROOT / "sdk/kit/include"]
    ended = run("gcc", *STRICT, *included, "-x", "c", "-", input=text)
    assert ended.returncode == 0, ended.stderr


def try_cmake(shell, text):
    head = "cmake_minimum_required(VERSION 3.20)\nproject(mine C)\n"
    (shell.folder / "CMakeLists.txt").write_text(head + text)
    for command in ("cmake -B made -DCMAKE_PREFIX_PATH=$SDK", "cmake --build made"):
        said, status = shell.type(command)
        assert status == 0, said


def try_yaml(shell, site, text):
    """In a whole configuration, with the plugins that were built here."""
    said = yaml.safe_load(text)
    site.peer("b")
    site.config["plugin_path"].append(str(shell.folder))
    site.config["plugins"] |= said["plugins"]
    site.config["resolve"] |= said["resolve"]
    assert said["plugin_path"]
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 0, ended.stderr


def try_block(shell, site, mark, language, name, text):
    if language == "console":
        try_console(shell, text)
    elif language == "yaml":
        try_yaml(shell, site, text)
    elif language == "cmake":
        try_cmake(shell, text)
    elif name:
        (shell.folder / name).write_text(text)
    elif mark == "unit":
        compile_unit(text)
    elif mark and mark.startswith("from: "):
        assert text in (ROOT / "sdk" / mark.removeprefix("from: ")).read_text(), text
    elif mark and mark.startswith("generated: "):
        assert text in (shell.folder / mark.removeprefix("generated: ")).read_text(), text
    else:
        raise AssertionError(f"nobody tries this block of {language}:\n{text}")


def test_every_block(shell, site):
    blocks = BLOCK.findall(GUIDE)
    assert len(blocks) == GUIDE.count("\n```") // 2 and len(blocks) > 15
    for mark, language, name, text in blocks:
        try_block(shell, site, mark, language, name, text)


def test_the_daemon_with_a_sanitizers_runtime_ends_as_ever(shell):
    """It is started with the guide's own line, and told to stop."""
    start = re.search(r"`(LD_PRELOAD=[^`]*)`", GUIDE)[1]
    wait = "until grep -q ready: asan.log || ! kill -0 $!; do sleep 0.05; done"
    for command in (
        "cmake --install build --prefix $HOME/sdk",
        "export PATH=$HOME/sdk/bin:$HOME/sdk/sbin:$PATH",
        "cmpctl new-plugin --kind store store_shop && cd store_shop && make run",
        "make -B store_shop.so CFLAGS='-g -fsanitize=address'",
        f"{start} >asan.log 2>&1 & {wait}; kill $! && wait $!",
    ):
        said, status = shell.type(command)
        assert status == 0, f"{command}:\n{said}\n{shell.type('cat asan.log')[0]}"
    log = shell.type("cat asan.log")[0]
    assert "stopped" in log and "Sanitizer" not in log


# ---- tables ----


def section(title):
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(title):
    rows = [line for line in section(title).splitlines() if line.startswith("| ")][1:]
    return [re.match(r"\| (.*?) \|", row)[1] for row in rows]


def functions_of(header, struct):
    text = (ROOT / "include/cmp" / header).read_text()
    body = re.search(rf"typedef struct {struct} {{(.*?)^}} {struct};", text, re.M | re.S)[1]
    return set(re.findall(r"\(\*(\w+)\)\(", body))


def test_every_function_has_its_thread():
    there = functions_of("plugin.h", "cmp_plugin")
    for kind in ("auth", "store", "route"):
        there |= functions_of(f"{kind}.h", f"cmp_{kind}_ops")
    assert {cell.strip("`") for cell in first_cells("Which function, on which thread")} == there


def test_every_service_that_gives_something_has_its_owner():
    host = (ROOT / "include/cmp/host.h").read_text()
    services = set(re.findall(r"\(\*(\w+)\)\(", host.partition("struct cmp_host {")[2].partition("\n};")[0]))
    cells = " ".join(first_cells("Who owns what, and until when"))
    named = {word for word in re.findall(r"`(\w+)`", cells)}
    nothing_given = {"now_ms", "random", "count", "gauge_set", "gauge_add", "observe", "record_write"}
    nothing_given |= {"store_changed", "txn_interface", "txn_now_ms", "complete"}
    nothing_given |= {"timer_stop", "watch_stop", "watch_write", "origin_close", "https_cancel"}
    nothing_given |= {"run", "done", "work", "alloc", "visit"}  # what they are given to call
    assert services - named == nothing_given & services


def strings_of(path):
    """The texts of a C source, each as the guide writes it: … for what differs."""
    source = re.sub(r"/\*.*?\*/|^#.*?$", "", path.read_text(), flags=re.S | re.M)
    for run_of in re.findall(r'(?:"(?:[^"\\]|\\.)*"\s*)+', source):
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', run_of)).replace('\\"', '"')
        yield pattern_text(re.sub(r"%[-0-9.*]*(?:ll|z)?[a-z]", "…", text))


def pattern_text(text):
    """Numbers with a dot between them, and texts beside each other, are one thing that differs."""
    text = re.sub(r"…\.…|0x…|…\.0 to ….…", "…", text)
    return re.sub(r"(?:\s*…)+( to …)?", "…", text)


LOADING = ("library.c", "descriptor.c", "loader.c", "rows_check.c", "headers_check.c", "probe.c")


def test_every_message_of_loading_has_a_remedy():
    told = {pattern_text(cell.strip("`")) for cell in first_cells("When it is not loaded")}
    said = {text for name in LOADING for text in strings_of(ROOT / "core/plugin" / name)}
    messages = {text for text in said if len(re.findall(r"\w+|…", text)) > 2 or text == "refused:…"}
    assert messages - told == set()
    everywhere = {text for path in (ROOT / "core/plugin").glob("*.c") for text in strings_of(path)}
    assert told - everywhere == set()


def test_every_line_of_the_log_is_one():
    told = {pattern_text(cell.strip("`")) for cell in first_cells("What the log says of a plugin")}
    said = {text for path in (ROOT / "core").glob("*/*.c") for text in strings_of(path)}
    assert told - said == set()


def test_every_header_of_the_kit_is_named():
    there = {path.name for path in (ROOT / "sdk/kit/include/cmp-kit").glob("*.h")}
    assert {cell.strip("`") for cell in first_cells("The kit")} == there


def test_every_link_leads_somewhere():
    titles = {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in re.findall(r"^## (.*)$", GUIDE, re.M)}
    for text, link in re.findall(r"\[([^]]+)\]\(([^)]+)\)", GUIDE):
        if link.startswith("#"):
            assert link[1:] in titles, link
        else:
            assert (ROOT / "sdk" / link).exists(), link
