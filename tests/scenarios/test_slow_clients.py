# SPDX-License-Identifier: Apache-2.0
"""Who sends slowly, or does not take what is answered, keeps neither a connection nor memory; by a
clock that nobody can set."""
import contextlib
import os
import socket
import time

import client
import pytest
from clocks import settable
from daemon import message
from frames import Http2
from hyperframe.frame import DataFrame, HeadersFrame, PingFrame, SettingsFrame, WindowUpdateFrame
from patience import PATIENCE
from stores import eventually

ICI = "1A0F1-1"
PATIENT = {"request_timeout": "60s", "write_timeout": "60s"}  # where these are not what ends it
WIDE = [SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 1 << 24}),
        WindowUpdateFrame(0, window_increment=1 << 24)]


@pytest.fixture
def served(site):
    site.b = site.peer("b", key={"repeat": "identical"}, allow={"interfaces": ["mc-3", "codes"]})
    site.config |= {"workers": 1, "admin": {"socket": "admin.sock"}}
    site.config["limits"] = {"request_timeout": "3s", "write_timeout": "3s"}
    site.write_codes({"ici": ICI, "content": "x"})
    return site


def target(site):
    pairs = message(site.b, ICI)
    return "/mc-3/resolve-ici?" + "&".join(f"{name}={value}" for name, value in pairs.items())


def ends(connection, *, meanwhile=None):
    """Reads until the end, and sends `meanwhile` five times a second. The end comes sooner than by
    the default limits, of 10 s."""
    until = time.monotonic() + 9.5
    connection.settimeout(0.2)
    while time.monotonic() < until:
        try:
            if meanwhile is not None:
                connection.sendall(meanwhile)
            if connection.recv(65536) == b"":
                return True
            time.sleep(0.2)
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def still_serves(site):
    assert site.ask(site.b, ICI).status == 200
    return True


# ---- requests that do not get whole ----


def body_that_does_not_end(connection):
    stream = connection.get("/mc-3/resolve-ici", [("content-type", "application/json")],
                            end=False, method="POST")
    connection.send(DataFrame(stream, b'{"tid":"'))


def block_that_does_not_end(connection):
    octets = connection.encoder.encode([(":method", "GET"), (":scheme", "https"),
                                        (":authority", "localhost"), (":path", "/")])
    connection.send(HeadersFrame(1, octets[:5]))


@pytest.mark.parametrize("begin", [body_that_does_not_end, block_that_does_not_end])
def test_a_request_is_whole_in_time_whatever_frames_come(served, begin):
    served.start()
    with Http2(served.port, served.authority.path) as connection:
        begin(connection)
        # Inside a header block nothing but CONTINUATION may come.
        ping = PingFrame(0, b"01234567").serialize()
        more = ping if begin is body_that_does_not_end else None
        assert ends(connection.connection, meanwhile=more)
    if begin is body_that_does_not_end:  # libh2o ends the other one itself, as idle
        assert served.counter("connections", "ended_late") == 1
        served.wait_for_log("connection ended: a request was not whole in time")
    assert still_serves(served)


def test_pings_keep_no_idle_connection(served):
    served.start()
    with Http2(served.port, served.authority.path) as connection:
        assert connection.read(connection.get(target(served)))
        ping = PingFrame(0, b"01234567").serialize()
        assert ends(connection.connection, meanwhile=ping)
    assert served.counter("connections", "ended_late") == 0
    assert still_serves(served)


def test_a_slow_head_over_http_1(served):
    served.start()
    with client.connect(served.port, served.authority.path) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert ends(connection, meanwhile=b"X: y\r\n")
    assert served.counter("connections", "ended_late") == 1


def test_a_request_that_waits_for_a_store_is_not_slow(served):
    """Its deadline is the transaction's own."""
    served.config["resolve"]["deadline"] = "60s"
    served.store("store_async", delay="4s", path="trace", ici=ICI)
    served.start()
    with Http2(served.port, served.authority.path) as connection:
        stream = connection.get(target(served))
        assert connection.read(stream)
        assert connection.status[stream] == 200
    assert served.ask(served.b, ICI).status == 200


# ---- answers that are not read ----


def codes(site, count, size):
    """Codes whose records are large, and a request for all of them."""
    site.listener["interfaces"] = ["mc-3", "codes"]
    site.config["limits"]["codes_answer"] = "1M"
    icis = [f"1A0F1-R{i}" for i in range(count)]
    site.write_codes({"ici": ICI, "content": "x"},
                     *({"ici": ici, "content": "x" * size} for ici in icis))
    token = site.token("reader")
    body = ('{"icis":[' + ",".join(f'"{ici}"' for ici in icis) + "]}").encode()
    return token, body


def ask_for_all(connection, token, body):
    stream = connection.get("/codes/v1/lookup", [("authorization", f"Bearer {token}"),
                                                 ("content-type", "application/json")],
                            end=False, method="POST")
    connection.send(DataFrame(stream, body, flags=["END_STREAM"]))
    return stream


def rss(site):
    with open(f"/proc/{site.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_answers_without_a_window_are_bounded_and_then_ended(served):
    token, body = codes(served, 200, 2000)
    served.config["limits"] |= PATIENT | {"held_connection": "2M"}
    served.start()
    with Http2(served.port, served.authority.path) as connection:
        connection.send(SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}))
        before = rss(served)
        for _ in range(40):  # 400 kB each
            try:
                ask_for_all(connection, token, body)
            except OSError:
                break
        assert ends(connection.connection)
        assert rss(served) - before < 32 << 20
    assert served.counter("connections", "ended_held") == 1
    assert still_serves(served)


