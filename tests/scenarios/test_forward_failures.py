# SPDX-License-Identifier: Apache-2.0
"""The next hop fails in every way there is: the requestor gets the code of SPEC 3, in time, and the
operator the reason."""
import datetime
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from authority import Authority
from client import connect
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from patience import PATIENCE
from recipient import PROBLEM, Reply, problem, resolved
from stores import eventually
from world import home_and

ICI = "2B001-1"
V = ssl.TLSVersion


def asked(home, status, code, within=None):
    began = time.monotonic()
    answer = home.scan(ICI)
    took = time.monotonic() - began
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["cache-control"] == "no-store"
    if within is not None:
        assert took < within, f"took {took:.2f} s"
    return answer


# ---- who it is ----


def expired(authority, folder, *names):
    """A certificate of the right CA for the right names, whose time is over."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.utcnow()
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
        .issuer_name(authority.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 30 * day)
        .not_valid_after(now - day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        .sign(authority.key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "expired.pem").write_bytes(made.public_bytes(pem))
    (folder / "expired.key").write_bytes(key.private_bytes(pem, *plain))
    return folder / "expired.pem", folder / "expired.key"


def another_ca(authority, folder, *names):
    (folder / "another").mkdir()
    return Authority(folder / "another").issue(*names)


def another_name(authority, folder, *names):
    return authority.issue("c.example.net", "127.0.0.1", "localhost")


def a_name_inside(authority, folder, *names):
    return authority.issue("evil." + names[0], names[0] + ".example.org", "*.net")


@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
@pytest.mark.parametrize(
    "wrong, reason",
    [
        (another_ca, "certificate signature failure"),
        (another_name, "hostname mismatch"),
        (a_name_inside, "hostname mismatch"),
        (expired, "certificate has expired"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_certificate_that_is_not_the_peers(world, tmp_path, version, protocol, wrong, reason):
    b = world.recipient("b", protocols=[protocol])
    b.stop()
    b.certificate = wrong(world.authority, tmp_path, "b.example.net")
    b.versions = (version, version)
    b.start()
    home = home_and(world, b)
    world.start()
    asked(home, 502, "peer_failed", within=8)
    assert b.requests == [] and b.connections >= 1  # nothing was said to it
    assert reason in home.wait_for_log("peer b, 127.0.0.1")["message"]


@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3], ids=["1.2", "1.3"])
def test_a_good_certificate(world, version):
    b = world.recipient("b")
    b.stop()
    b.versions = (version, version)
    b.start()
    home = home_and(world, b)
    b.codes[ICI] = "x"
    world.start()
    assert home.scan(ICI).json["content"] == "x"


def test_tls_of_yesterday_is_not_spoken(world):
    b = world.recipient("b")
    b.stop()
    b.versions = (V.TLSv1_1, V.TLSv1_1)
    with pytest.warns(DeprecationWarning):
        b.start()
        with connect(b.port, world.authority.path, lowest=V.TLSv1_1, highest=V.TLSv1_1) as old:
            assert old.version() == "TLSv1.1"
    home = home_and(world, b)
    world.start()
    asked(home, 502, "peer_failed", within=8)
    assert "protocol version" in home.wait_for_log("peer b, 127.0.0.1")["message"]


def test_a_client_certificate_is_shown(world):
    b = world.cmp("b", "2B001")
    ca = str(world.authority.path)
    b.listener["tls"] |= {"client_certificate": "required", "client_ca": ca}
    home = home_and(world, b)
    b.holds(**{ICI: "x"})
    world.start()
    asked(home, 502, "peer_failed")
    home.stop()
    certificate, key = world.authority.issue("a.example.net")
    home.entry("b")["tls"] |= {"certificate": str(certificate), "key": str(key)}
    home.start()
    assert home.scan(ICI).json["content"] == "x"


def test_a_key_that_the_next_hop_has_revoked(world):
    """Its 401 is our operator's problem, not the requestor's."""
    b = world.cmp("b", "2B001")
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    home = home_and(world, b, key={"options": {"not_after": soon.strftime("%Y-%m-%dT%H:%M:%SZ")}})
    b.holds(**{ICI: "x"})
    world.start()
    deadline = time.monotonic() + 5
    while (answer := home.scan(ICI)).status == 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (answer.status, answer.code) == (502, "peer_failed")
    line = home.wait_for_log("the peer does not accept our signature")
    assert "peer b" in line["message"]


def test_no_key_to_sign_with(world):
    """That is our own fault, and nobody else's."""
    b = world.recipient("b")
    home = home_and(world, b)
    home.received.clear()
    home.expect_error("cannot sign to peer b")
    world.start()
    asked(home, 500, "internal_error")
    assert b.connections == 0
    home.wait_for_log("no received key is valid now")


