# SPDX-License-Identifier: Apache-2.0
"""Behind a balancer, the source of a connection is whom the balancer names: in a PROXY header, or on
MC-1 in a header field; and nobody else is believed."""
import socket
import ssl
import time

import httpx
import pytest
from balancer import LOCAL, Balanced, tlv, v1, v2
from client import connect, parse, receive_all, written
from daemon import CMPD, message, run
from patience import PATIENCE

ICI = "1A0F1-1"
BALANCER, OTHER = "127.0.0.9", "127.0.0.8"
LINK, LINK_6, STRANGER = "198.51.100.7", "2001:db8:7::1", "203.0.113.9"


@pytest.fixture
def balanced(site):
    """Peer b is joined by a dedicated link: from 198.51.100.0/24 and 2001:db8:7::/48."""
    site.b = site.peer("b")
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["plugins"]["vpn"] = {
        "use": "auth_vpn",
        "links": [{"listener": "peers", "source": ["198.51.100.0/24", "2001:db8:7::/48"], "peer": "b"}],
    }
    site.listener["authenticate"] = ["vpn", "hmac"]
    site.listener["balancers"] = {"from": [f"{BALANCER}/32"]}
    site.write_codes({"ici": ICI, "content": "x"})
    return site


def ask(site, header, key=None, local=BALANCER, fields=""):
    """The status of a request; without a key it is good on the link only."""
    query = written(message(key, ICI).items())
    request = (
        f"GET /mc-3/resolve-ici?{query} HTTP/1.1\r\nHost: localhost\r\n{fields}"
        "Connection: close\r\n\r\n"
    )
    with Balanced(site.port, site.authority.path, header, local=local) as c:
        return parse(c.exchange(request.encode())).status


HEADERS = {
    "v1": v1,
    "v2": v2,
    "v2 with more behind it": lambda source: v2(source, more=tlv(2, b"a.example.net") + tlv(4, b"\0" * 900)),
}


@pytest.mark.parametrize("how", HEADERS)
def test_a_link_is_where_the_connection_comes_from(balanced, how):
    balanced.start()
    header = HEADERS[how]
    assert ask(balanced, header(LINK)) == 200
    assert ask(balanced, header(LINK_6)) == 200
    assert ask(balanced, header(STRANGER)) == 401
    assert ask(balanced, header("2001:db8:8::1")) == 401
    assert ask(balanced, header(STRANGER), balanced.b) == 200
    sources = {line["source"] for line in balanced.log() if line["message"].startswith("rejected")}
    assert not sources or sources == {STRANGER, "2001:db8:8::1"}


@pytest.mark.parametrize("alpn", ["http/1.1", "h2"])
def test_the_header_alone_then_tls(balanced, alpn):
    """In one piece with what follows, in two, or octet by octet: it is the same."""
    balanced.start()
    for header in (v1(LINK), v2(LINK_6)):
        for pieces in (1, 2, len(header)):
            size = -(-len(header) // pieces)
            with socket.create_connection(("127.0.0.1", balanced.port), 10, (BALANCER, 0)) as plain:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(header), size):
                    plain.sendall(header[at : at + size])
                context = ssl.create_default_context(cafile=str(balanced.authority.path))
                context.set_alpn_protocols([alpn])
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as c:
                    assert c.selected_alpn_protocol() == alpn


def test_others_are_not_believed(balanced):
    """A header from elsewhere is no TLS; and without one, they are who they are."""
    balanced.start()
    for header in (v1(LINK), v2(LINK)):
        with pytest.raises((ConnectionError, ssl.SSLError)):
            ask(balanced, header, local=OTHER)
    assert ask(balanced, b"", local=OTHER) == 401
    assert ask(balanced, b"", balanced.b, local=OTHER) == 200


def test_a_header_field_never_makes_a_link(balanced):
    balanced.start()
    for name, value in (("X-Forwarded-For", LINK), ("Forwarded", f"for={LINK}")):
        assert ask(balanced, v1(STRANGER), fields=f"{name}: {value}\r\n") == 401


