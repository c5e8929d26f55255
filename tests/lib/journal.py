# SPDX-License-Identifier: Apache-2.0
"""The journal of a node: read with cmpctl."""
import json
import time

from daemon import CMPCTL, run
from patience import PATIENCE
from world import home_and


def keep(node, **settings):
    """Has the node keep a journal."""
    node.config["journal"] = {"path": "journal", **settings}
    return node


def pair(world):
    """A Home CMP `a` that reaches `b` by prefix; both keep a journal, and `c` asks `a`."""
    b = keep(world.cmp("b", "2B001"))
    b.holds(**{"2B001_1": "https://b.example/1"})
    a = keep(home_and(world, b))
    a.holds(**{"1A0F1_1": "https://a.example/1"})
    return a, b


def folder(node):
    return node.folder / "journal"


def show(node, *words, command="show", check=True):
    """`cmpctl journal show`: the records as objects, and all that it says of them."""
    ended = run(CMPCTL, "journal", command, "--path", folder(node), "--form", "ndjson", *words)
    assert not check or ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr


def records(node, *words):
    found, said = show(node, *words)
    assert said == "", said
    return found


def wait_for(node, count, *words, seconds=PATIENCE):
    """The records, when there are so many: they are written some time after the answer."""
    deadline = time.monotonic() + seconds
    while True:
        found = records(node, *words)
        if len(found) >= count or time.monotonic() > deadline:
            assert len(found) == count, found
            return found
        time.sleep(0.02)
