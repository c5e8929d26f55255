# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 is metered before libh2o sees it, which counts nothing itself: who asks for too much is
sent GOAWAY, and honest clients never are."""
import collections
import json
import os
import select
import ssl
import struct
import subprocess
import time

import daemon
import pytest
from daemon import message, run
from frames import Http2
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from patience import PATIENCE
from stores import eventually

OWN_HPACK = daemon.BUILD / "tests" / "cmpd_own_hpack"
NEVER = 1 << 30  # a stream that does not end: reading on until the connection does
PROTOCOL_ERROR, ENHANCE_YOUR_CALM = 1, 11
ICI = "1A0F1-1"


class Unknown:
    """A frame of a type that nobody knows."""

    def __init__(self, kind, stream, body):
        self.octets = struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, 7, stream) + body

    def serialize(self):
        return self.octets


@pytest.fixture
def described(site):
    site.b = site.peer("b", key={"repeat": "identical"})
    site.config |= {"workers": 1, "admin": {"socket": "admin.sock"}, "drain": "60s"}
    site.write_codes({"ici": ICI, "content": "x"})
    return site


@pytest.fixture
def served(described):
    return described.start()


@pytest.fixture
def strict(described):
    """Of what a client has used up nothing comes back, however slow he is."""
    described.config["limits"] = {"http2": {"frame_rate": "1/h", "reset_rate": "1/h"}}
    return described.start()


def connect(site):
    connection = Http2(site.port, site.authority.path)
    connection.settle()
    return connection


def target(site):
    pairs = message(site.b, ICI)
    return "/mc-3/resolve-ici?" + "&".join(f"{name}={value}" for name, value in pairs.items())


def answered(connection, site):
    stream = connection.get(target(site))
    return connection.read(stream) and connection.status.get(stream) == 200


def ends(connection, error=ENHANCE_YOUR_CALM):
    """The connection is ended with that error, and not for lack of anything."""
    assert not connection.read(NEVER)
    assert connection.goaways == [error]
    return True


def pings(count):
    return [PingFrame(0, b"01234567")] * count


def stays_open(connection, site):
    assert answered(connection, site)
    assert connection.goaways == []
    return True


def test_a_libh2o_that_goes_its_own_way_is_refused(site):
    site.peer("b")
    ended = run(OWN_HPACK, "-c", site.write())
    assert ended.returncode == 1
    assert "libh2o reads header blocks of HTTP/2 by itself" in ended.stderr


# ---- frames ----


@pytest.mark.parametrize(
    "frame",
    [
        PingFrame(0, b"01234567"),
        SettingsFrame(0),
        WindowUpdateFrame(0, window_increment=1),
        PriorityFrame(5, depends_on=3, stream_weight=1),
        Unknown(0xAB, 1, b"x" * 20),
    ],
    ids=["ping", "settings", "window", "priority", "unknown"],
)
def test_frames_that_carry_nothing(strict, frame):
    with connect(strict) as connection:
        connection.send(*[frame] * 900)
        assert stays_open(connection, strict)
        connection.send(*[frame] * 400)
        assert ends(connection)
    assert strict.counter("http2", "ended_frames") == 1
    strict.wait_for_log("connection ended: too many frames that carry nothing")
    assert answered(connect(strict), strict)


def test_who_goes_on_to_flood_is_told_the_reason(served):
    """A client that sends all that it has, and then reads. Over and over: a reset that overtakes
    GOAWAY would be a race that is lost now and then."""
    tries = 40
    flood = b"".join(frame.serialize() for frame in pings(20000))  # 340 kB
    for _ in range(tries):
        with connect(served) as connection:
            connection.connection.sendall(flood)
            assert ends(connection)
    assert served.counter("http2", "ended_frames") == tries
    assert stays_open(connect(served), served)


def test_who_never_stops_to_flood_is_cut_off(served):
    flood = b"".join(frame.serialize() for frame in pings(1000))
    with connect(served) as connection:
        with pytest.raises(OSError):
            for _ in range(10000):
                connection.connection.sendall(flood)


def descriptors(site):
    return len(os.listdir(f"/proc/{site.process.pid}/fd"))


def test_who_was_told_and_does_not_go_keeps_nothing(strict):
    """A few are waited for, for two seconds."""
    before = descriptors(strict)
    silent = [connect(strict) for _ in range(30)]
    for connection in silent:
        connection.send(*pings(1300))
    eventually(lambda: strict.counter("http2", "ended_frames") == len(silent))
    eventually(lambda: descriptors(strict) <= before + 16)
    eventually(lambda: descriptors(strict) == before)
    assert all(ends(connection) for connection in silent)


def test_a_flood_does_not_hold_up_the_end(strict):
    """Nor do those who were told and do not go."""
    silent = [connect(strict) for _ in range(20)]
    for connection in silent:
        connection.send(*pings(1300))
    eventually(lambda: strict.counter("http2", "ended_frames") == 20)
    began = time.monotonic()
    strict.stop()
    assert time.monotonic() - began < 30
    assert strict.log_text().count("cut off") == 0


def test_bodies_in_crumbs(strict):
    with connect(strict) as connection:
        stream = connection.get("/mc-3/resolve-ici", end=False, method="POST")
        connection.send(*[DataFrame(stream, b"x")] * 900)
        assert stays_open(connection, strict)
        connection.send(*[DataFrame(stream, b"")] * 400)
        assert ends(connection)


def test_unknown_frames_say_nothing(served):
    """libh2o would write a line for each to standard error."""
    with connect(served) as connection:
        for size in (0, 1, 16384):
            connection.send(*[Unknown(0x10, 0, b"x" * size)] * 20)
        assert stays_open(connection, served)
    assert served.counter("http2", "ignored_frames") == 60
    assert "skipping" not in served.log_text()


def test_priorities_are_ignored(served):
    """RFC 9113, 5.3.2; a tree of them could be grown without a request."""
    with connect(served) as connection:
        for stream in range(3, 203, 2):
            connection.send(PriorityFrame(stream, depends_on=stream - 2, stream_weight=9))
        connection.send(PriorityFrame(1, depends_on=1))
        assert stays_open(connection, served)


def test_options_set_the_budgets(site):
    site.b = site.peer("b", key={"repeat": "identical"})
    site.config["limits"] = {
        "http2": {"frame_burst": 100, "frame_rate": "1/h", "reset_burst": 3, "continuations": 0}
    }
    site.write_codes({"ici": ICI, "content": "x"})
    site.start()
    with connect(site) as connection:
        connection.send(*pings(90))
        assert stays_open(connection, site)
        connection.send(*pings(20))
        assert ends(connection)
    with connect(site) as connection:
        connection.send(HeadersFrame(1, b"\x82", flags=[]))
        connection.send(ContinuationFrame(1, b"\x87", flags=["END_HEADERS"]))
        assert ends(connection)
    with connect(site) as connection:
        for _ in range(4):
            connection.cancel(connection.get(target(site), end=False))
        assert ends(connection)


# ---- resets ----


def test_rapid_resets(strict):
    with connect(strict) as connection:
        for _ in range(150):
            connection.cancel(connection.get(target(strict)))
        assert stays_open(connection, strict)
        with pytest.raises((AssertionError, OSError)):  # or it does not even hear of the end
            for _ in range(400):
                connection.cancel(connection.get(target(strict)))
            assert not ends(connection)
    assert strict.counter("http2", "ended_resets") == 1
    assert strict.counter("http2", "resets") >= 200


def test_streams_that_we_are_made_to_reset(strict):
    with connect(strict) as connection:
        for _ in range(150):
            stream = connection.get("/", end=True)
            connection.send(DataFrame(stream, b"x" * 100))
        assert stays_open(connection, strict)
        with pytest.raises((AssertionError, OSError)):
            for _ in range(400):
                stream = connection.get("/", end=True)
                connection.send(DataFrame(stream, b"x" * 100))
            assert not ends(connection)
    assert strict.counter("http2", "ended_resets") == 1
    assert strict.counter("http2", "our_resets") >= 150


# ---- bodies ----


def post(connection, frames):
    """The stream of a request with so much of a body that it is answered, but not whole."""
    form = ("content-type", "application/x-www-form-urlencoded")
    stream = connection.get("/mc-3/resolve-ici", [form], end=False, method="POST")
    connection.send(*[DataFrame(stream, b"x" * 16384)] * frames)
    return stream


def too_large(connection, stream):
    assert connection.read(stream)
    assert stream not in connection.reset
    assert connection.status[stream] == 413 and b"body_too_large" in connection.body[stream]
    return True


def test_a_body_that_is_too_long_is_answered(served):
    with connect(served) as connection:
        streams = [post(connection, 3) for _ in range(90)]
        assert all(too_large(connection, stream) for stream in streams)
        for stream in streams:  # what was under way, or who does not listen
            connection.send(DataFrame(stream, b"x" * 16384), DataFrame(stream, b"", flags=["END_STREAM"]))
        assert stays_open(connection, served)
    assert served.counter("requests", "body_too_large") == 90
    assert served.counter("http2", "our_resets") == 0
    assert served.counter("http2", "ignored_frames") == 270


def test_a_body_that_says_it_is_too_long_is_answered(served):
    """Whatever comes of it."""
    with connect(served) as connection:
        for octets in (b"", b"x", b"x" * 16384):
            length = ("content-length", "10000000000")
            stream = connection.get("/mc-3/resolve-ici", [length], end=False, method="POST")
            connection.send(DataFrame(stream, octets, flags=["END_STREAM"]))
            assert too_large(connection, stream)
        assert stays_open(connection, served)


def test_who_goes_on_with_it_is_asked_to_leave(served):
    """libh2o would not open the connection's window again for what is thrown away."""
    served.stop()
    served.config["drain"] = "1s"
    served.start()
    with connect(served) as connection:
        stream = post(connection, 3)
        assert too_large(connection, stream)
        connection.send(*[DataFrame(stream, b"x" * 16384)] * 270)
        eventually(lambda: answered(connection, served) and connection.goaways == [0])
        assert not connection.read(NEVER)
    assert answered(connect(served), served)


