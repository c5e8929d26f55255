# SPDX-License-Identifier: Apache-2.0
"""Where a request ends, whom it is for, and what becomes of its connection (RFC 9112, RFC 9113):
whatever could hide a second request is refused, and nothing behind it is read. Everywhere: on
listeners for peers and for handsets, as a connection's first request and behind a good one."""
import contextlib
import json

import pytest
from client import FORM, connect, exchange, parse, receive_all, written
from daemon import CMPCTL, free_port, message, run
from frames import Http2
from hyperframe.frame import DataFrame

ICI = "1A0F1-COUNTED"
HOST = "Host: localhost\r\n"


class Peers:
    path = "/mc-3/resolve-ici"

    @staticmethod
    def pairs(site):
        return message(site.b, ICI)


class Handsets:
    path = "/mc-1/resolve-ici"

    @staticmethod
    def pairs(site):
        return {"ici": ICI}


@pytest.fixture(params=[Peers, Handsets], ids=["mc-3", "mc-1"])
def served(site, request):
    """A site, and what to send to one of its listeners."""
    site.b = site.peer("b")
    site.count = site.counting()
    handsets = {
        "name": "handsets",
        "bind": f"127.0.0.1:{free_port()}",
        "interfaces": ["mc-1"],
        "http2": True,
        "source_rate": "10000/s",
        "source_burst": 10000,
        "tls": site.listener["tls"],
    }
    site.config["listeners"].append(handsets)
    site.config["admin"] = {"socket": "admin.sock"}
    site.kind = request.param
    if site.kind is Handsets:
        site.port = int(handsets["bind"].split(":")[1])
    return site.start()


def form(site):
    return written(site.kind.pairs(site).items())


def get(site, *fields, host=HOST, version="1.1", method="GET", target=None):
    target = target or f"{site.kind.path}?{form(site)}"
    head = f"{method} {target} HTTP/{version}\r\n" + host + "".join(fields) + "\r\n"
    return head.encode("latin-1")


def post(site, body, *fields, version="1.1"):
    head = f"POST {site.kind.path} HTTP/{version}\r\n{HOST}Content-Type: {FORM}\r\n"
    return (head + "".join(fields) + "\r\n").encode() + body


def chunked(site, *parts):
    return post(site, b"".join(parts), "Transfer-Encoding: chunked\r\n")


def answers(got):
    """The status of each answer; a 100 counts."""
    return [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:]]


def refused(site, octets):
    """Sent alone, and behind a good request: refused, and what follows is not read."""
    before = site.count()
    got, closed = exchange(site.port, site.authority.path, octets + get(site))
    assert closed, f"still open after {got!r}"
    assert answers(got) == [400], got
    assert parse(got).headers["content-type"] == "application/problem+json"
    assert parse(got).code == "malformed"
    assert parse(got).headers["connection"] == "close"
    assert site.count() == before
    got, closed = exchange(site.port, site.authority.path, get(site) + octets + get(site))
    assert closed, f"still open after {got!r}"
    assert answers(got) == [200, 400], got
    assert site.count() == before + 1


# ---- chunks ----

LAST = b"0\r\n\r\n"

CHUNKS = {
    "0x": lambda form: [b"0x%x\r\n" % len(form), form, b"\r\n", LAST],
    "an underscore": lambda form: [b"0_%x\r\n" % len(form), form, b"\r\n", LAST],
    "an underscore behind": lambda form: [b"%x_0\r\n" % len(form), form, b"\r\n", LAST],
    "a sign": lambda form: [b"+%x\r\n" % len(form), form, b"\r\n", LAST],
    "a space in front": lambda form: [b" %x\r\n" % len(form), form, b"\r\n", LAST],
    "a space behind": lambda form: [b"%x \r\n" % len(form), form, b"\r\n", LAST],
    "no size": lambda form: [b"\r\n", form, b"\r\n", LAST],
    "no number": lambda form: [b"zz\r\n", form, b"\r\n", LAST],
    "LF behind the size": lambda form: [b"%x\n" % len(form), form, b"\r\n", LAST],
    "LF behind the data": lambda form: [b"%x\r\n" % len(form), form, b"\n", LAST],
    "CR CR LF behind the data": lambda form: [b"%x\r\n" % len(form), form, b"\r\r\n", LAST],
    "LF behind an extension": lambda form: [b"%x;a=b\n" % len(form), form, b"\r\n", LAST],
    "CR in an extension": lambda form: [b"%x;a=b\rx\r\n" % len(form), form, b"\r\n", LAST],
    "NUL in an extension": lambda form: [b"%x;a=\0\r\n" % len(form), form, b"\r\n", LAST],
    "LF behind the last size": lambda form: [b"%x\r\n" % len(form), form, b"\r\n0\n\r\n"],
    "LF at the end": lambda form: [b"%x\r\n" % len(form), form, b"\r\n0\r\n\n"],
    "LF behind a trailer": lambda form: [b"%x\r\n" % len(form), form, b"\r\n0\r\na: b\n\r\n"],
    "CR in a trailer": lambda form: [b"%x\r\n" % len(form), form, b"\r\n0\r\na: \rb\r\n\r\n"],
    "a trailer that is none": lambda form: [b"%x\r\n" % len(form), form, b"\r\n0\r\nG /\r\n\r\n"],
    "a folded trailer": lambda form: [b"%x\r\n" % len(form), form, b"\r\n0\r\n a: b\r\n\r\n"],
    "data too long": lambda form: [b"%x\r\n" % (len(form) - 1), form, b"\r\n", LAST],
    "63 bits": lambda form: [b"7fffffffffffffff\r\n", form],
    "64 bits": lambda form: [b"ffffffffffffffff\r\n", form],
    "65 bits": lambda form: [b"10000000000000000\r\n", form],
    "a wrap to the right size": lambda form: [b"1%016x\r\n" % len(form), form, b"\r\n", LAST],
}


