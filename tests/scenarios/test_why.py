# SPDX-License-Identifier: Apache-2.0
"""`cmpctl why`: what became of a transaction, from the tid that somebody has."""
import json

import journal
import pytest
from daemon import CMPCTL, message, run


@pytest.fixture
def pair(world):
    return journal.pair(world)


def why(node, tid, *words):
    return run(CMPCTL, "why", tid, "--path", journal.folder(node), *words)


def test_why_tells_the_way_of_a_transaction(pair, world):
    a, _ = pair
    key = a.peer("c")
    world.start()
    asked = message(key, "2B001-2")
    assert a.send(asked).status == 404
    out, _ = sorted(journal.wait_for(a, 2), key=lambda r: r["kind"])
    for tid in (asked["tid"], out["tid"]):  # ours leads to theirs
        told = why(a, tid)
        assert told.returncode == 0, told.stderr
        assert "peer c asked for 2B001-2 on mc-3, listener peers" in told.stdout
        assert f"sent on to peer b under the tid {out['tid']}" in told.stdout
        assert "404 refused (unknown_ici)" in told.stdout
        assert "What can be done: cmpctl explain" in told.stdout
    as_json = [json.loads(line) for line in why(a, asked["tid"], "--json").stdout.splitlines()]
    assert {r["kind"] for r in as_json} == {"transaction", "attempt"}


def test_why_tells_of_a_rejection_and_of_nothing(pair, world):
    a, _ = pair
    key = a.peer("c")
    world.start()
    forged = message(key, "1A0F1-1") | {"signature": "00" * 32}
    assert a.send(forged).status == 401
    journal.wait_for(a, 1, "--kind", "rejection")
    told = why(a, forged["tid"])
    assert "rejected: a request from 127.0.0.1 for 1A0F1-1" in told.stdout
    assert f"apikeyid {key.id}, which was issued to peer c" in told.stdout
    assert "cmpctl verify" in told.stdout
    nothing = why(a, "no-such-tid")
    assert nothing.returncode == 1 and "neither the journal" in nothing.stderr
