# SPDX-License-Identifier: Apache-2.0
"""A signed pair is good once: the replay memory (9.3.2 signs tid and ici, and no time)."""
import concurrent.futures
import signal
import time

import pytest
from clocks import settable
from daemon import CMPD, Site, message, run
from patience import PATIENCE
from stores import eventually

ICI = "1A0F1-COUNTED"


@pytest.fixture
def b(site):
    return site.peer("b")


@pytest.mark.parametrize("first, second", [("get", "get"), ("get", "json"), ("form", "get")])
def test_a_second_use_is_a_replay_however_it_is_carried(site, b, first, second):
    count = site.counting()
    site.start()
    pairs = message(b, ICI)
    assert site.send(pairs, carriage=first).status == 200
    answer = site.send(pairs, carriage=second)
    assert (answer.status, answer.code) == (409, "replayed")
    assert answer.json["tid"] == pairs["tid"]
    assert count() == 1


def test_every_worker_shares_the_memory(site, b):
    site.config["workers"] = 4
    count = site.counting()
    site.start()
    pairs = message(b, ICI)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = [f.result() for f in [pool.submit(site.send, pairs) for _ in range(24)]]
    assert sorted(a.status for a in answers) == [200] + [409] * 23
    assert count() == 1


def test_the_signature_written_in_another_way_is_still_a_replay(site, b):
    site.counting()
    site.start()
    assert site.ask(b, ICI, tid="t", written="hex").status == 200
    for written in ("HEX", "base64", "base64url-unpadded"):
        assert site.ask(b, ICI, tid="t", written=written).status == 409


def test_the_boundary_twin_is_a_replay(site, b):
    """tid=ab, ici=c and tid=a, ici=bc have one signature."""
    count = site.counting()
    site.start()
    assert site.ask(b, "1A0F1-XY", tid="tid-").status == 404
    twin = message(b, "-1A0F1-XY", tid="tid")
    assert twin["signature"] == message(b, "1A0F1-XY", tid="tid-")["signature"]
    assert site.send(twin).status == 409
    assert count() == 1


def test_a_tid_may_come_again_for_another_ici(site, b):
    site.counting()
    site.start()
    assert site.ask(b, ICI, tid="t").status == 200
    assert site.ask(b, "1A0F1-OTHER", tid="t").status == 404


def test_two_keys_do_not_share_what_was_seen(site, b):
    c = site.peer("c")
    site.counting()
    site.start()
    assert site.ask(b, ICI, tid="t").status == 200
    assert site.ask(c, ICI, tid="t").status == 200


def test_a_key_may_answer_an_identical_repeat(site):
    b = site.peer("b", key={"repeat": "identical"})
    site.counting()
    site.start()
    pairs = message(b, ICI, language="fr")
    assert site.send(pairs).status == 200
    assert site.send(pairs).status == 200
    assert site.send(pairs, carriage="json").status == 200
    assert site.send(pairs | {"language": "de"}).status == 409
    assert site.send(pairs | {"user": "another"}).status == 409
    assert site.send(pairs | {"device": "watch"}).status == 409


def test_an_answer_of_503_gives_the_pair_back(site, b):
    site.counting(unavailable_first=1)
    site.start()
    pairs = message(b, ICI)
    assert site.send(pairs).status == 503
    assert site.send(pairs).status == 200
    assert site.send(pairs).status == 409


def test_an_answer_of_429_gives_the_pair_back(site):
    b = site.peer("b", rate="1/s")
    site.counting()
    site.start()
    refused = []

    def ask():
        pairs = message(b, ICI)
        if site.send(pairs).status == 429:
            refused.append(pairs)

    deadline = time.monotonic() + PATIENCE
    while not refused:  # uses up what a burst may have, and faster than there is more
        assert time.monotonic() < deadline
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: ask(), range(8)))
    pairs = refused[0]
    while (status := site.send(pairs).status) == 429:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert status == 200
    time.sleep(1.1)
    assert site.send(pairs).status == 409


@pytest.mark.parametrize("ici, status", [("1A0F1-NONE", 404), ("1A0F1-GONE", 410)])
def test_a_refusal_on_the_merits_uses_the_pair_up(site, b, ici, status):
    site.write_codes({"ici": "1A0F1-GONE", "content": "x", "status": "revoked"})
    site.start()
    pairs = message(b, ici)
    assert site.send(pairs).status == status
    assert site.send(pairs).status == 409


def test_the_window_ends(site, b):
    site.config["replay"] = {"window": "8s"}
    site.counting()
    site.start()
    pairs = message(b, ICI)
    assert site.send(pairs).status == 200
    assert site.send(pairs).status == 409
    deadline = time.monotonic() + PATIENCE
    while (status := site.send(pairs).status) == 409 and time.monotonic() < deadline:
        time.sleep(0.3)
    assert status == 200


@pytest.mark.parametrize("by", [-3600, 3600])
def test_a_clock_that_was_wrong_for_a_moment(site, b, by):
    """What was used before it was set is not good again when it is right again."""
    set_clock = settable(site)
    site.counting()
    site.start()
    used = [message(b, ICI) for _ in range(10)]
    assert seen(site, *used) == [200] * 10
    set_clock(by)
    assert seen(site, *used) == [409] * 10
    # Every shard of the memory has seen the wrong time.
    assert seen(site, *[message(b, ICI) for _ in range(200)]) == [200] * 200
    set_clock(0)
    assert seen(site, *used) == [409] * 10