@pytest.mark.parametrize("case", CHUNKS)
def test_chunks_that_are_none(served, case):
    refused(served, chunked(served, *CHUNKS[case](form(served).encode())))


def test_a_request_in_a_request(served):
    """What one parser takes for a body, and another for a request of its own."""
    hidden = b"\r\n" + get(served, "Content-Length: 5\r\n") + LAST
    head = get(served, "Transfer-Encoding: chunked\r\n")
    refused(served, head + b"0_2e\r\n" + hidden)


def test_good_chunks_in_any_pieces_and_the_connection_lives_on(served):
    text = form(served).encode()
    pieces = [text[i : i + 7] for i in range(0, len(text), 7)]
    coded = b"".join(b'%X \t;a="b\xc3\xbc"\r\n%b\r\n' % (len(p), p) for p in pieces)
    whole = chunked(served, coded, b"000;x\r\nA: b\r\nC:\r\n\r\n")
    got, _ = exchange(
        served.port, served.authority.path, whole + get(served, "Connection: close\r\n")
    )
    assert answers(got) == [200, 200], got


def test_chunks_beyond_the_limit(served):
    octets = chunked(served, b"4000\r\n", b"a" * 0x4000, b"\r\n1\r\nb\r\n", LAST)
    got, closed = exchange(served.port, served.authority.path, octets + get(served))
    assert (answers(got), closed) == ([413], True), got


# ---- heads ----

HOSTS = ["a b", "a/b", "a@b", "a:b:c", "[::1", "a:65536", "::1", "a%zz", '"a"', "a\x80"]


@pytest.mark.parametrize("host", HOSTS)
def test_hosts_that_are_none(served, host):
    refused(served, get(served, host=f"Host: {host}\r\n"))
    refused(served, get(served, host=f"Host: {host}\r\n", version="1.0"))


@pytest.mark.parametrize("host", ["a", "a:8443", "[::1]:8443", "127.0.0.1", "a:", ""])
def test_hosts(served, host):
    octets = get(served, "Connection: close\r\n", host=f"Host: {host}\r\n")
    got, _ = exchange(served.port, served.authority.path, octets)
    assert answers(got) == [200], got


@pytest.mark.parametrize("target", ["{}#x", "{}?ici=1#x", "https://u@a{}", "x", "https:{}", "{}\t"])
def test_targets_that_are_none(served, target):
    refused(served, get(served, target=target.format(served.kind.path)))


@pytest.mark.parametrize("target", ["https://a", "HTTP://a:1"])
def test_a_target_in_absolute_form(served, target):
    whole = f"{target}{served.kind.path}?{form(served)}"
    octets = get(served, "Connection: close\r\n", target=whole)
    got, _ = exchange(served.port, served.authority.path, octets)
    assert answers(got) == [200], got


METHODS = ["get", "PUT", "DELETE", "TRACE", "X-Y_Z!#$%&'*+.^`|~0", "M" * 200]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_any_token(served, method):
    octets = get(served, method=method) + get(served, "Connection: close\r\n")
    got, _ = exchange(served.port, served.authority.path, octets)
    assert answers(got) == [405, 200], got
    assert parse(got).headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("method", ["G@T", "GET\t", "G\x80T", "", "(GET)"])
def test_and_nothing_else(served, method):
    refused(served, get(served, method=method))


@pytest.mark.parametrize(
    "fields",
    [
        ("Connection: keep-alive, close\r\n",),
        ("Connection: x,CLOSE ,keep-alive\r\n",),
        ("Connection: close\r\n", "Connection: keep-alive\r\n"),
        ("Connection: keep-alive\r\n", "Connection: close\r\n"),
    ],
)
def test_close_wins(served, fields):
    octets = get(served, *fields) + get(served)
    got, closed = exchange(served.port, served.authority.path, octets)
    assert (answers(got), closed) == ([200], True), got