def test_the_balancer_itself(balanced):
    """It looks whether we live; and who is behind may be unknown to it. Neither is on the link."""
    link = balanced.config["plugins"]["vpn"]["links"][0]
    link["source"].append(f"{BALANCER}/32")
    balanced.start()
    assert ask(balanced, v2(command=LOCAL)) == 200  # the operator's own word: that is a link
    assert ask(balanced, v2(LINK, command=LOCAL)) == 200
    for header in (v2(), b"PROXY UNKNOWN\r\n", f"PROXY UNKNOWN {LINK} {LINK} 1 2\r\n".encode()):
        assert ask(balanced, header) == 401
        assert ask(balanced, header, balanced.b) == 200
    with socket.create_connection(("127.0.0.1", balanced.port), 5, (BALANCER, 0)):
        pass  # connected and gone: no error, no line
    assert balanced.counter("listener:peers", "refused_header") == 0


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PROXY TCP4 198.51.100.7 1.2.3 1 2\r\n",
        b"PROXY " + b"x" * 200,
        v2(LINK)[:12] + b"\x11" + v2(LINK)[13:],
        v2(LINK)[:14] + b"\xff\xff" + v2(LINK)[16:],
    ],
)
def test_what_is_no_header(balanced, octets):
    balanced.start()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", balanced.port), 5, (BALANCER, 0)) as plain:
            plain.sendall(octets)
            assert receive_all(plain) == (b"", True)
    assert balanced.counter("listener:peers", "refused_header") == 3
    lines = [line for line in balanced.log() if "PROXY header" in line["message"]]
    assert [(line["listener"], line["source"]) for line in lines] == [("peers", BALANCER)]
    assert ask(balanced, v1(LINK)) == 200


@pytest.mark.parametrize("part", [b"", b"PROXY TCP4 198.51.100.7", v2(LINK)[:20]])
def test_a_header_has_its_time(balanced, part):
    balanced.config["limits"] = {"handshake_timeout": "300ms"}
    balanced.start()
    with socket.create_connection(("127.0.0.1", balanced.port), 5, (BALANCER, 0)) as plain:
        plain.sendall(part)
        assert receive_all(plain) == (b"", True)
    assert balanced.counter("listener:peers", "late_header") == 1


def test_limits_are_for_who_is_behind(balanced):
    """Any number of connections from a balancer; two from one address behind it, then the oldest of
    these gives way."""
    balanced.config["workers"] = 1
    balanced.listener["source_connections"] = 2
    balanced.config["limits"] = {"request_timeout": "5m"}  # all of them stay
    balanced.start()
    path, open_ones = balanced.authority.path, []

    def come(header):
        open_ones.append(Balanced(balanced.port, path, header, local=BALANCER))

    try:
        for i in range(8):
            come(v1(f"203.0.113.{i}"))
            come(v2(f"2001:db8:0:{i}::1"))
        for i in range(8):
            come(v2(command=LOCAL))
        come(v1("203.0.113.1"))
        come(v2("2001:db8:0:1::2"))
        assert balanced.counter("listener:peers", "displaced") == 0
        time.sleep(0.3)  # the time that a new one has for its handshake
        come(v1("203.0.113.1"))
        come(v2("2001:db8:0:1::3"))
        assert balanced.counter("listener:peers", "displaced") == 2
    finally:
        for one in open_ones:
            one.close()
    line = balanced.wait_for_log("for a new one")
    assert (line["level"], line["source"]) == ("warning", "203.0.113.1")


# ---- MC-1: header fields ----


@pytest.fixture
def home(world):
    home = world.cmp("a", "1A0F1")
    home.holds(**{ICI: "x"})
    home.handsets |= {"source_rate": "1/h", "source_burst": 2}
    return home