# ---- in a file, which outlives the process ----


@pytest.fixture
def kept(site, b):
    site.config["replay"] = {"file": "once", "size": "1M"}
    site.counting()
    return site


def seen(site, *all_pairs):
    return [site.send(pairs).status for pairs in all_pairs]


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGKILL"])
def test_a_restart_forgets_nothing(kept, b, ending):
    kept.start()
    used = [message(b, ICI) for _ in range(20)]
    assert seen(kept, *used) == [200] * 20
    kept.signal(getattr(signal, ending))
    kept.wait()
    kept.start()
    assert "20 requests are remembered" in kept.log_text()
    assert seen(kept, *used) == [409] * 20
    assert seen(kept, message(b, ICI)) == [200]


def test_an_identical_repeat_is_one_after_a_restart(kept):
    c = kept.peer("c", key={"repeat": "identical"})
    kept.start()
    pairs = message(c, ICI, language="fr")
    assert kept.send(pairs).status == 200
    kept.stop()
    kept.start()
    assert kept.send(pairs).status == 200
    assert kept.send(pairs | {"language": "de"}).status == 409


def test_what_was_released_may_come_again_after_a_restart(kept, b):
    kept.store("store_async", delay="1ms", path=str(kept.folder / "trace"))
    kept.config["limits"] = {"transactions": 1000}
    kept.config["peers"][0]["rate"] = "1/h"
    kept.start()
    first, limited = message(b, "1A0F1-ASYNC"), message(b, "1A0F1-ASYNC")
    assert seen(kept, first) == [200]
    while (status := kept.send(limited).status) == 200:  # a rate may begin with a few
        limited = message(b, "1A0F1-ASYNC")
    assert status == 429
    kept.stop()
    del kept.config["peers"][0]["rate"]
    kept.start()
    assert seen(kept, first, limited) == [409, 200]


def test_another_size_forgets_nothing(kept, b):
    kept.start()
    used = message(b, ICI)
    assert seen(kept, used) == [200]
    kept.stop()
    kept.config["replay"]["size"] = "4M"
    kept.start()
    assert seen(kept, used) == [409]
    assert (kept.folder / "once").stat().st_size == 4 << 20


def test_two_processes_remember_as_one(kept, b, authority, tmp_path):
    """As an old one that still answers beside a new one."""
    kept.start()
    (tmp_path / "twin").mkdir()
    twin = Site(tmp_path / "twin", authority)
    twin.config["peers"] = kept.config["peers"]
    twin.issued = kept.issued
    twin.config["replay"] = {"file": str(kept.folder / "once"), "size": "1M"}
    twin.counting()
    twin.start()
    try:
        one, other = message(b, ICI), message(b, ICI)
        assert (seen(kept, one), seen(twin, one)) == ([200], [409])
        assert (seen(twin, other), seen(kept, other)) == ([200], [409])
    finally:
        twin.stop()


def test_a_process_that_remembers_for_less(kept, b, authority, tmp_path):
    """It joins, and goes; what it wants is said to be less than what it has."""
    kept.start()
    (tmp_path / "twin").mkdir()
    twin = Site(tmp_path / "twin", authority)
    twin.config["replay"] = {"file": str(kept.folder / "once"), "window": "1s"}
    used = message(b, ICI)
    assert seen(kept, used) == [200]
    twin.start()
    assert "another process that has it open remembers for 300 s, and so do we" in twin.log_text()
    assert seen(kept, used) == [409]
    twin.stop()
    assert seen(kept, used, message(b, ICI), used) == [409, 200, 409]


def test_a_check_makes_no_file(kept):
    assert run(CMPD, "-t", "-c", kept.write()).returncode == 0
    assert not (kept.folder / "once").exists()


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda path: path.write_text("notes"), "something else than a replay memory"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: (path.touch(), path.chmod(0o644)), "open to others (mode 0644)"),
    ],
)
def test_a_file_that_is_none_is_refused(kept, change, said):
    path = kept.folder / "once"
    change(path)
    if path.is_file() and path.stat().st_size:
        path.chmod(0o600)
    for words in (["-t"], []):
        ended = run(CMPD, *words, "-c", kept.write())
        assert ended.returncode == 1 and said in ended.stderr, ended.stderr
        assert "replay.file: " in ended.stderr and "once" in ended.stderr


# ---- who takes over ----


@pytest.mark.parametrize("file", [None, "once"])
def test_a_window_that_a_restart_shortens(site, b, file):
    """In a file others may remember, who want more; without one it is as it was asked for."""
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["replay"] = {"window": "5m"} | ({"file": file} if file else {})
    site.counting()
    site.start()
    used = message(b, ICI)
    assert seen(site, used) == [200]
    site.config["replay"]["window"] = "1s"
    site.write()
    before = site.restart()
    assert before.wait(PATIENCE) == 0
    if file:
        time.sleep(1.2)
        assert seen(site, used) == [409]
    else:
        eventually(lambda: seen(site, used) == [200])