def test_a_patient_client_may_cancel_all_it_has(served):
    """As a partner does whose requests have all become too old."""
    with connect(served) as connection:
        for _ in range(4):
            streams = [connection.get("/", end=False, method="POST") for _ in range(90)]
            time.sleep(1.1)  # as old as a stream must be
            for stream in streams:
                connection.cancel(stream)
        assert stays_open(connection, served)
    assert served.counter("http2", "resets") == 360


# ---- header blocks ----


def test_header_blocks_of_many_frames(served):
    for flags, error in (([], ENHANCE_YOUR_CALM), (["END_HEADERS"], ENHANCE_YOUR_CALM)):
        with connect(served) as connection:
            connection.send(HeadersFrame(1, b"\x82", flags=["END_STREAM"]))
            for _ in range(8):
                connection.send(ContinuationFrame(1, b"\x90"))
            connection.send(ContinuationFrame(1, b"\x90", flags=flags))
            assert ends(connection, error)
    assert served.counter("http2", "ended_block") == 2


def test_header_blocks_of_many_octets(served):
    with connect(served) as connection:
        connection.send(HeadersFrame(1, b"\x90" * 16384, flags=["END_STREAM"]))
        for _ in range(3):
            connection.send(ContinuationFrame(1, b"\x90" * 16384))
        assert ends(connection)
    assert served.counter("http2", "ended_block") == 1