def statuses(home, local, *fields):
    """Of three requests with each of these fields; two are good from one address."""
    url = f"http://127.0.0.1:{home.handset_port}/mc-1/resolve-ici?ici={ICI}"
    transport = httpx.HTTPTransport(local_address=local)
    with httpx.Client(transport=transport, timeout=PATIENCE) as client:
        return [
            [client.get(url, headers=list(headers)).status_code for _ in range(3)]
            for headers in fields
        ]


SERVED, LIMITED = [200, 200, 200], [200, 200, 429]
XFF, FORWARDED = "x-forwarded-for", "forwarded"


def test_an_address_behind_has_its_rate(home):
    home.handsets["balancers"] = {"from": [f"{BALANCER}/32", "10.0.0.0/8"], "by": XFF}
    home.start()
    assert statuses(
        home,
        BALANCER,
        [(XFF, "192.0.2.1")],
        [(XFF, "192.0.2.9, 192.0.2.2")],  # what the client wrote itself comes first
        [(XFF, "192.0.2.9"), (XFF, "192.0.2.3, 10.0.0.1")],
        [(XFF, "2001:db8::1")],
    ) == [LIMITED] * 4
    assert statuses(home, BALANCER, [(XFF, "192.0.2.1")]) == [[429] * 3]
    assert statuses(home, BALANCER, [], [(XFF, "10.0.0.1")]) == [SERVED] * 2
    assert statuses(home, BALANCER, [(XFF, "nonsense")], [(XFF, "?")]) == [LIMITED, [429] * 3]
    # the other field is not asked for; and others than balancers are not believed
    assert statuses(home, BALANCER, [(FORWARDED, "for=192.0.2.77")]) == [SERVED]
    assert statuses(home, OTHER, [(XFF, "192.0.2.50")], [(XFF, "192.0.2.51")]) == [
        LIMITED,
        [429] * 3,
    ]


def test_forwarded(home):
    home.handsets["balancers"] = {"from": [f"{BALANCER}/32"], "by": "forwarded"}
    home.start()
    assert statuses(
        home,
        BALANCER,
        [(FORWARDED, 'for="[2001:db8::1]:4711";proto=https')],
        [(FORWARDED, "for=192.0.2.9, for=192.0.2.1")],
    ) == [LIMITED] * 2
    assert statuses(home, BALANCER, [(XFF, "192.0.2.77")]) == [SERVED]


def test_a_handset_behind_the_proxy_protocol(home):
    home.handsets |= {"tls": home.listener["tls"], "balancers": {"from": [f"{BALANCER}/32"]}}
    home.start()
    request = f"GET /mc-1/resolve-ici?ici={ICI} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    def scan(header):
        path = home.authority.path
        with Balanced(home.handset_port, path, header, local=BALANCER) as c:
            return parse(c.exchange(request.encode())).status

    # each is the first of its connection, of which there may be twice as many
    assert [scan(v1("192.0.2.1")) for _ in range(6)] == [200] * 4 + [429] * 2
    assert [scan(v2("192.0.2.2")) for _ in range(6)] == [200] * 4 + [429] * 2


def test_without_tls(home):
    """What comes right behind the header is the request."""
    home.handsets["balancers"] = {"from": [f"{BALANCER}/32"]}
    home.start()
    request = f"GET /mc-1/resolve-ici?ici={ICI} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    address = ("127.0.0.1", home.handset_port)
    with socket.create_connection(address, 5, (BALANCER, 0)) as plain:
        plain.sendall(v2("192.0.2.1") + request.encode())
        got, closed = receive_all(plain)
    assert closed and parse(got).status == 200


# ---- what the configuration must not say ----


@pytest.mark.parametrize(
    "balancers, words",
    [
        ({"from": "10.0.0.0/8", "by": "forwarded"}, "a header field tells a source on mc-1 only"),
        ({"from": "0.0.0.0/0"}, "everybody would be believed"),
    ],
)
def test_what_would_let_anybody_be_anybody(site, balancers, words):
    site.listener["balancers"] = balancers
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1 and words in ended.stderr
