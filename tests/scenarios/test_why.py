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


def test_why_finds_the_transaction_among_what_others_made_of_its_tid(pair, world):
    a, _ = pair
    journal.keep(a, rejections="10000/s")
    key = a.peer("c")
    world.start()
    asked = message(key, "1A0F1-1")
    forged = asked | {"signature": "00" * 32}
    assert [a.send(forged).status for _ in range(70)] == [401] * 70
    assert a.send(asked).status == 200
    assert [a.send(asked).status for _ in range(70)] == [409] * 70
    journal.wait_for(a, 70, "--kind", "rejection")
    journal.wait_for(a, 71)
    told = why(a, asked["tid"])
    assert "peer c asked for 1A0F1-1" in told.stdout
    assert "200 resolved, decided by codes" in told.stdout
    assert "rejected: a request from 127.0.0.1" in told.stdout
    assert "13 more records in the midst of these are not shown" in told.stderr


def test_why_finds_a_rejection_by_its_whole_tid(pair, world):
    a, _ = pair
    key = a.peer("c")
    world.start()
    tid, ici = "t" * 128, "1A0F1-" + "x" * 250
    assert a.send(message(key, ici, tid=tid) | {"signature": "00" * 32}).status == 401
    (record,) = journal.wait_for(a, 1, "--kind", "rejection")
    assert (record["tid"], record["ici"]) == (tid, ici)
    assert "rejected: a request from 127.0.0.1" in why(a, tid).stdout


def test_why_says_that_handsets_leave_no_records(pair, world):
    a, _ = pair
    world.start()
    answer = a.scan("1A0F1-1")
    assert answer.status == 200
    told = why(a, answer.json["tid"])
    assert told.returncode == 1
    assert "A handset's request that succeeded here leaves no record, by design" in told.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["why", ""],
        *(["journal", "show", option, ""] for option in ("--peer", "--tid", "--ici", "--verdict")),
        ["journal", "export", "--full", "--peer", ""],
        ["journal", "stats", "--peer", ""],
    ],
)
def test_an_empty_filter_is_no_filter_for_all(tmp_path, words):
    (tmp_path / "journal").mkdir()
    refused = run(CMPCTL, *words, "--path", tmp_path / "journal")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "its value is empty" in refused.stderr
