# SPDX-License-Identifier: Apache-2.0
"""Two CMPs exchange transactions, and faults are put into what they say of them: each is found, in its
class, and nothing else."""
import csv
import itertools
import json
import os

import client
import journal
import jsonschema
import pytest
from daemon import BUILD, CMPCTL, ROOT, SANITIZED, message, put_in_place, run
from test_journal import Load, wait_until
from world import home_and

COUNT = int(os.environ.get("CMPD_EXCHANGE", "300"))
SKEW_S = 7
PATIENTLY = ("--tolerance", "60000")  # a busy machine may be late with an answer


@pytest.fixture
def pair(world):
    """`a` asks `b` for what `c` wants of it; b's clock is ahead."""
    b = journal.keep(world.cmp("b", "2B001"), rejections="1000/s")
    b.holds(**{"2B001_1": "https://b.example/1"})
    a = journal.keep(home_and(world, b))
    a.config["limits"] = {"transactions": 1024}
    offset = b.folder / "offset"
    offset.write_text(f"{SKEW_S}\n")
    b.wrapped = ["env", f"LD_PRELOAD={BUILD}/tests/set_clock.so", f"SET_CLOCK={offset}"]
    return a, b


def exchange(site, key, count, ici="2B001-1"):
    load = Load(site, key, icis=itertools.islice(itertools.cycle([ici, "2B001-2"]), count))
    load.start()
    load.join()
    assert len(load.answered) == count


