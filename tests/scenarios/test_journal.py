# SPDX-License-Identifier: Apache-2.0
"""The journal: one record for each transaction and attempt, which lead to each other."""
import http.client
import itertools
import json
import os
import random
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time
from urllib.parse import urlencode

import journal
import pytest
from daemon import CMPCTL, message, run
from patience import PATIENCE
from stores import ask_until_logged
from test_privacy import PERSONAL


BATCH_S = 0.1 + 0.4  # what the journal promises, and what a busy machine needs


@pytest.fixture
def pair(world):
    return journal.pair(world)


def test_a_transaction_and_its_attempt_lead_to_each_other(pair, world):
    a, b = pair
    key = a.peer("c")
    world.start()
    asked = message(key, "2B001-1", cc="GB")
    assert a.send(asked).status == 200
    assert a.send(message(key, "1A0F1-1")).status == 200
    assert a.send(message(key, "1A0F1-2")).status == 404
    there, out, here, absent = sorted(
        journal.wait_for(a, 4), key=lambda r: (r["ici"], r["kind"] == "attempt")
    )[-2:] + sorted(journal.wait_for(a, 4), key=lambda r: r["ici"])[:2]
    assert there["tid"] == asked["tid"] == out["origin_tid"]
    assert there["peer"] == "c" == out["origin_peer"]
    assert there["verdict"] == "relayed" and there["cc"] == "GB"
    assert (there["next_peer"], there["next_tid"]) == ("b", out["tid"])
    assert there["decided_by"] == "table" and there["status"] == 200
    assert [w["step"] for w in there["waits"] if "synchronous" not in w] == ["forward"]
    assert out["peer"] == "b" and out["direction"] == "out" and out["verdict"] == "resolved"
    assert out["took_us"] <= there["took_us"]
    assert (here["verdict"], here["decided_by"]) == ("resolved", "codes")
    assert (absent["verdict"], absent["code"], absent["status"]) == ("refused", "unknown_ici", 404)
    (at_b,) = journal.wait_for(b, 1)
    assert (at_b["tid"], at_b["peer"], at_b["verdict"]) == (out["tid"], "a", "resolved")
    assert at_b["decided_by"] == "codes" and at_b["cc"] == "GB"


def test_a_trace_goes_through_the_records_of_all(pair, world):
    a, b = pair
    b.config["log"] = {"level": "notice", "format": "json"}  # where nothing else asks for it
    world.start()
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = f"00-{trace}-00f067aa0ba902b7-01"
    assert a.scan("2B001-1", headers={"traceparent": parent}).status == 200
    assert a.scan("2B001-1", headers={"traceparent": parent.upper()}).status == 200
    found = journal.wait_for(a, 4) + journal.wait_for(b, 2)
    assert sorted(r.get("trace", "") for r in found) == [""] * 3 + [trace] * 3
    lines = a.wait_until_handled(2)
    assert [line.get("trace") for line in lines] == [trace, None]


def test_who_is_not_authenticated_is_in_a_record_of_its_own(pair, world):
    a, _ = pair
    journal.keep(a, rejections="1/s")
    key = a.peer("c")
    world.start()
    forged = message(key, "1A0F1-1") | {"signature": "00" * 32}
    began = time.monotonic()
    statuses = [a.send(forged).status for _ in range(20)]
    took_s = time.monotonic() - began
    assert statuses == [401] * 20
    assert a.send(message(key, "1A0F1-1")).status == 200
    (good,) = journal.wait_for(a, 1)
    assert good["verdict"] == "resolved"
    (first, *others), said = journal.show(a, "--kind", "rejection")
    assert len(others) <= took_s + 1
    assert (first["tid"], first["code"]) == (forged["tid"], "authentication_failed")
    assert (first["peer"], first["source"], first["plugin"]) == ("c", "127.0.0.1", "hmac")
    assert first["reason"]
    assert a.counter("journal", "rejections_not_recorded") == 19 - len(others)
    assert "missing" not in said


def test_handsets_leave_records_where_they_lead_to_others(pair, world):
    a, _ = pair
    world.start()
    assert a.scan("1A0F1-1").status == 200
    assert a.scan("2B001-1").status == 200
    out, there = sorted(journal.wait_for(a, 2), key=lambda r: r["kind"])
    assert (there["interface"], there["tid"]) == ("mc-1", out["origin_tid"])
    assert "peer" not in there


def test_a_peer_that_does_not_answer(pair, world):
    a, b = pair
    key = a.peer("c")
    world.start()
    b.stop()
    assert a.send(message(key, "2B001-1")).status == 502
    attempts = journal.wait_for(a, 1, "--kind", "attempt")
    assert [r["verdict"] for r in attempts] == ["not_sent"]


