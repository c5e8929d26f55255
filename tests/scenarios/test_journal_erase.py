# SPDX-License-Identifier: Apache-2.0
"""`cmpctl journal erase`: a user's pseudonyms go, or a period's, and nothing else does."""
import contextlib
import itertools
import os

import journal
import pytest
from daemon import CMPCTL, message, run
from screen import Terminal
from test_journal import wait_until


@pytest.fixture
def pair(world):
    return journal.pair(world)


def erase(node, user, *words):
    return run(CMPCTL, "journal", "erase", "--path", journal.folder(node), *words, input=user)


def users_in(node):
    return [r.get("pseudonyms", {}).get("user") for r in journal.records(node)]


@pytest.mark.parametrize("running", [True, False])
def test_erase_removes_a_user_and_nothing_else(pair, world, running):
    a, _ = pair
    journal.keep(a, pseudonyms=["user", "post"], segment_age="1s")
    key = a.peer("c")
    world.start()
    erika, other = ({"user": "Erika", "post": "ZZ9"}, {"user": "Other"})
    assert a.send(message(key, "1A0F1-1") | erika).status == 200
    wait_until(lambda: list(journal.folder(a).glob("journal-*.zst")))  # in a compressed segment
    assert a.send(message(key, "1A0F1-1") | erika).status == 200
    assert a.send(message(key, "1A0F1-1") | other).status == 200
    before = journal.wait_for(a, 3)
    assert len(set(users_in(a))) == 2
    if not running:
        world.stop()
    counted = erase(a, "Erika\n", "--dry-run")
    assert counted.stdout.startswith("2 records in ") and len(set(users_in(a))) == 2
    erased = erase(a, "Erika\n")
    assert erased.returncode == 0 and erased.stdout.startswith("2 records in "), erased
    assert sorted(map(bool, users_in(a))) == [False, False, True]
    after = journal.records(a)
    for was, now in zip(before, after):
        assert {k: v for k, v in was.items() if k != "pseudonyms"} == {
            k: v for k, v in now.items() if k != "pseudonyms"
        }
    if running:  # it goes on
        assert a.send(message(key, "1A0F1-1") | other).status == 200
        assert len({user for user in users_in(a) if user}) == 1
        journal.wait_for(a, 4)
    world.stop()
    assert not list(journal.folder(a).glob("*.new")) + list(journal.folder(a).glob("*.part"))


def test_a_dry_run_leaves_the_segments_as_they_are(site):
    journal.keep(site, pseudonyms=["user"])
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    key = site.peer("c")
    site.start()
    for count in (1, 2):
        assert site.send(message(key, "1A0F1-1") | {"user": "Erika"}).status == 200
        journal.wait_for(site, count)
        before = sorted(path.name for path in journal.folder(site).glob("journal-*"))
        counted = erase(site, "Erika\n", "--dry-run")
        assert counted.stdout.startswith(f"{count} records in 1 files would "), counted
        assert sorted(path.name for path in journal.folder(site).glob("journal-*")) == before
    assert erase(site, "Erika\n").stdout.startswith("2 records in 1 files lost ")


def test_erase_takes_one_user(site):
    journal.keep(site, pseudonyms=["user"])
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    key = site.peer("c")
    site.start()
    for user in ("Erika", "Other"):
        assert site.send(message(key, "1A0F1-1") | {"user": user}).status == 200
    journal.wait_for(site, 2)
    for line in ("Erika", "Erika\n", "Erika\r\n", "Erika\n\n", "Erika\r\n\r\n"):
        assert erase(site, line, "--dry-run").stdout.startswith("1 records in "), line
    command = [CMPCTL, "journal", "erase", "--path", journal.folder(site), "--dry-run"]
    with contextlib.closing(Terminal(*command)) as typed:
        typed.press(b"Erika\n")
        assert typed.end() == 0 and "1 records in " in typed.text, typed.text
    several = ("Erika\nOther\n", "Erika\r\n\r\nOther", "Erika\n" + 2000 * "\n" + "Other\n")
    for lines in (*several, "", "\n", "\r\n", "\nErika\n", 1024 * "E"):
        refused = erase(site, lines)
        assert refused.returncode == 2 and "stdin: expected " in refused.stderr, lines
    assert None not in users_in(site)


def test_erase_reaches_what_an_interrupted_packing_left(site):
    journal.keep(site, pseudonyms=["user"])
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    key = site.peer("c")
    site.start()
    assert site.send(message(key, "1A0F1-1") | {"user": "Erika"}).status == 200
    journal.wait_for(site, 1)
    site.stop()
    (plain,) = journal.folder(site).glob("journal-*.cmpj")
    pack = run("zstd", "-q", plain, "-o", f"{plain}.zst")
    assert pack.returncode == 0, pack.stderr
    owner = 1234 if os.geteuid() == 0 else os.geteuid()
    for path in (plain.parent, *plain.parent.glob("journal-*")):
        os.chown(path, owner, -1)
    erased = erase(site, "Erika\n")
    assert erased.returncode == 0 and erased.stdout.startswith("1 records in "), erased
    assert users_in(site) == [None] and not plain.exists()
    made = [*plain.parent.glob("journal-*"), plain.parent / "rewrite.lock"]
    assert [path.stat().st_uid for path in made] == [owner] * 2  # who erases may be root


def test_a_destroyed_key_erases_its_period(pair, world):
    a, _ = pair
    journal.keep(a, pseudonyms=["user"])
    key = a.peer("c")
    world.start()
    assert a.send(message(key, "1A0F1-1")).status == 200
    (record,) = journal.wait_for(a, 1)
    gone = record["pseudonyms"]["key"]
    keys = journal.folder(a) / "keys"
    assert [path.stem for path in keys.iterdir()] == [gone]
    counted = erase(a, "", "--key", gone, "--dry-run")
    assert counted.stdout == f"the key {gone} would be destroyed\n"
    assert [path.stem for path in keys.iterdir()] == [gone]
    assert erase(a, "", "--key", gone).returncode == 0
    counts = itertools.count(2)

    def next_one():
        assert a.send(message(key, "1A0F1-1")).status == 200
        return journal.wait_for(a, next(counts))[-1].get("pseudonyms", {})

    # A worker that has not heard of the new key yet goes on with the old one, or without any.
    made = next_one()
    while made.get("key") in (None, gone):
        made = next_one()
    assert [path.stem for path in keys.iterdir()] == [made["key"]]
    assert made["user"] != record["pseudonyms"]["user"]
    assert erase(a, "user-1\n").stdout.startswith("1 records in ")
