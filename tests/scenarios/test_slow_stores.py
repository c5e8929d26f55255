# SPDX-License-Identifier: Apache-2.0
"""Stores that answer later, from the loop or from the pool, and requests that do not wait so long."""
import concurrent.futures
import time

import pytest
from client import connect, written
from daemon import message
from frames import Http2
from patience import PATIENCE
from stores import eventually, grown

pytestmark = pytest.mark.threads

ASYNC, BLOCKING = "1A0F1-ASYNC", "1A0F1-BLOCKING"


@pytest.fixture
def later(site):
    """A store that answers from a timer; `trace` tells what became of each look-up."""
    trace, begun = site.folder / "trace", site.folder / "begun"
    site.b = site.peer("b")
    site.store("store_async", delay="200ms", path=str(trace), begun=str(begun))
    site.wait_for_begun = lambda count: grown(begun, count)
    site.trace = lambda: sorted(trace.read_text())
    return site


def wait_for(read, expected, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while read() != expected:
        assert time.monotonic() < deadline, f"{read()}, not {expected}"
        time.sleep(0.02)


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize("carriage", ["get", "form", "json"])
def test_an_answer_that_comes_later(later, carriage, http2):
    later.start()
    began = time.monotonic()
    answer = later.ask(later.b, ASYNC, more={"device": "ü"}, carriage=carriage, http2=http2)
    assert (answer.status, answer.json["content"]) == (200, "https://async.example/")
    assert time.monotonic() - began >= 0.2
    assert later.ask(later.b, "1A0F1-NONE", carriage=carriage, http2=http2).status == 404
    assert later.trace() == ["d", "d"]


def test_many_wait_at_once(later):
    later.config["plugins"]["special"]["delay"] = "1s"
    later.start()
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: later.ask(later.b, ASYNC), range(20)))
    assert [a.status for a in answers] == [200] * 20
    assert time.monotonic() - began < 20 * 1
    assert later.trace() == ["d"] * 20


def test_a_deadline_cancels(later):
    later.config["plugins"]["special"]["delay"] = "20s"
    later.config["resolve"]["deadline"] = "500ms"
    later.start()
    began = time.monotonic()
    pairs = message(later.b, ASYNC)
    answer = later.send(pairs)
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert answer.headers["retry-after"]
    assert 0.4 < time.monotonic() - began < 10
    wait_for(later.trace, ["c"])
    assert later.send(pairs).status == 503  # the pair was given back, so it is asked again
    wait_for(later.trace, ["c", "c"])


def test_a_client_that_leaves_over_http2_cancels(later):
    later.config["plugins"]["special"]["delay"] = "20s"
    later.config["resolve"]["deadline"] = "15s"
    later.start()
    with Http2(later.port, later.authority.path) as connection:
        connection.get("/mc-3/resolve-ici?" + written(message(later.b, ASYNC).items()))
        later.wait_for_begun(1)
        assert later.trace() == []
    wait_for(later.trace, ["c"])


def test_one_stream_can_be_cancelled_alone(later):
    go_on = later.folder / "go-on"
    later.config["plugins"]["special"] |= {"delay": "1m", "until": str(go_on)}
    later.config["resolve"]["deadline"] = "60s"
    later.start()
    with Http2(later.port, later.authority.path) as connection:
        target = "/mc-3/resolve-ici?"
        streams = [connection.get(target + written(message(later.b, ASYNC).items())) for _ in "123"]
        later.wait_for_begun(3)
        connection.cancel(streams[1])
        wait_for(later.trace, ["c"])
        go_on.touch()
        assert connection.read(streams[0], streams[2])
        assert connection.status == {streams[0]: 200, streams[2]: 200}
    assert later.trace() == ["c", "d", "d"]


def test_a_client_that_leaves_over_http1(later):
    """It is not noticed before the answer is sent; nothing but that answer is lost."""
    later.config["plugins"]["special"]["delay"] = "500ms"
    later.start()
    for _ in range(5):
        query = written(message(later.b, ASYNC).items())
        with connect(later.port, later.authority.path) as connection:
            connection.sendall(
                f"GET /mc-3/resolve-ici?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            )
    wait_for(lambda: len(later.trace()), 5)
    assert later.ask(later.b, ASYNC).status == 200


@pytest.fixture
def blocking(site):
    site.b = site.peer("b")
    begun, ended = site.folder / "begun", site.folder / "ended"
    site.store("store_blocking", delay="300ms", begun=str(begun), ended=str(ended))
    site.wait_for_begun = lambda count: grown(begun, count)
    site.ended = ended
    return site


@pytest.mark.parametrize("carriage", ["get", "json"])
def test_a_store_that_blocks_its_thread(blocking, carriage):
    blocking.start()
    answer = blocking.ask(blocking.b, BLOCKING, carriage=carriage)
    assert (answer.status, answer.json["content"]) == (200, "https://blocking.example/")
    assert blocking.ask(blocking.b, "1A0F1-NONE", carriage=carriage).status == 404


def test_a_store_that_blocks_does_not_block_others(blocking):
    """One worker, a store on its loop before the one that blocks."""
    blocking.config["workers"] = 1
    go_on = blocking.folder / "go-on"
    blocking.config["plugins"]["special"] |= {"delay": "1m", "until": str(go_on)}
    blocking.config["resolve"]["deadline"] = "60s"
    blocking.config["resolve"]["stores"] = ["codes", "special"]
    blocking.write_codes({"ici": "1A0F1-1", "content": "x"})
    blocking.start()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(blocking.ask, blocking.b, BLOCKING)
        blocking.wait_for_begun(1)
        assert blocking.ask(blocking.b, "1A0F1-1").status == 200
        assert not asked.done()
        go_on.touch()
        assert asked.result().status == 200


def test_an_answer_that_comes_after_the_deadline_is_thrown_away(blocking):
    blocking.config["resolve"]["deadline"] = "1s"
    blocking.config["plugins"]["special"]["delay"] = "3s"
    blocking.start()

    def ended():
        answer = blocking.ask(blocking.b, BLOCKING)
        assert (answer.status, answer.code) == (503, "store_unavailable")
        return blocking.ended.exists()

    # And nobody is there any more. What no thread has taken in time never begins.
    eventually(ended)
    assert blocking.ask(blocking.b, "1A0F1-NONE").status == 503


def test_the_pool_is_bounded_and_says_so_at_once(blocking):
    """More look-ups than threads and places: the rest is told 503 while those still wait."""
    room = 2 + 192  # of three threads and of the 256 places, what one plugin may have
    go_on = blocking.folder / "go-on"
    blocking.config["limits"] = {"blocking_threads": 3}
    blocking.config["plugins"]["special"] |= {"delay": "1m", "until": str(go_on)}
    blocking.config["resolve"]["deadline"] = "60s"
    blocking.start()
    with concurrent.futures.ThreadPoolExecutor(room + 20) as pool:
        asked = [pool.submit(blocking.ask, blocking.b, BLOCKING) for _ in range(room + 20)]
        eventually(lambda: sum(one.done() for one in asked) == 20)
        assert {one.result().status for one in asked if one.done()} == {503}
        go_on.touch()
        statuses = [one.result().status for one in asked]
    assert statuses.count(200) == room