def test_filters_forms_and_counts(pair, world):
    a, _ = pair
    key = a.peer("c")
    world.start()
    for ici in ("1A0F1-1", "1A0F1-1", "1A0F1-2", "2B001-1"):
        a.send(message(key, ici))
    everything = journal.wait_for(a, 5)
    assert len(journal.records(a, "--verdict", "unknown_ici")) == 1
    assert len(journal.records(a, "--verdict", "resolved")) == 3
    assert len(journal.records(a, "--ici", "1a0f1-1")) == 2
    assert len(journal.records(a, "--peer", "b")) == 2  # the transaction, and its attempt
    assert len(journal.records(a, "--kind", "attempt")) == 1
    tid = next(r["tid"] for r in everything if r["kind"] == "attempt")
    assert len(journal.records(a, "--tid", tid)) == 2
    assert journal.records(a, "--until", "1h") == []
    assert len(journal.records(a, "--from", "1h")) == 5
    table = run(CMPCTL, "journal", "show", "--config", a.folder / "cmpd.yaml").stdout
    assert len(table.splitlines()) == 6 and "unknown_ici" in table
    exported = run(CMPCTL, "journal", "export", "--path", journal.folder(a), "--form", "csv")
    head, *rows = exported.stdout.splitlines()
    assert head == "time,kind,direction,peer,tid,ici,verdict,code,status,attempt,cc"
    assert len(rows) == 5
    counted = run(
        CMPCTL, "journal", "stats", "--path", journal.folder(a), "--by", "peer,verdict",
        "--form", "csv", "--quiet",
    )  # fmt: skip
    rows = [line.split(",")[:3] for line in counted.stdout.splitlines()]
    assert rows[0] == ["peer", "verdict", "count"]
    assert sorted(rows[1:]) == [
        ["b", "resolved", "1"], ["c", "relayed", "1"], ["c", "resolved", "2"],
        ["c", "unknown_ici", "1"],
    ]  # fmt: skip


