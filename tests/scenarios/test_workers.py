# SPDX-License-Identifier: Apache-2.0
"""Many clients, many workers: every request is answered once, with its own answer."""
import concurrent.futures
import signal
import threading

import httpx
import pytest
from daemon import message
from patience import PATIENCE
from signing import uuid7
from stores import eventually

pytestmark = pytest.mark.threads

CLIENTS, EACH = 12, 40


@pytest.fixture
def busy(site):
    site.config["workers"] = 4
    site.config["log"]["level"] = "info"
    site.peers_keys = [site.peer(name) for name in ("b", "c", "d")]
    site.write_codes(*({"ici": f"1A0F1-{i}", "content": f"content {i}"} for i in range(500)))
    return site


def client_of(site, http2):
    return httpx.Client(verify=str(site.authority.path), http2=http2, timeout=PATIENCE)


def talk(site, number, ici_of, http2):
    """One client's conversation on one connection; returns (asked, answered) pairs."""
    key = site.peers_keys[number % 3]
    seen = []
    with client_of(site, http2) as client:
        for i in range(EACH):
            pairs = message(key, ici_of(number * EACH + i))
            reply = client.get(site.url(), params=pairs)
            seen.append((pairs, reply.status_code, reply.json()))
    return seen


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_everybody_gets_his_own_answer(busy, http2):
    busy.start()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        talks = pool.map(
            lambda n: talk(busy, n, lambda i: f"1A0F1-{i % 500}", http2), range(CLIENTS)
        )
        seen = [one for conversation in talks for one in conversation]
    assert len(seen) == CLIENTS * EACH
    for pairs, status, answer in seen:
        assert status == 200, answer
        assert answer["tid"] == pairs["tid"]
        assert answer["content"] == "content " + pairs["ici"].removeprefix("1A0F1-")


def test_each_pair_is_good_once_among_all_workers(busy):
    busy.start()
    pairs = [message(busy.peers_keys[i % 3], f"1A0F1-{i}") for i in range(40)]

    def send_all(_):
        with client_of(busy, False) as client:
            return [client.get(busy.url(), params=p).status_code for p in pairs]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        by_client = list(pool.map(send_all, range(8)))
    for statuses in zip(*by_client):
        assert sorted(statuses) == [200] + [409] * 7


def test_codes_change_while_they_are_asked(busy):
    busy.start()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        talks = [
            pool.submit(talk, busy, n, lambda i: f"1A0F1-{i % 500}", bool(n % 2)) for n in range(5)
        ]
        turn = 0
        while not all(t.done() for t in talks):
            turn += 1
            busy.write_codes(
                *({"ici": f"1A0F1-{i}", "content": f"content {i}", "ttl": turn} for i in range(500))
            )
            concurrent.futures.wait(talks, timeout=0.2)
        for conversation in talks:
            assert {status for _, status, _ in conversation.result()} == {200}


@pytest.mark.parametrize(
    "use, ici", [("store_async", "1A0F1-ASYNC"), ("store_blocking", "1A0F1-BLOCKING")]
)
def test_stores_that_answer_later_under_load(busy, use, ici):
    options = {"path": str(busy.folder / "trace")} if use == "store_async" else {}
    busy.store(use, delay="2ms", **options)
    busy.start()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        talks = pool.map(lambda n: talk(busy, n, lambda _: ici, bool(n % 2)), range(CLIENTS))
        statuses = [status for conversation in talks for _, status, _ in conversation]
    assert statuses == [200] * (CLIENTS * EACH)


def test_a_stop_under_load_loses_nothing_that_was_taken(busy):
    busy.start()
    stopped = threading.Event()
    good = [0] * 6

    def until_refused(number):
        key = busy.peers_keys[number % 3]
        while True:
            try:
                with client_of(busy, False) as client:
                    reply = client.get(busy.url(), params=message(key, "1A0F1-1", tid=uuid7()))
                assert reply.status_code in (200, 503)
                good[number] += reply.status_code == 200
            except httpx.TransportError:
                assert stopped.is_set()
                return

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(until_refused, n) for n in range(6)]
        concurrent.futures.wait(asked, timeout=1)
        try:
            eventually(lambda: all(good) or any(a.done() for a in asked))
        finally:
            stopped.set()
            busy.signal(signal.SIGTERM)
        assert busy.wait() == 0
        for a in asked:
            a.result()
