# SPDX-License-Identifier: Apache-2.0
"""A dedicated link proves its peer (9.3.2): declared by the operator, seen from the TCP source."""
import pytest
from daemon import free_port, message

ICI = "1A0F1-COUNTED"
LINK, ELSEWHERE = "127.0.0.2", "127.0.0.1"


@pytest.fixture
def linked(site):
    """Peer b is joined by a link from 127.0.0.2 and from ::1; everybody else signs."""
    site.b, site.c = site.peer("b"), site.peer("c")
    site.listener["bind"] = [f"127.0.0.1:{site.port}", f"[::1]:{site.port}"]
    site.listener["authenticate"] = ["vpn", "hmac"]
    site.config["plugins"]["vpn"] = {
        "use": "auth_vpn",
        "links": [
            {"listener": "peers", "source": [f"{LINK}/32", "::1/128"], "peer": "b"},
        ],
    }
    site.count = site.counting()
    return site.start()


def test_a_request_on_the_link_needs_no_signature(linked):
    assert linked.ask(None, ICI, source=LINK).status == 200
    assert linked.ask(None, ICI, host="::1").status == 200
    assert linked.ask(None, ICI, source=LINK, http2=True).status == 200


def test_elsewhere_it_does(linked):
    assert linked.ask(None, ICI, source=ELSEWHERE).status == 401
    assert linked.ask(None, ICI, source="127.0.0.3").status == 401
    assert linked.count() == 0
    assert linked.ask(linked.b, ICI, source=ELSEWHERE).status == 200
    assert linked.ask(linked.c, ICI, source=ELSEWHERE).status == 200


def test_a_signature_that_is_there_must_hold(linked):
    good = message(linked.b, ICI)
    assert linked.send(good | {"signature": "0" * 64}, source=LINK).status == 401
    assert linked.send(good | {"apikeyid": "nobody"}, source=LINK).status == 401
    half = {k: v for k, v in message(linked.b, ICI).items() if k != "apikeyid"}
    assert linked.send(half, source=LINK).status == 401
    assert linked.count() == 0
    assert linked.send(good, source=LINK).status == 200


def test_a_signature_on_a_link_must_be_that_peers(linked):
    assert linked.ask(linked.c, ICI, source=LINK).status == 401
    assert linked.ask(linked.c, ICI, host="::1").status == 401
    assert linked.count() == 0


@pytest.mark.parametrize(
    "header", ["x-forwarded-for", "x-real-ip", "forwarded", "client-ip", "true-client-ip"]
)
def test_no_header_makes_a_source(linked, header):
    value = f"for={LINK}" if header == "forwarded" else LINK
    assert linked.ask(None, ICI, source=ELSEWHERE, headers={header: value}).status == 401
    assert linked.ask(None, ICI, source=LINK, headers={header: "192.0.2.1"}).status == 200
    assert linked.count() == 1


def test_a_link_proves_its_source_every_time(linked):
    """There is nothing to replay: who can send on the link can also make a new request."""
    pairs = message(None, ICI)
    assert linked.send(pairs, source=LINK).status == 200
    assert linked.send(pairs, source=LINK).status == 200


def test_links_that_name_two_peers_prove_none(site):
    """Whoever is on both of them is nobody in particular."""
    for name in ("b", "c"):
        site.peer(name)
        links = [{"source": "127.0.0.0/8", "peer": name}]
        site.config["plugins"][f"vpn-{name}"] = {"use": "auth_vpn", "links": links}
    site.listener["authenticate"] = ["vpn-b", "vpn-c", "hmac"]
    count = site.counting()
    site.start()
    for key in site.issued:
        assert site.ask(key, ICI).status == 401
    assert count() == 0
    assert site.wait_for_log("two dedicated links of different peers")


def test_a_link_belongs_to_its_listener(site):
    outside = free_port()
    site.peer("b")
    site.listener["authenticate"] = ["vpn", "hmac"]
    site.config["listeners"].append(
        site.listener | {"name": "outside", "bind": f"127.0.0.1:{outside}"}
    )
    site.config["plugins"]["vpn"] = {
        "use": "auth_vpn",
        "links": [{"listener": "peers", "source": "127.0.0.0/8", "peer": "b"}],
    }
    site.counting()
    site.start()
    assert site.ask(None, ICI).status == 200
    assert site.ask(None, ICI, port=outside).status == 401