def test_a_header_block_stays_on_its_stream(served):
    """libh2o takes it for the trailers of any stream whose body is still to come."""
    with connect(served) as connection:
        first = connection.get("/mc-3/resolve-ici", end=False, method="POST")
        connection.send(HeadersFrame(first + 2, b"\x82", flags=["END_STREAM"]))
        connection.send(ContinuationFrame(first, b"\x87", flags=["END_HEADERS"]))
        assert ends(connection, PROTOCOL_ERROR)


def test_header_blocks_that_become_too_much(served):
    """Two octets name a field of 3,000 again."""
    large = b"\x40\x07x-large\x7f" + bytes([3000 - 127 & 127 | 128, 3000 - 127 >> 7]) + b"a" * 3000
    head = b"\x82\x87\x84\x41\x01a"
    for more, answer in ((b"\xbe" * 3, None), (b"\xbe" * 20, 11), (b"\x90" * 140, 11)):
        with connect(served) as connection:
            connection.send(
                HeadersFrame(1, head + large + more, flags=["END_HEADERS", "END_STREAM"])
            )
            assert connection.read(1) == (answer is None)
            assert connection.goaways == ([] if answer is None else [answer])
    assert served.counter("http2", "ended_fields") == 2
    served.wait_for_log("a header block that becomes too large")


