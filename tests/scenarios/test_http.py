# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 that two readers could understand in two ways is refused and its connection closed:
that is what request smuggling lives on (RFC 9112)."""
import pytest
from client import parse, written
from daemon import message
from signing import Key

ICI = "1A0F1-COUNTED"
PATH = "/mc-3/resolve-ici"


@pytest.fixture
def served(site):
    site.b = site.peer("b")
    site.count = site.counting()
    site.config["limits"] = {"request_timeout": "2m"}  # nobody is put out for idling
    return site.start()


def query(site):
    return written(message(site.b, ICI).items())


def get(site, *headers, line=None, host="Host: localhost\r\n"):
    line = line or f"GET {PATH}?{query(site)} HTTP/1.1"
    return (line + "\r\n" + host + "".join(headers) + "\r\n").encode("latin-1")


def post(site, *headers, body):
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return (head + "".join(headers) + "\r\n").encode("latin-1") + body


def chunked(body):
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def ambiguous(site):
    form = query(site).encode()
    size = len(form)
    return {
        "length and chunked": post(
            site,
            f"Content-Length: {size}\r\n",
            "Transfer-Encoding: chunked\r\n",
            body=chunked(form),
        ),
        "chunked and length": post(
            site,
            "Transfer-Encoding: chunked\r\n",
            f"Content-Length: {size}\r\n",
            body=chunked(form),
        ),
        "two lengths": post(
            site, f"Content-Length: {size}\r\n", f"Content-Length: {size + 1}\r\n", body=form + b"x"
        ),
        "the same length twice": post(site, f"Content-Length: {size}\r\n" * 2, body=form),
        "a length with a sign": post(site, f"Content-Length: +{size}\r\n", body=form),
        "a list of lengths": post(site, f"Content-Length: {size}, {size}\r\n", body=form),
        "a coding that is none": post(site, "Transfer-Encoding: xchunked\r\n", body=chunked(form)),
        "chunked twice": post(site, "Transfer-Encoding: chunked\r\n" * 2, body=chunked(form)),
        "a chunk size that is none": post(
            site, "Transfer-Encoding: chunked\r\n", body=b"zz\r\n" + form
        ),
        "two hosts": get(site, "Host: other.example.net\r\n"),
        "no host": get(site, host=""),
        "a folded line": get(site, "X-One: a\r\n  b\r\n"),
        "a folded first line": get(site, host=" Host: localhost\r\n"),
        "bare line feeds": get(site).replace(b"\r\n", b"\n"),
        "one bare line feed": get(site, "X-One: a\n"),
        "a method that is no token": get(site, line=f"G@T {PATH}?{query(site)} HTTP/1.1"),
        "a space before the colon": get(site, "X-One : a\r\n"),
        "a header without a name": get(site, ": a\r\n"),
        "a header without a colon": get(site, "X-One\r\n"),
        "a NUL in a header": get(site, "X-One: a\0b\r\n"),
        "a control character in a header": get(site, "X-One: a\x01b\r\n"),
        "a carriage return in a header": get(site, "X-One: a\rb\r\n"),
        "another protocol": get(site, line=f"GET {PATH} HTTQ/1.1"),
        "a space in the path": get(site, line=f"GET {PATH} x HTTP/1.1"),
        "no request at all": b"\x16\x03\x01 hello\r\n\r\n",
    }


class _Nobody:
    b = Key("b", "b")


CASES = list(ambiguous(_Nobody))


@pytest.mark.parametrize("case", CASES)
def test_an_ambiguous_request_is_refused_and_the_connection_closed(served, case):
    """What follows on the connection is not read as a second request."""
    got, closed = served.exchange(ambiguous(served)[case] + get(served))
    assert closed, f"still open after {got!r}"
    assert got.count(b"HTTP/1.1 ") <= 1, got
    if got:
        assert parse(got).status in (400, 405, 501), got
    assert served.count() == 0
    assert served.ask(served.b, ICI).status == 200


def test_two_requests_in_a_row(served):
    got, _ = served.exchange(get(served) + get(served, "Connection: close\r\n"))
    assert got.count(b"HTTP/1.1 200 ") == 2


def test_a_chunked_body(served):
    form = query(served).encode()
    octets = post(
        served, "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", body=chunked(form)
    )
    got, closed = served.exchange(octets)
    assert closed and parse(got).status == 200


def test_a_client_that_waits_for_100_continue(served):
    form = query(served).encode()
    octets = post(
        served,
        f"Content-Length: {len(form)}\r\n",
        "Expect: 100-continue\r\n",
        "Connection: close\r\n",
        body=form,
    )
    got, closed = served.exchange(octets)
    assert closed and b" 200 " in got


@pytest.mark.parametrize("slow", [b"", b"GET ", b"GET / HTTP/1.1\r\nHost: x\r\nX-"])
def test_a_client_that_does_not_finish_is_put_out(site, slow):
    site.config["limits"] = {"request_timeout": "3s"}
    site.config["admin"] = {"socket": "admin.sock"}
    b = site.peer("b")
    site.counting()
    site.start()
    got, closed = site.exchange(slow)
    assert closed and b"200" not in got[:20]
    assert site.counter("connections", "ended_late" if slow else "ended_idle") == 1
    assert site.ask(b, ICI).status == 200
