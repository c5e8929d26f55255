# SPDX-License-Identifier: Apache-2.0
"""What the next hop is told when a request is forwarded, in every carriage and encoding: seen by a
recipient that is not cmpd."""
import re
import time
import uuid

import pytest
from daemon import message
from world import DIRECT, TABLE, home_and, through

ICI = "2B001-1"
OPTIONAL = {
    "language": "fr",
    "cc": "CA",
    "post": "H2X 1Y4",
    "age": "22-55",
    "income": "35,000-75,000",
    "gender": "female",
}
CONTEXTUAL = {"campaign": "été & <Ä>", "device.model": "A=1;B%20+"}


def wired(world, *, recipient=None, **settings):
    b = world.recipient("b", **(recipient or {}))
    home = home_and(world, b, **settings)
    b.codes[ICI] = "https://b.example.net/1"
    return home, b


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
@pytest.mark.parametrize("carriage", ["form", "query", "json"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("hash", ["sha256", "sha1", "sha512"])
def test_every_carriage_and_encoding(world, protocol, carriage, encoding, hash):
    key = {"hash": hash, "options": {"encoding": encoding}}
    home, b = wired(world, recipient={"protocols": [protocol]}, carriage=carriage, key=key)
    world.start()
    asked = OPTIONAL | CONTEXTUAL
    answer = home.scan(ICI, user="Zoë", **asked)
    assert answer.json["content"] == "https://b.example.net/1", answer.body
    [request] = b.verified
    assert (request.carriage, request.http) == (carriage, "2" if protocol == "h2" else "1.1")
    assert request.path == "/mc-3/resolve-ici"
    params = request.params
    form = {"hex": "[0-9a-f]+", "base64": "[A-Za-z0-9+/]+=*"}[encoding]
    assert re.fullmatch(form, params["signature"])
    assert params == {
        "tid": params["tid"],
        "ici": ICI,
        "user": "Zoë",
        "apikeyid": b.keys[0].id,
        "signature": params["signature"],
        "count": "1",
        **asked,
    }


@pytest.mark.parametrize("carriage", ["get", "form", "json"])
@pytest.mark.parametrize("written", ["hex", "base64"])
def test_a_requestor_that_is_not_cmpd(world, carriage, written):
    """The other way round: Python asks cmpd, which asks Python."""
    home, b = wired(world)
    asker = home.peer("asker")
    world.start()
    for http2 in (False, True):
        more = OPTIONAL | CONTEXTUAL
        answer = home.ask(asker, ICI, written=written, carriage=carriage, http2=http2, more=more)
        assert answer.status == 200
        sent = b.verified[-1].params
        assert {name: sent.get(name) for name in more} == more


def test_contextual_parameters_keep_their_order(world):
    home, b = wired(world)
    asker = home.peer("asker")
    world.start()
    names = ["zeta", "alpha", "Mid", "a.b-c_d"]
    assert home.ask(asker, ICI, more={name: name for name in names}).status == 200
    told = [name for name, _ in b.verified[0].pairs]
    assert [name for name in told if name in names] == names


def test_the_alias_in_goes_on_as_income(world):
    home, b = wired(world)
    asker = home.peer("asker")
    world.start()
    assert home.ask(asker, ICI, more={"in": "<30,000"}).status == 200
    params = b.verified[0].params
    assert params["income"] == "<30,000" and "in" not in params


# ---- tid, origin-tid, traceparent ----


def test_every_attempt_has_a_fresh_tid(world):
    home, b = wired(world)
    asker = home.peer("asker")
    world.start()
    tids = ["mine-1", "mine-2", "mine-3"]
    for tid in tids:
        assert home.ask(asker, ICI, tid=tid).json["tid"] == tid
    sent = [uuid.UUID(request.params["tid"]) for request in b.verified]
    assert len(set(sent)) == 3
    for made in sent:
        assert made.version == 7 and made.variant == uuid.RFC_4122
        assert abs((made.int >> 80) / 1000 - time.time()) < 60
        assert str(made) not in tids
    logged = {line["tid"]: line["next_tid"] for line in home.wait_until_handled(3)}
    assert logged == dict(zip(tids, map(str, sent)))  # both are in the log, so they can be joined


def test_the_requestors_tid_is_told_when_the_peer_wants_it(world):
    home, b = wired(world, origin_tid=True)
    asker = home.peer("asker")
    world.start()
    assert home.ask(asker, ICI, tid="mine-1").status == 200
    assert b.verified[0].params["origin-tid"] == "mine-1"


def test_and_otherwise_not(world):
    home, b = wired(world)
    asker = home.peer("asker")
    world.start()
    assert home.ask(asker, ICI, tid="mine-1").status == 200
    assert "origin-tid" not in b.verified[0].params
    assert "mine-1" not in b.verified[0].body.decode()


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_traceparent_passes(world, protocol):
    home, b = wired(world, recipient={"protocols": [protocol]})
    world.start()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert home.scan(ICI, headers={"traceparent": trace}).status == 200
    assert home.scan(ICI).status == 200
    assert b.verified[0].headers["traceparent"] == trace
    assert "traceparent" not in b.verified[1].headers


def test_no_header_of_the_requestor_goes_on(world):
    home, b = wired(world)
    world.start()
    secret = {"cookie": "c=1", "authorization": "Basic x", "x-forwarded-for": "192.0.2.1"}
    assert home.scan(ICI, headers=secret).status == 200
    assert not set(secret) & set(b.verified[0].headers)


# ---- addr and count ----


def test_addr_is_left_out_on_the_direct_way(world):
    home, b = wired(world)
    asker = home.peer("asker", allow={"interfaces": ["mc-3"], "forward_to": ["b"]})
    home.holds(**{"1A0F1-T": {"transferred_to": "b.example.net"}})
    b.codes["1A0F1-T"] = "x"
    world.start()
    assert home.scan(ICI).status == 200
    assert home.scan("1A0F1-T").status == 200
    assert home.ask(asker, ICI, more={"addr": "b.example.net", "count": "3"}).status == 200
    assert [r.params["count"] for r in b.verified] == ["1", "1", "4"]
    assert not any("addr" in request.params for request in b.verified)


def test_addr_is_set_on_the_way_through_a_registry(world):
    home, mcr = world.cmp("a", "1A0F1"), world.recipient("mcr")
    world.join(home, mcr)
    home.routes(direct=DIRECT, table=TABLE, registry=through(mcr))
    home.holds(**{"1A0F1-T": {"transferred_to": "far.example.net"}})
    mcr.codes |= {"1A0F1-T": "x", ICI: "y"}
    world.start()
    assert home.scan("1A0F1-T").json["content"] == "x"
    assert home.scan(ICI).json["content"] == "y"
    transferred, absent = (request.params for request in mcr.verified)
    assert transferred["addr"] == "far.example.net" and transferred["count"] == "1"
    assert "addr" not in absent


def test_a_registry_takes_addr_off_where_it_goes_directly(world):
    home, mcr, far = world.cmp("a", "1A0F1"), world.registry(), world.recipient("far")
    world.join(home, mcr)
    world.join(mcr, far)
    mcr.entry("a")["allow"]["forward_to"] = ["*"]
    home.routes(direct=DIRECT, table=TABLE, registry=through(mcr))
    home.holds(**{"1A0F1-T": {"transferred_to": "far.example.net"}})
    far.codes["1A0F1-T"] = "x"
    world.start()
    assert home.scan("1A0F1-T").json["content"] == "x"
    [request] = far.verified
    assert "addr" not in request.params and request.params["count"] == "2"


# ---- what is released ----


def test_what_is_withheld(world):
    home, b = wired(world, release={"withhold": ["user", "age", "income", "device.model"]})
    home.pseudonym_secret = "0123456789abcdef0123"
    world.start()
    asked = OPTIONAL | {"device.model": "A", "campaign": "C"}
    assert home.scan(ICI, user="somebody", **asked).status == 200
    params = b.verified[0].params
    left = {"language", "cc", "post", "gender", "campaign", "user", "count"}
    assert set(params) == left | {"tid", "ici", "apikeyid", "signature"}
    assert params["user"] != "somebody"


def test_all_contextual_information_is_withheld(world):
    home, b = wired(world, release={"withhold": ["contextual"]}, origin_tid=True)
    world.start()
    assert home.scan(ICI, campaign="C", device="D", language="fr").status == 200
    params = b.verified[0].params
    assert "campaign" not in params and "device" not in params
    assert params["language"] == "fr"
    assert "origin-tid" in params  # that is the peer's own option


def test_a_withheld_user_has_one_pseudonym_at_each_peer(world):
    b, c = world.recipient("b"), world.recipient("c")
    home = home_and(world, b, release={"withhold": ["user"]})
    world.join(home, c, prefixes=["3C001"], release={"withhold": ["user"]})
    home.pseudonym_secret = "0123456789abcdef0123"
    b.codes[ICI] = c.codes["3C001-1"] = "x"
    world.start()
    for user in ("one", "two", "one"):
        assert home.scan(ICI, user=user).status == 200
        assert home.scan("3C001-1", user=user).status == 200
    at_b = [request.params["user"] for request in b.verified]
    at_c = [request.params["user"] for request in c.verified]
    assert at_b[0] == at_b[2] != at_b[1]
    assert at_c[0] == at_c[2] != at_c[1]
    assert not set(at_b) & set(at_c)
    home.stop()
    home.start()
    assert home.scan(ICI, user="one").status == 200
    assert b.verified[-1].params["user"] == at_b[0]  # a restart changes nothing
    home.stop()
    home.pseudonym_secret = "another secret of this kind"
    home.start()
    assert home.scan(ICI, user="one").status == 200
    assert b.verified[-1].params["user"] not in at_b


def test_withholding_users_needs_a_secret(world):
    home, b = wired(world, release={"withhold": ["user"]})
    with pytest.raises(AssertionError, match="pseudonym_secret"):
        home.start()


def test_nothing_is_withheld_that_was_misspelt(world):
    """`gendr` would be a contextual parameter that nobody sends, and the gender would go out."""
    home, b = wired(world, release={"withhold": ["income", "gendr", "tid"]})
    with pytest.raises(AssertionError, match="did you mean"):
        home.start()
    said = "\n".join(line["message"] for line in home.log("error"))
    assert 'withhold[1]: there is no parameter "gendr"; did you mean "gender"?' in said
    assert "withhold[2]: this parameter cannot be withheld" in said


# ---- signed, or not ----


def test_a_dedicated_link_is_not_signed(world):
    home, b = wired(world, signed=False)
    b.unsigned = True
    world.start()
    assert home.scan(ICI).status == 200
    params = b.verified[0].params
    assert "apikeyid" not in params and "signature" not in params


def test_a_dedicated_link_between_two_cmpd(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b, signed=False, source="127.0.0.2")
    b.config["plugins"]["vpn"] = {
        "use": "auth_vpn",
        "links": [{"listener": "peers", "source": ["127.0.0.2/32"], "peer": "a"}],
    }
    b.listener["authenticate"] = ["vpn", "hmac"]
    b.holds(**{ICI: "x"})
    world.start()
    assert home.scan(ICI).json["content"] == "x"
    assert b.wait_until_handled(1)[0]["peer"] == "a"


def test_a_url_without_tls_is_a_configuration_error(world):
    home, b = wired(world)
    home.entry("b")["url"] = b.url.replace("https", "http")
    home.expect_error("https://")
    with pytest.raises(AssertionError, match="does not begin with https://"):
        home.start()


# ---- who may ask for whom ----


def test_forwarding_by_addr_needs_permission(world):
    b, c = world.recipient("b"), world.recipient("c")
    home = home_and(world, b)
    world.join(home, c)
    nobody = home.peer("nobody")
    some = home.peer("some", allow={"interfaces": ["mc-3"], "forward_to": ["c"]})
    every = home.peer("every", allow={"interfaces": ["mc-3"], "forward_to": ["*"]})
    for recipient in (b, c):
        recipient.codes[ICI] = recipient.name
    world.start()
    to_b, to_c = {"addr": "b.example.net"}, {"addr": "c.example.net"}
    for key, addr in ((nobody, to_b), (nobody, to_c), (some, to_b)):
        answer = home.ask(key, ICI, more=addr)
        assert (answer.status, answer.code) == (403, "addr_not_allowed")
        assert answer.json["parameter"] == "addr"
    assert b.connections == c.connections == 0
    assert home.ask(some, ICI, more=to_c).json["content"] == "c"
    assert home.ask(every, ICI, more=to_c).json["content"] == "c"
    assert home.ask(every, ICI, more=to_b).json["content"] == "b"
    assert home.ask(nobody, ICI).json["content"] == "b"  # routing is ours, no addr was named


def test_nothing_is_forwarded_for_who_is_not_authenticated(world):
    home, b = wired(world)
    asker = home.peer("asker", allow={"interfaces": ["mc-3"], "forward_to": ["*"]})
    world.start()
    for more in ({}, {"addr": "b.example.net"}):
        forged = message(asker, ICI) | {"signature": "0" * 64} | more
        assert home.send(forged).status == 401
        assert home.send(message(None, ICI) | more).status == 401
    assert b.connections == 0


def test_who_may_not_ask_for_a_prefix_gets_nothing_forwarded(world):
    home, b = wired(world)
    asker = home.peer("asker", allow={"interfaces": ["mc-3"], "prefixes": ["1A0F1"]})
    world.start()
    assert home.ask(asker, ICI).code == "not_allowed"
    assert b.connections == 0
