# SPDX-License-Identifier: Apache-2.0
"""The journal of a node: read with cmpctl."""
import json
import time

from daemon import CMPCTL, run
from patience import PATIENCE


def keep(node, **settings):
    """Has the node keep a journal."""
    node.config["journal"] = {"path": "journal", **settings}
    return node


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