def test_a_peer_without_a_url(world):
    home = home_and(world, world.recipient("b"))
    home.config["peers"].append({"name": "c", "host": "c.example.net", "prefixes": ["3C001"]})
    world.start()
    answer = home.scan("3C001-1")
    assert (answer.status, answer.code) == (502, "peer_failed")
    line = home.wait_for_log("peer c has no url")
    assert (line["level"], line["area"]) == ("notice", "forward")


def test_the_next_hop_does_not_allow_it(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    b.entry("a")["allow"]["prefixes"] = ["3C001"]
    b.holds(**{ICI: "x"})
    world.start()
    asked(home, 502, "peer_failed")
    home.wait_for_log("the peer does not allow us to ask that")


# ---- that it does not answer ----


def test_nobody_listens(world):
    b = world.recipient("b")
    home = home_and(world, b)
    b.stop()
    world.start()
    asked(home, 502, "peer_failed", within=8)
    home.wait_for_log("peer b")


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_an_answer_that_comes_too_late(world, protocol):
    b = world.recipient("b", protocols=[protocol])
    home = home_and(world, b)
    home.config["resolve"]["deadline"] = "5s"
    b.answer = lambda request: Reply(hang=True)
    world.start()
    began = time.monotonic()
    asked(home, 504, "peer_timeout", within=30)
    assert time.monotonic() - began > 4.9
    b.codes[ICI] = "x"
    b.answer = b.answer_properly
    assert home.scan(ICI).json["content"] == "x"
    assert len(b.requests) == 2  # what was perhaps processed is not sent again


def test_the_deadline_shrinks_by_hop(world):
    """Who is nearer to the handset waits longer, so that it can still tell what happened."""
    c = world.recipient("c")
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    world.join(b, c, prefixes=["2B001F"])
    b.routes(table={"use": "route_prefix"})
    for node in (home, b):
        node.config["resolve"] |= {"deadline": "9s", "max_hops": 2}
    c.codes["2B001F1"] = "x"
    world.start()
    assert home.scan("2B001F1").status == 200  # the connections stand: b has begun at once
    c.answer = lambda request: Reply(hang=True)
    assert home.scan("2B001F1").status in (502, 504)
    at_b, at_home = b.wait_until_handled(2)[1], home.wait_until_handled(2)[1]
    assert at_b["status"] == 504 and int(at_b["ms"]) < 9000  # 2/3 of it, and lateness
    assert int(at_b["ms"]) < int(at_home["ms"]) + 20


def test_a_peer_that_takes_connections_and_says_nothing(world):
    b = world.recipient("b")
    b.greet = lambda plain: False
    home = home_and(world, b, connect_timeout="300ms")
    world.start()
    asked(home, 502, "peer_failed", within=8)


def test_a_peer_that_closes_before_tls(world):
    b = world.recipient("b")

    def close(plain):
        plain.shutdown(socket.SHUT_RDWR)
        return False

    b.greet = close
    home = home_and(world, b)
    world.start()
    asked(home, 502, "peer_failed", within=8)


@pytest.mark.parametrize("octets", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 64, b"\x16\x03"])
def test_a_peer_that_does_not_speak_tls(world, octets):
    b = world.recipient("b")

    def say(plain):
        plain.sendall(octets)
        return False

    b.greet = say
    home = home_and(world, b, connect_timeout="300ms")
    world.start()
    asked(home, 502, "peer_failed", within=8)


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_a_connection_that_ends_instead_of_an_answer(world, protocol):
    b = world.recipient("b", protocols=[protocol])
    home = home_and(world, b)
    b.answer = lambda request: Reply(close=True)
    world.start()
    asked(home, 502, "peer_failed", within=8)
    first, second = b.requests  # it was perhaps processed, which does no harm, but once is enough
    assert first.params["tid"] != second.params["tid"]


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_a_connection_that_ends_is_made_once_more(world, protocol):
    """Of two that stand, both end: it is asked again on one that is new."""
    b = world.recipient("b", protocols=[protocol])
    home = home_and(world, b, connections=3)
    b.codes[ICI] = "x"
    world.start()
    together = threading.Barrier(2)
    b.answer = lambda request: (together.wait(PATIENCE), b.answer_properly(request))[1]
    with ThreadPoolExecutor(2) as both:  # over HTTP/1.1 that takes two connections
        assert [a.status for a in both.map(home.scan, [ICI, ICI])] == [200, 200]
    stood = b.connections
    b.answer = lambda r: Reply(close=True) if r.connection <= stood else b.answer_properly(r)
    assert home.scan(ICI).json["content"] == "x"
    assert b.connections == stood + 1
    assert len({request.params["tid"] for request in b.requests}) == 4


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_a_half_open_connection_is_left(world, protocol):
    """The first connection works once and then is dead without a word: one request pays for it."""
    b = world.recipient("b", protocols=[protocol])
    b.may_go_deaf = True
    home = home_and(world, b)
    home.config["resolve"]["deadline"] = "5s"
    first = []

    def answer(request):
        first.append(request.connection)
        reply = b.answer_properly(request)
        reply.deaf = request.connection == first[0]
        return reply

    b.codes[ICI] = "x"
    b.answer = answer
    world.start()
    assert home.scan(ICI).status == 200
    asked(home, 504, "peer_timeout", within=30)
    for _ in range(3):
        assert home.scan(ICI).json["content"] == "x"
    assert len(set(first)) == 2