def test_trailers_are_no_headers(served):
    with connect(served) as connection:
        stream = connection.get("/mc-3/resolve-ici", end=False, method="POST")
        connection.send(DataFrame(stream, b"tid=1"))
        trailers = connection.encoder.encode(
            [("content-type", "application/x-www-form-urlencoded")]
        )
        connection.send(HeadersFrame(stream, trailers, flags=["END_HEADERS", "END_STREAM"]))
        assert connection.read(stream)
        assert connection.status[stream] == 415
        assert stays_open(connection, served)


# ---- a meter that cannot be lost ----


class Unread:
    """Octets on their way to a server that may stop reading, on one thread: TLS bears no two."""

    def __init__(self, connection, octets):
        self.connection, self.left = connection, memoryview(octets)
        connection.connection.setblocking(False)

    def send(self, wait=0):
        """Sends what can be sent now; False when that is nothing, so many seconds long."""
        try:
            while self.left:
                self.left = self.left[self.connection.connection.send(self.left[:16384]) :]
        except (ssl.SSLWantWriteError, BlockingIOError):
            plain = self.connection.connection.fileno()
            return bool(select.select([], [plain], [], wait)[1])
        return True

    def read(self):
        """Takes what is there."""
        try:
            self.connection.skim(seconds=0)
        except (ssl.SSLWantReadError, BlockingIOError):
            select.select([self.connection.connection.fileno()], [], [], 0.1)


def test_who_does_not_read_stays_metered(site):
    """When 512 kB wait to be sent libh2o stops reading, and begins again by itself."""
    count = 900_000
    site.b = site.peer("b", key={"repeat": "identical"})
    site.config |= {"workers": 1, "admin": {"socket": "admin.sock"}}
    site.config["limits"] = {
        "request_timeout": "1m",
        "http2": {"frame_burst": 1_000_000, "frame_rate": "1/h"},
    }
    site.write_codes({"ici": ICI, "content": "x"})
    site.start()
    with connect(site) as connection:
        flood = Unread(connection, PingFrame(0, b"01234567").serialize() * count)
        while flood.send(wait=1):
            assert flood.left, "it never stopped reading"
        while connection.skimmed < count * 17:
            flood.read()
            flood.send()
        connection.connection.settimeout(PATIENCE)
        connection.send(*[Unknown(0x10, 0, b"x")] * 50)
        connection.send(PingFrame(0, b"76543210"))
        while b"76543210" not in connection.pending:
            connection.skim()
        assert site.counter("http2", "ignored_frames") == 50
        assert "skipping" not in site.log_text()


# ---- more than can be served ----


def test_who_finds_too_many_waiting_is_refused(described):
    """Strangers' requests that come all at once: so many are served in their turn, and the others
    are told to come later, which is cheaper than any answer."""
    described.config["limits"] = {"request_timeout": "5m"}  # until the last has connected
    served = described.start()
    connections = [connect(served) for _ in range(50)]
    with served.frozen():
        streams = [[c.get("/nowhere") for _ in range(100)] for c in connections]
    codes = collections.Counter()
    for connection, own in zip(connections, streams):
        assert connection.read(*own, seconds=120)
        for stream in own:
            status, fields = connection.status[stream], connection.fields[stream]
            codes[status, json.loads(connection.body[stream])["code"]] += 1
            assert fields.get("retry-after") == ("1" if status == 503 else None)
    assert set(codes) == {(404, "not_found"), (503, "overloaded")}
    refused = codes[503, "overloaded"]
    assert codes[404, "not_found"] >= 4096
    assert served.counter("requests", "overloaded") == refused > 0
    assert answered(connect(served), served)


# ---- honest clients ----


def test_h2load(served):
    """100 streams at a time on each of two connections, as fast as it can."""
    ended = run(
        "h2load", "-n", "20000", "-c", "2", "-m", "100", served.url() + target(served)[17:]
    )
    assert "20000 2xx" in ended.stdout, ended.stdout
    assert served.counter("http2", "our_resets") == 0


@pytest.mark.parametrize("window", ["10", "16"])
def test_nghttp_with_bodies_and_small_windows(served, window):
    body = served.folder / "body"
    body.write_bytes(b"tid=1&user=" + b"x" * 15000)
    words = ["nghttp", "--no-verify-peer", "-n", "-v", "-w", window, "-m", "80", "-d", str(body)]
    ended = subprocess.run(
        [*words, served.url()], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ended.stdout.count(":status: 4") == 80, ended.stdout[-2000:] + ended.stderr
    assert "ENHANCE_YOUR_CALM" not in ended.stdout