def export(node, peer, path, form):
    said = run(
        CMPCTL, "journal", "export", path, "--path", journal.folder(node), "--peer", peer,
        "--form", form, "--quiet",
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return path


def reconcile(ours, theirs, *words):
    words = ("--json", "--quiet", *PATIENTLY, *words)
    ended = run(CMPCTL, "journal", "reconcile", ours, theirs, *words)
    return ended.returncode, ended.stdout and json.loads(ended.stdout), ended.stderr


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def spread(count, kinds):
    """Which line gets which fault: far from each other, and none twice."""
    step = count // (sum(kinds.values()) + 1)
    places = iter(range(step, count, step))
    return {kind: [next(places) for _ in range(number)] for kind, number in kinds.items()}


@pytest.mark.skipif(SANITIZED, reason="a preloaded library does not go with sanitizers")
def test_faults_are_found_each_in_its_class(pair, world, tmp_path):
    a, b = pair
    key = a.peer("c")
    world.start()
    exchange(a, key, COUNT)
    journal.wait_for(b, COUNT)
    # From now on b does not know the key that it gave to a.
    keys = b.folder / "keys.yaml"
    ring = json.loads(keys.read_text())
    for row in ring["issued"]:
        row["secret_hex"] = "00" * 32
    put_in_place(keys, json.dumps(ring))
    b.wait_for_log("keys")
    wait_until(lambda: a.send(message(key, "2B001-1")).status == 502)
    for _ in range(4):
        assert a.send(message(key, "2B001-1")).status == 502
    world.stop()

    ours = export(a, "b", tmp_path / "ours.csv", "ndjson")
    theirs = export(b, "a", tmp_path / "theirs.ndjson", "ndjson")
    schema = jsonschema.Draft202012Validator(
        json.loads((ROOT / "etc/openapi/journal-exchange.json").read_text())
    )
    for line in lines_of(ours) + lines_of(theirs):
        schema.validate(line)
    rejected = sum(line["kind"] == "rejection" for line in lines_of(theirs))
    assert rejected >= 5
    before = {"agreed": len(lines_of(theirs)) - rejected, "rejected": rejected}

    status, found, said = reconcile(ours, theirs, "--peer", "b", "--as", "a")
    assert status == 0, (found, said)
    assert {word: n for word, n in found["classes"].items() if n} == before
    assert abs(found["clocks"]["offset_ms"] - SKEW_S * 1000) < 500
    assert found["ours"]["asked"] == len(lines_of(theirs))

    # A journal with holes, on either side; twice the same; tampered with; an answer that was lost.
    counts = {"only_ours": 4, "only_theirs": 3, "verdicts_differ": 5, "duplicate_theirs": 2,
              "duplicate_ours": 1, "answer_lost": 3, "times_apart": 2}  # fmt: skip
    ours_lines = [line for line in lines_of(ours) if line["kind"] == "attempt"]
    by_tid = {line["tid"]: line for line in lines_of(theirs) if line["kind"] == "transaction"}
    tids = [line["tid"] for line in ours_lines if line["tid"] in by_tid]
    faults = {kind: {tids[i] for i in at} for kind, at in spread(len(tids), counts).items()}
    our_faulty, their_faulty = [], [l for l in lines_of(theirs) if l["kind"] == "rejection"]
    for line in ours_lines:
        tid = line["tid"]
        if tid in faults["answer_lost"]:
            line = {k: v for k, v in line.items() if k != "status"} | {"verdict": "timeout"}
        if tid not in faults["only_theirs"]:
            our_faulty += [line] * (2 if tid in faults["duplicate_ours"] else 1)
    for tid, line in by_tid.items():
        if tid in faults["verdicts_differ"]:
            line = line | {"verdict": "referral", "status": 200}
        if tid in faults["times_apart"]:
            line = line | {"time": "2026-01-01T00:00:00Z"}
        if tid not in faults["only_ours"]:
            their_faulty += [line] * (2 if tid in faults["duplicate_theirs"] else 1)
    write_lines(ours, our_faulty)
    write_lines(theirs, reversed(their_faulty))
    listed = tmp_path / "differences.ndjson"
    bill = tmp_path / "bill.csv"
    status, found, said = reconcile(ours, theirs, "--differences", listed, "--settlement", bill)
    assert status == 1, (found, said)
    expected = counts | {"rejected": rejected}
    assert {w: n for w, n in found["classes"].items() if n and w != "agreed"} == expected
    for kind, wanted in faults.items():
        of_kind = [line for line in lines_of(listed) if line["class"] == kind]
        assert {line.get("ours", line.get("theirs"))["tid"] for line in of_kind} == wanted, kind
    rows = list(csv.DictReader(bill.open()))
    assert sum(int(row["ours"]) for row in rows) == len(our_faulty)
    assert {row["peer"] for row in rows} == {"b"}


def test_what_they_asked_is_compared_as_well(world, tmp_path):
    b = journal.keep(world.cmp("b", "2B001"))
    b.holds(**{"2B001_1": "https://b.example/1"})
    a = journal.keep(home_and(world, b))
    key = a.peer("c")
    world.start()
    for _ in range(3):
        assert a.send(message(key, "2B001-1")).status == 200
    journal.wait_for(b, 3)
    journal.wait_for(a, 6)
    theirs = export(a, "b", tmp_path / "a.csv", "csv")
    ours = export(b, "a", tmp_path / "b.ndjson", "ndjson")
    status, found, said = reconcile(ours, theirs, "--as", "b")
    assert (status, said) == (0, "")
    assert found["classes"]["agreed"] == 3 == found["theirs"]["asked"]
    words = ("--as", "b", "--quiet", *PATIENTLY)
    people = run(CMPCTL, "journal", "reconcile", ours, theirs, *words)
    assert people.returncode == 0 and "0 differences" in people.stdout


def test_a_peer_is_given_nothing_of_others(world, tmp_path):
    b = journal.keep(world.cmp("b", "2B001"))
    b.holds(**{"2B001_1": "https://b.example/1"})
    a = journal.keep(home_and(world, b))
    a.holds(**{"1A0F1_1": "https://a.example/1"})
    a.listener["interfaces"].append("codes")
    reader, key = a.token("reader"), a.peer("c")
    world.start()
    codes = f"{a.server}/codes/v1/codes/1A0F1-1"
    bearer = {"authorization": f"Bearer {reader}"}
    assert client.send(codes, a.authority.path, headers=bearer).status == 200
    assert a.scan("2B001-1").status == 200
    for ici in ("2B001-1", "1A0F1-1"):
        assert a.send(message(key, ici)).status == 200
    journal.wait_for(a, 6)
    journal.wait_for(b, 2)
    for_b = lines_of(export(a, "b", tmp_path / "b.ndjson", "ndjson"))
    assert [(r["kind"], r["peer"]) for r in for_b] == [("attempt", "b")] * 2
    for_c = lines_of(export(a, "c", tmp_path / "c.ndjson", "ndjson"))
    assert [(r["kind"], r["peer"]) for r in for_c] == [("transaction", "c")] * 2
    everything = tmp_path / "everything.ndjson"
    said = run(CMPCTL, "journal", "export", everything, "--path", journal.folder(a), "--quiet")
    assert said.returncode == 0, said.stderr
    schema = json.loads((ROOT / "etc/openapi/journal-exchange.json").read_text())
    for line in lines_of(everything):
        jsonschema.validate(line, schema)
    assert len(lines_of(everything)) == 4  # neither the handset's nor what was read of codes
    theirs = export(b, "a", tmp_path / "theirs.csv", "csv")
    status, found, said = reconcile(everything, theirs, "--peer", "b", "--as", "a")
    assert (status, said) == (0, ""), found
    assert {word: n for word, n in found["classes"].items() if n} == {"agreed": 2}


@pytest.mark.parametrize(
    "text, words",
    [
        ("time,tid\n", "expected a line with the names of the columns"),
        ('{"time":"x"}\n', "ours:1: time: expected one such as"),
        ('{"time":"2026-01-01T00:00:00Z","direction":"up"}\n', "direction: expected in or out"),
        (
            'time,direction,tid,verdict,peer\n2026-01-01T00:00:00Z,in,1,resolved,b\n'
            "2026-01-01T00:00:00Z,in,2,resolved,d\n",
            "ours:3: it has records of several peers: --peer says which is compared",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path, text, words):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_text(text)
    theirs.write_text("time,direction,tid,verdict\n")
    status, _, said = reconcile(ours, theirs)
    assert status == 2 and words in said, said


@pytest.mark.parametrize("option", ["--peer", "--as"])
def test_an_empty_name_is_none(tmp_path, option):
    (tmp_path / "ours").write_text("time,direction,tid,verdict\n")
    (tmp_path / "theirs").write_text("time,direction,tid,verdict\n")
    status, _, said = reconcile(tmp_path / "ours", tmp_path / "theirs", option, "")
    assert status == 2 and f"{option}: its value is empty" in said
