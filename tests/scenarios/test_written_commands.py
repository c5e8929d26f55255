# SPDX-License-Identifier: Apache-2.0
"""Commands that others are told to give work as they are written: they have all that they need, in
its place. (No daemon is there: none gets further than to its configuration.)"""
import re
import shlex

import pytest
from daemon import CMPCTL, CMPD, ROOT, run
from prometheus import rules

MAN = ROOT / "etc" / "man"
MISUSED = re.compile(r"see cmpctl .*--help|has to be given|there is no such (command|option)|Usage:")


def in_markdown(path):
    """Lines of examples, and what stands in backticks, but for mere names."""
    text = path.read_text()
    examples = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    lines = [line.split("&&")[-1].strip() for line in "\n".join(examples).splitlines()]
    found = [line for line in lines if line.startswith("cmpctl ")]
    spans = re.findall(r"`(cmpctl [^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return found + [span for span in spans if re.search(r" -|[A-Z]| accept", span)]


def in_a_manual(path):
    spans = re.findall(r"^\.Ql (cmpctl .*?)(?: [.,;])?$", path.read_text(), re.M)
    return [span.replace("Fl ", "-") for span in spans if re.search(r" -|[A-Z]| accept", span)]


def in_runbooks():
    """Here a name alone is a command, too: it is read at night."""
    texts = [" ".join(rule["annotations"].values()) for rule in rules().values()]
    return [span for text in texts for span in re.findall(r"`(cmpctl[^`]+)`", text)]


def told():
    found = in_markdown(ROOT / "README.md") + in_markdown(ROOT / "sdk" / "GUIDE.md") + in_runbooks()
    for path in sorted(MAN.iterdir()):
        found += in_a_manual(path)
    return sorted(set(found))


def words_of(command):
    command = re.sub(r"{{.*?}}", "x", command).replace("…", "x")
    command = re.sub(r" \[.*?\]| [<|] .*", "", command).replace("/etc/cmpd/", "absent/")
    return shlex.split(command, comments=True)[1:]


def test_some_were_found():
    found = " ".join(told())
    for words in ("plugin --config cmpd.yaml codes accept", "keys import", "journal stats", "resolve"):
        assert words in found


@pytest.mark.parametrize("command", told())
def test_a_command_has_all_that_it_needs(tmp_path, command):
    ended = run(CMPCTL, *words_of(command), cwd=tmp_path, input="")
    assert not MISUSED.search(ended.stderr), ended.stderr


def test_the_manual_of_the_daemon_has_its_options_and_statuses():
    page = (MAN / "cmpd.8").read_text()
    described = {f"-{name}" for name in re.findall(r"\bFl (-?[\w-]+)", page)}
    described |= {f"-{name}" for name in re.findall(r"\bFl \w , (-[\w-]+)", page)}
    usage = run(CMPD, "-h")
    assert usage.returncode == 0
    assert set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", usage.stdout)) <= described
    assert run(CMPD, "--nonsense").returncode == 2 and "2 when the options are wrong" in page