# ---- that it lies ----

LIES = {
    "another tid": lambda r: resolved(r, tid="00000000-0000-7000-8000-000000000000"),
    "no tid": lambda r: resolved(r, tid=None),
    "another ici": lambda r: resolved(r, ici="2B001-2"),
    "no status": lambda r: resolved(r, status=None),
    "another status": lambda r: resolved(r, status="maybe"),
    "no content": lambda r: resolved(r, content=None),
    "empty content": lambda r: resolved(r, content=""),
    "content that is no string": lambda r: resolved(r, content=["x"]),
    "too much content": lambda r: resolved(r, content="x" * 70000),
    "a negative ttl": lambda r: resolved(r, ttl=-1),
    "a ttl that is no number": lambda r: resolved(r, ttl="1"),
    "no JSON": lambda r: Reply(body=b"<html>welcome</html>"),
    "half of it": lambda r: Reply(body=resolved(r).body[:-5]),
    "twice": lambda r: Reply(body=resolved(r).body * 2),
    "a member twice": lambda r: Reply(
        body=resolved(r).body.replace(b'"ttl"', b'"content":"evil","ttl"')
    ),
    "no UTF-8": lambda r: Reply(body=resolved(r).body.replace(b"https", b"\xff\xfe")),
    "nothing": lambda r: Reply(body=b""),
    "an array": lambda r: Reply(body=b"[]"),
    "deep JSON": lambda r: Reply(body=b"[" * 50000),
    "HTML": lambda r: Reply(body=resolved(r).body, type="text/html"),
    "oversized": lambda r: Reply(body=b" " * 200000 + resolved(r).body),
    "oversized fields": lambda r: Reply(headers={f"x-{i}": "y" * 900 for i in range(90)}),
    "its own 401": lambda r: problem(401, "authentication_failed", r),
    "its own 403": lambda r: problem(403, "not_allowed", r),
    "its own 409": lambda r: problem(409, "replayed", r),
    "its own 400": lambda r: problem(400, "invalid_parameter", r),
    "its own 500": lambda r: problem(500, "internal_error", r),
    "its own 502": lambda r: problem(502, "peer_failed", r),
    "204": lambda r: Reply(204),
    "301": lambda r: Reply(301, headers={"location": "https://127.0.0.1:1/"}),
    "404 of a web server": lambda r: Reply(404, b"<h1>Not Found</h1>", "text/html"),
    "404 not_found": lambda r: problem(404, "not_found", r),
    "404 for another tid": lambda r: problem(404, "unknown_ici", tid="x"),
    "410 that says 404": lambda r: Reply(410, problem(404, "gone", r).body, PROBLEM),
}


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_lies(world, protocol):
    b = world.recipient("b", protocols=[protocol])
    home = home_and(world, b)
    b.codes[ICI] = "x"
    world.start()
    for lie, answer in LIES.items():
        b.answer, before = answer, len(b.requests)
        got = home.scan(ICI)
        assert (got.status, got.json.get("code")) == (502, "peer_failed"), (lie, got.body)
        assert len(b.requests) == before + 1, f"{lie}: asked again"
        b.answer = b.answer_properly
        assert home.scan(ICI).json["content"] == "x", lie  # nothing of it stays
    home.stop()
    assert home.log_count("peer b, 127.0.0.1", "failures")[1] == len(LIES)


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
@pytest.mark.parametrize(
    "octets",
    [
        b"\0" * 100,
        b"HTTP/9.9 999 what\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"x" * 100000,
        b"\0\0\1\xff\0\0\0\0\1" * 3 + b"\0\0\4\0\0\0\0\0\1xxxx",
    ],
    ids=["zeros", "no HTTP", "negative", "two lengths", "bad chunk", "endless line", "frames"],
)
def test_garbage(world, protocol, octets):
    b = world.recipient("b", protocols=[protocol])
    home = home_and(world, b)
    home.config["resolve"]["deadline"] = "5s"
    b.answer = lambda request: Reply(raw=octets)
    world.start()
    answer = home.scan(ICI)
    assert answer.status in (502, 504) and answer.code in ("peer_failed", "peer_timeout")
    b.codes[ICI] = "x"
    b.answer = b.answer_properly
    assert home.scan(ICI).json["content"] == "x"