def test_follow_shows_what_comes(pair, world):
    a, _ = pair
    journal.keep(a, segment_age="1s")
    key = a.peer("c")
    world.start()
    followed = subprocess.Popen(
        [CMPCTL, "journal", "follow", "--path", journal.folder(a), "--form", "ndjson"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(3):
            asked = message(key, "1A0F1-1")
            assert a.send(asked).status == 200
            assert json.loads(followed.stdout.readline())["tid"] == asked["tid"]
            wait_until(lambda: not list(journal.folder(a).glob("journal-*.cmpj")))
    finally:
        followed.send_signal(signal.SIGINT)
        followed.wait(PATIENCE)
        followed.stdout.close()


def wait_until(holds, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_segments_that_have_ended_are_compressed(pair, world):
    a, _ = pair
    journal.keep(a, segment_age="1s")
    key = a.peer("c")
    world.start()
    assert a.send(message(key, "1A0F1-1")).status == 200
    wait_until(lambda: list(journal.folder(a).glob("journal-*.cmpj.zst")))
    assert len(journal.records(a)) == 1
    assert a.send(message(key, "1A0F1-1")).status == 200
    assert len(journal.wait_for(a, 2)) == 2


def test_a_start_without_a_folder_says_why(site):
    journal.keep(site)
    (site.folder / "journal").write_text("no folder\n")
    site.expect_error("the folder: Not a directory")
    with pytest.raises(AssertionError, match="journal.path: .*Not a directory"):
        site.start()


def test_no_personal_data_but_as_pseudonyms(pair, world):
    a, b = pair
    personal = list(PERSONAL)
    journal.keep(a, pseudonyms=personal)
    key = a.peer("c")
    world.start()
    for ici in ("1A0F1-1", "2B001-1", "1A0F1-2"):
        assert a.send(message(key, ici) | PERSONAL).status in (200, 404)
    a.send(message(key, "1A0F1-1") | PERSONAL | {"signature": "00"})
    a.scan("2B001-1", **PERSONAL)
    found = journal.wait_for(a, 6)
    journal.wait_for(b, 2)
    transactions = [r for r in found if r["kind"] == "transaction"]
    assert all(set(r["pseudonyms"]) == {"key", *personal} for r in transactions)
    assert len({r["pseudonyms"]["user"] for r in transactions}) == 1
    stats = run(CMPCTL, "stats", "--json", "--socket", a.folder / "admin.sock").stdout
    world.stop()
    kept = [p.read_bytes() for n in (a, b) for p in journal.folder(n).rglob("*") if p.is_file()]
    kept += [n.log_text().encode() for n in (a, b)] + [stats.encode()]
    random_ids = rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    everything = re.sub(random_ids, b"", b"\n".join(kept))
    for name, value in PERSONAL.items():
        if name != "gender":
            assert value.encode() not in everything, name
    assert b"female" not in everything.lower()


class Load(threading.Thread):
    """Asks one request after the other on one connection, for these ICIs or for one without
    end; `answered` are its tids, with the time."""

    def __init__(self, site, key, icis=itertools.repeat("1A0F1-1")):
        super().__init__(daemon=True)
        self.site, self.key, self.icis = site, key, icis
        self.answered, self.statuses = [], []

    def reach(self):
        return self.answered[-1][0] - self.answered[0][0] if self.answered else 0

    def run(self):
        context = ssl.create_default_context(cafile=str(self.site.authority.path))
        connection = http.client.HTTPSConnection("127.0.0.1", self.site.port, context=context)
        try:
            for ici in self.icis:
                asked = message(self.key, ici)
                connection.request("GET", "/mc-3/resolve-ici?" + urlencode(asked))
                answer = connection.getresponse()
                answer.read()
                self.statuses.append(answer.status)
                self.answered.append((time.monotonic(), asked["tid"]))
        except (OSError, http.client.HTTPException):
            pass  # it was killed
        finally:
            connection.close()


def test_a_killed_daemon_loses_the_last_batch_at_most(site):
    journal.keep(site, segment_size="64K")
    site.write_codes({"ici": "1A0F1-1", "content": "https://a.example/1"})
    key = site.peer("c")
    answered, written = [], set()
    quiet = "CMPD_KILLS" in os.environ  # then the machine is ours, and times can be held to
    for _ in range(int(os.environ.get("CMPD_KILLS", "5"))):
        site.start()
        loads = [Load(site, key) for _ in range(2)]
        for load in loads:
            load.start()
        reach = 2 * BATCH_S + random.random() / 5  # it ends anywhere in a batch
        wait_until(lambda: all(load.reach() > reach for load in loads))
        so_far = {tid for load in loads for _, tid in list(load.answered)}
        wait_until(lambda: quiet or so_far <= {r["tid"] for r in journal.show(site)[0]})
        written |= set() if quiet else so_far
        killed = time.monotonic()
        site.signal(signal.SIGKILL)
        site.wait()
        for load in loads:
            load.join()
            answered += [(at < killed - BATCH_S, tid) for at, tid in load.answered]
    found, said = journal.show(site)
    assert "missing" not in said and "twice" not in said and "damaged" not in said, said
    tids = [record["tid"] for record in found]
    assert len(set(tids)) == len(tids)
    early = {tid for is_early, tid in answered if is_early and quiet}
    assert early or written
    assert early | written <= set(tids)


def test_what_is_torn_is_said_and_the_rest_is_read(site):
    journal.keep(site)
    site.write_codes({"ici": "1A0F1-1", "content": "https://a.example/1"})
    key = site.peer("c")
    site.start()
    for _ in range(3):
        assert site.ask(key, "1A0F1-1").status == 200
        journal.wait_for(site, _ + 1)  # each is a block of its own
    site.stop()
    (segment,) = journal.folder(site).glob("journal-*.cmpj")
    segment.write_bytes(segment.read_bytes()[:-1])
    found, said = journal.show(site)
    assert len(found) == 2 and "no whole end" in said


def test_without_room_requests_are_refused_before_the_work(site):
    journal.keep(site, when_full="refuse", segment_age="1s")
    site.config |= {"workers": 1, "log": {"level": "error", "format": "json"}, "admin": {"socket": "s"}}
    site.expect_error("cannot be written")
    site.expect_error("could not be written")
    asked = site.counting()
    key = site.peer("c")
    site.mute = True
    site.start()
    wait_until(lambda: site.ask(key, "1A0F1-COUNTED").status == 200)
    folder = journal.folder(site)  # without it there can be no new segment, as on a full disk
    # Who compresses may still write into it.
    wait_until(lambda: shutil.rmtree(folder, ignore_errors=True) or not folder.exists())
    # One is wanted as soon as the open one has ended.
    ask_until_logged(site, "cannot be written", lambda: site.ask(key, "1A0F1-COUNTED"))
    statuses = []
    while 503 not in statuses and len(statuses) < 20000:
        load = Load(site, key, icis=["1A0F1-COUNTED"] * 500)
        load.run()
        statuses += load.statuses
    before = asked()
    refused = site.ask(key, "1A0F1-COUNTED")
    assert (refused.status, refused.code) == (503, "overloaded")
    assert int(refused.headers["retry-after"]) > 0
    assert asked() == before  # nothing was done for it
    assert site.counter("journal", "dropped") == 0


def test_a_restart_goes_on_with_the_journal(site):
    journal.keep(site, segment_age="1s")
    site.config["admin"] = {"socket": "admin.sock"}
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    key = site.peer("c")
    site.start()
    tids = []
    for _ in range(2):
        load = Load(site, key, icis=["1A0F1-1"] * 50)
        load.run()
        before = site.restart()
        after = Load(site, key, icis=["1A0F1-1"] * 50)
        after.run()
        assert before.wait(PATIENCE) == 0
        tids += [tid for _, tid in load.answered + after.answered]
    assert len(tids) == 200
    found = journal.wait_for(site, 200)
    assert {record["tid"] for record in found} == set(tids)
    wait_until(lambda: not list(journal.folder(site).glob("*.cmpj")))  # somebody compresses


def test_a_change_of_the_journal_needs_a_restart(pair, world):
    a, _ = pair
    world.start()
    journal.keep(a, segment_size="1M", pseudonyms=["user"])
    a.write()
    said = run(CMPCTL, "reload", "--config", a.folder / "cmpd.yaml", "--json")
    assert said.returncode == 0, said.stderr
    assert set(json.loads(said.stdout)["restart"]) == {
        "journal.pseudonyms",
        "journal.segment_size",
    }