def test_http_1_0_closes_unless_it_is_asked_to_stay(served):
    octets = get(served, version="1.0") + get(served)
    got, closed = exchange(served.port, served.authority.path, octets)
    assert (answers(got), closed) == ([200], True), got
    octets = get(served, "Connection: keep-alive\r\n", version="1.0") + get(served, version="1.0")
    got, closed = exchange(served.port, served.authority.path, octets)
    assert (answers(got), closed) == ([200, 200], True), got


def test_nobody_is_told_to_go_on_who_speaks_http_1_0(served):
    for version, wanted in (("1.1", [100, 200]), ("1.0", [200])):
        body = form(served).encode()
        fields = (f"Content-Length: {len(body)}\r\n", "Expect: 100-continue\r\n")
        octets = post(served, body, *fields, "Connection: close\r\n", version=version)
        got, closed = exchange(served.port, served.authority.path, octets)
        assert (answers(got), closed) == (wanted, True), got


def test_a_head_that_does_not_end_is_refused_before_all_memory_is_taken(served):
    octets = get(served, "X: " + "x" * 200_000 + "\r\n")[:-4]
    with connect(served.port, served.authority.path) as connection:
        with contextlib.suppress(OSError):  # it need not take all
            connection.sendall(octets)
        got, closed = receive_all(connection)
    assert closed
    assert not got or (answers(got), parse(got).code) == ([431], "headers_too_large")


def test_more_fields_than_there_is_room_for(served):
    octets = get(served, *[f"X-{i}: x\r\n" for i in range(200)])
    got, closed = exchange(served.port, served.authority.path, octets + get(served))
    assert (answers(got), closed) == ([431], True), got


def test_what_is_refused_is_counted(served):
    def counted(name):
        socket = served.folder / "admin.sock"
        told = run(CMPCTL, "stats", "--json", "--socket", socket)
        values = json.loads(told.stdout)["counters"]
        return sum(c["value"] for c in values if (c["owner"], c["name"]) == ("requests", name))

    def send(octets):
        exchange(served.port, served.authority.path, octets)

    assert counted("malformed") == 0
    send(get(served, host="Host: a/b\r\n"))
    assert counted("malformed") == 1
    send(chunked(served, b"0x1\r\n"))
    assert counted("malformed") == 2
    send(post(served, b"", "Expect: wonders\r\n", "Content-Length: 1\r\n"))
    assert counted("malformed") == 3
    send(post(served, b"", "Content-Length: 99999999\r\n"))
    assert counted("body_too_large") == 1


# ---- the same over HTTP/2 ----


def ask2(served, more=(), **how):
    target = how.pop("target", f"{served.kind.path}?{form(served)}")
    with Http2(served.port, served.authority.path) as connection:
        stream = connection.get(target, more, **how)
        connection.read(stream)
        return connection.status.get(stream)


@pytest.mark.parametrize("host", HOSTS)
def test_authorities_that_are_none(served, host):
    assert ask2(served, authority=host) == 400


@pytest.mark.parametrize("host", ["a", "a:8443", "[::1]:8443", None])
def test_authorities(served, host):
    assert ask2(served, authority=host) == 200


@pytest.mark.parametrize("target", ["{}#x", "{} x", "{}\x7f", "x", "", "https://a{}", "*", "u@a"])
def test_paths_that_are_none(served, target):
    assert ask2(served, target=target.format(served.kind.path)) == 400


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_any_token_there_too(served, method):
    assert ask2(served, method=method) == 405


@pytest.mark.parametrize("method", ["G@T", "GET ", "", "G\x80T"])
def test_and_nothing_else_there_either(served, method):
    assert ask2(served, method=method) == 400


@pytest.mark.parametrize(
    "field",
    [
        ("connection", "close"),
        ("keep-alive", "1"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("content-length", "1x"),
        (":unknown", "x"),
        ("Upper", "x"),
        ("x", "a\r\nb"),
    ],
    ids=lambda field: field[0],
)
def test_fields_that_http2_does_not_have(served, field):
    assert ask2(served, [field]) in (None, 400)
    assert served.count() == 0


@pytest.mark.parametrize("length, sent", [("5", b"1234"), ("3", b"1234"), ("1", b"")])
def test_a_content_length_that_is_another(served, length, sent):
    fields = [("content-type", FORM), ("content-length", length)]
    with Http2(served.port, served.authority.path) as connection:
        stream = connection.get(served.kind.path, fields, end=False, method="POST")
        connection.send(DataFrame(stream, sent, flags=["END_STREAM"]))
        connection.read(stream)
        assert connection.status.get(stream) in (None, 400)