# ---- what it may say ----


@pytest.mark.parametrize(
    "status, code, member",
    [(404, "unknown_ici", {}), (410, "gone", {}), (508, "loop_detected", {"parameter": "count"})],
)
def test_what_passes_through(world, status, code, member):
    b = world.recipient("b")
    home = home_and(world, b)
    asker = home.peer("asker")
    b.answer = lambda request: problem(status, code, request, **member)
    world.start()
    assert home.scan(ICI).code == code
    answer = home.ask(asker, ICI, tid="my-own-tid-1")
    assert (answer.status, answer.code, answer.json["tid"]) == (status, code, "my-own-tid-1")
    assert len(b.requests) == 2


def test_more_requests_than_may_wait_for_a_connection(world):
    """One is under way, `waiting` wait: one more is told at once, and when to come again."""
    b = world.recipient("b", protocols=["http/1.1"])
    home = home_and(world, b, connections=1, waiting=2, connect_timeout="10s")
    home.config["resolve"]["deadline"] = "20s"
    b.codes[ICI] = "x"
    gate = threading.Event()

    def answer(request):
        gate.wait(PATIENCE)
        return b.answer_properly(request)

    b.answer = answer
    world.start()
    with ThreadPoolExecutor(8) as pool:
        under_way = pool.submit(home.scan, ICI)
        eventually(lambda: len(b.requests) == 1)
        waiting = [pool.submit(home.scan, ICI) for _ in range(7)]
        eventually(lambda: sum(w.done() for w in waiting) == 5)
        gate.set()
        assert under_way.result().status == 200
        answers = [w.result() for w in waiting]
    assert sorted(a.status for a in answers) == [200] * 2 + [503] * 5
    for refused in (a for a in answers if a.status == 503):
        assert refused.code == "overloaded" and int(refused.headers["retry-after"]) > 0


@pytest.mark.parametrize("status, code", [(429, "rate_limited"), (503, "overloaded")])
@pytest.mark.parametrize("said, told", [("7", 7), (None, None), ("soon", None)])
def test_a_busy_peer(world, status, code, said, told):
    b = world.recipient("b")
    home = home_and(world, b)
    headers = {"retry-after": said} if said else {}
    b.answer = lambda request: problem(status, code, request, headers)
    world.start()
    answer = asked(home, 503, "overloaded", within=8)
    after = int(answer.headers["retry-after"])
    assert after == told if told else after >= 1
    assert len(b.requests) == 1


def test_a_busy_peer_may_be_asked_the_same_again(world):
    """429 and 5xx release the replay memory: a requestor may send its signed request once more."""
    b = world.recipient("b")
    home = home_and(world, b)
    asker = home.peer("asker")
    b.answer = lambda request: problem(503, "overloaded", request)
    world.start()
    assert home.ask(asker, ICI, tid="t-1").status == 503
    b.codes[ICI] = "x"
    b.answer = b.answer_properly
    assert home.ask(asker, ICI, tid="t-1").status == 200
    assert home.ask(asker, ICI, tid="t-1").status == 409