def test_one_answer_without_a_window_is_ended(served):
    token, body = codes(served, 10, 100)
    served.start()
    with Http2(served.port, served.authority.path) as connection:
        connection.send(SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}))
        ask_for_all(connection, token, body)
        ping = PingFrame(0, b"01234567").serialize()
        assert ends(connection.connection, meanwhile=ping)
    assert served.counter("connections", "ended_unread") == 1
    served.wait_for_log("connection ended: answers were not read")


def ask_without_a_window(site, stack, token, body, *, source):
    connection = stack.enter_context(Http2(site.port, site.authority.path, source=source))
    connection.send(SettingsFrame(0, settings={SettingsFrame.INITIAL_WINDOW_SIZE: 0}))
    return connection, ask_for_all(connection, token, body)


def test_all_connections_together_are_bounded(served):
    token, body = codes(served, 200, 2000)
    served.config["limits"] |= PATIENT | {"held": "4M"}
    served.start()
    with contextlib.ExitStack() as open_ones:
        for i in range(20):
            ask_without_a_window(served, open_ones, token, body, source=f"127.0.0.{i + 2}")
        eventually(lambda: served.counter("connections", "ended_held") > 0)
        assert served.counter("connections", "ended_held_source") == 0
        assert still_serves(served)


def test_all_connections_of_a_source_are_bounded(served):
    """And nobody else's is ended for it, though it keeps more waiting than any of them."""
    token, body = codes(served, 200, 2000)
    served.config["limits"] |= PATIENT | {"held_source": "2M", "held_connection": "1M"}
    served.start()
    with contextlib.ExitStack() as open_ones:
        other, _ = ask_without_a_window(served, open_ones, token, body, source="127.0.0.2")
        more = ask_for_all(other, token, body)  # 800 kB
        for _ in range(20):  # 8 MB
            ask_without_a_window(served, open_ones, token, body, source="127.0.0.3")
        eventually(lambda: served.counter("connections", "ended_held_source") >= 15)
        served.wait_for_log("connection ended: too much of its source was kept waiting here")
        assert served.counter("connections", "ended_held_source") == 15
        assert served.counter("connections", "ended_held") == 0
        other.send(*WIDE)
        assert other.read(1, more)
        assert len(other.body[1]) == len(other.body[more]) > 400_000
        assert still_serves(served)


def test_an_answer_that_is_read_slowly_is_given_time(served):
    token, body = codes(served, 200, 4000)  # 800 kB
    served.start()
    with Http2(served.port, served.authority.path) as connection:
        connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        connection.send(*WIDE)
        stream = ask_for_all(connection, token, body)
        got = 0
        began = time.monotonic()
        connection.connection.settimeout(PATIENCE)
        while got < 700_000:
            part = connection.connection.recv(8192)
            assert part, "the connection has ended"
            got += len(part)
            time.sleep(len(part) / 130_000)  # so much a second
        assert time.monotonic() - began > 4.5
    assert served.counter("connections", "ended_unread") == 0
    assert stream


# ---- turns ----


def test_large_answers_take_their_turn(served):
    """All that one connection asks for at once is answered; and one leaves in the middle."""
    served.config["limits"] |= PATIENT
    token, body = codes(served, 50, 2000)  # 100 kB
    served.start()
    with Http2(served.port, served.authority.path) as connection:
        connection.send(*WIDE)
        streams = [ask_for_all(connection, token, body) for _ in range(30)]
        assert connection.read(*streams)
        assert {connection.status[stream] for stream in streams} == {200}
        assert all(len(connection.body[stream]) > 100_000 for stream in streams)
    for _ in range(5):
        with Http2(served.port, served.authority.path) as connection:
            connection.send(*WIDE)
            for _ in range(30):
                ask_for_all(connection, token, body)
    assert still_serves(served)


def test_pipelined_requests_take_their_turn_in_order(served):
    served.config["limits"] |= PATIENT
    served.start()
    count = 100
    requests = b"".join(
        f"GET {target(served)}&n={i} HTTP/1.1\r\nHost: localhost\r\n"
        f"{'Connection: close' if i == count - 1 else 'X: y'}\r\n\r\n".encode()
        for i in range(count)
    )
    with client.connect(served.port, served.authority.path) as connection:
        connection.sendall(requests)
        octets = client.receive_all(connection)[0]
    assert octets.count(b"HTTP/1.1 200 ") == count


def test_a_pipeline_that_is_left_in_the_middle(served):
    served.config["limits"] |= PATIENT
    served.start()
    for _ in range(20):
        with client.connect(served.port, served.authority.path) as connection:
            connection.sendall(
                f"GET {target(served)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 50
            )
    assert still_serves(served)


# ---- the clock ----


@pytest.mark.parametrize("by", [-3600, 3600])
def test_a_clock_that_is_set_stops_no_limit(served, by):
    set_clock = settable(served)
    served.start()
    began = time.monotonic()
    with Http2(served.port, served.authority.path) as slow, client.connect(
        served.port, served.authority.path
    ) as slow1:
        body_that_does_not_end(slow)
        slow1.sendall(b"GET / HTTP/1.1\r\n")
        set_clock(by)
        assert ends(slow.connection)
        assert ends(slow1)
        assert 2 < time.monotonic() - began
    # Of the connection of HTTP/2 libh2o may think that it is idle, and be quicker.
    assert served.counter("connections", "ended_late") >= 1
