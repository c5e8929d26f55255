"""SIGTERM: what is in flight is answered, nothing new is taken, and the end comes in time."""
import concurrent.futures
import signal
import socket
import time

import pytest
from client import connect, written
from daemon import message
from frames import Http2
from stores import eventually, grown

pytestmark = pytest.mark.threads

CARRIED = [("store_async", "1A0F1-ASYNC"), ("store_blocking", "1A0F1-BLOCKING")]


def slow(site, use, delay):
    """Returns a function that waits until so many look-ups are under way."""
    begun = site.folder / "begun"
    trace = {"path": str(site.folder / "trace")} if use == "store_async" else {}
    site.store(use, delay=delay, begun=str(begun), **trace)
    return lambda count: grown(begun, count)


def opens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_when_nothing_is_under_way(site, number):
    b = site.peer("b")
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.start()
    assert site.ask(b, "1A0F1-1").status == 200
    began = time.monotonic()
    site.signal(number)
    assert site.wait() == 0
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("use, ici", CARRIED)
def test_requests_in_flight_are_answered(site, use, ici):
    b = site.peer("b")
    wait_for_begun = slow(site, use, "2s")
    site.start()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(site.ask, b, ici) for _ in range(4)]
        wait_for_begun(4)
        site.signal(signal.SIGTERM)
        eventually(lambda: not opens(site.port))
        assert [a.result().status for a in asked] == [200] * 4
    assert site.wait() == 0


@pytest.mark.parametrize("use, ici", CARRIED)
def test_requests_in_flight_are_answered_over_http2(site, use, ici):
    b = site.peer("b")
    wait_for_begun = slow(site, use, "2s")
    site.start()
    with Http2(site.port, site.authority.path) as connection:
        target = "/mc-3/resolve-ici?"
        streams = [connection.get(target + written(message(b, ici).items())) for _ in range(4)]
        wait_for_begun(4)
        site.signal(signal.SIGTERM)
        assert connection.read(*streams)
        assert [connection.status[stream] for stream in streams] == [200] * 4
        assert connection.goaways and set(connection.goaways) == {0}
    assert site.wait() == 0


@pytest.mark.parametrize("use, ici", CARRIED)
def test_the_drain_has_an_end(site, use, ici):
    b = site.peer("b")
    site.config["drain"] = "1s"
    site.config["resolve"]["deadline"] = "30s"
    wait_for_begun = slow(site, use, "5s")
    site.start()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(site.ask, b, ici)
        wait_for_begun(1)
        began = time.monotonic()
        site.signal(signal.SIGTERM)
        site.wait()
        assert time.monotonic() - began < 4
        assert site.log("warning")  # something was lost, and the operator is told
        try:
            assert asked.result().status in (200, 503)
        except Exception as failure:  # the connection may just have been closed
            assert type(failure).__name__ in ("RemoteProtocolError", "ReadError"), failure


def test_idle_connections_do_not_hold_it_up(site):
    site.peer("b")
    site.start()
    idle = [connect(site.port, site.authority.path, alpn=[alpn]) for alpn in ("http/1.1", "h2")]
    began = time.monotonic()
    site.signal(signal.SIGTERM)
    assert site.wait() == 0
    assert time.monotonic() - began < 5
    for connection in idle:
        connection.close()
