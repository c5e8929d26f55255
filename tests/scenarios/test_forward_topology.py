# SPDX-License-Identifier: Apache-2.0
"""Where a code lives does not matter to the handset: every way of SPEC 1 and 5 leads to it."""
import threading
import time

import pytest
from daemon import message
from patience import PATIENCE
from recipient import referral, resolved
from signing import uuid7
from world import DIRECT, TABLE, home_and, through, wait_until_handled


PATIENT = "30s"  # where a way leads is asked here, and not how soon


def two_cmps(world):
    """Home `a` reaches `b` by its prefix, and by its host."""
    b = world.cmp("b", "2B001")
    home = home_and(world, b, connect_timeout=PATIENT)
    for node in home, b:
        node.config["resolve"]["deadline"] = PATIENT
    return home, b


def test_by_prefix(world):
    home, b = two_cmps(world)
    home.holds(**{"1A0F1-OWN": "https://a.example.net/own"})
    b.holds(**{"2B001-1": {"content": "https://b.example.net/1", "ttl": 77}})
    world.start()
    answer = home.scan("2B001-1")
    assert answer.status == 200
    body = answer.json
    assert body["content"] == "https://b.example.net/1"
    assert (body["status"], body["content_type"], body["ttl"]) == ("resolved", "uri", 77)
    assert body["ici"] == "2B001-1"
    assert home.scan("1A0F1-OWN").json["content"] == "https://a.example.net/own"
    assert len(b.wait_until_handled(1)) == 1  # what is ours did not go there
    [there] = b.handled()
    [here] = home.wait_until_handled(1, "2B001-1")
    assert here["next"] == "b" and here["next_tid"] == there["tid"]
    assert body["tid"] == here["tid"] != there["tid"]


def test_prefixes_know_no_case_and_the_ici_does(world):
    home, b = two_cmps(world)
    b.holds(**{"2b001-x": "lower"})
    world.start()
    assert home.scan("2b001-x").json["content"] == "lower"
    assert home.scan("2B001-x").code == "unknown_ici"
    assert len(b.wait_until_handled(2)) == 2


def test_the_longest_prefix_decides(world):
    b, c = world.cmp("b", "2B001"), world.cmp("c", "2B0017")
    home = home_and(world, b)
    world.join(home, c, prefixes=["2B0017"])
    b.holds(**{"2B001-1": "at b", "2B00171": "not asked"})
    c.holds(**{"2B00171": "at c"})
    world.start()
    assert home.scan("2B001-1").json["content"] == "at b"
    assert home.scan("2B00171").json["content"] == "at c"
    assert home.scan("2B00172").status == 404
    assert len(c.wait_until_handled(2)) == 2
    assert len(b.handled()) == 1


def test_a_prefix_table_in_a_file(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b, prefixes=[])
    home.config["plugins"]["table"] = {"use": "route_prefix", "table": "prefixes.txt"}
    (home.folder / "prefixes.txt").write_text("# the arrangement's table\n2B0 b\n")
    b.holds(**{"2B001-1": "at b"})
    world.start()
    assert home.scan("2B001-1").json["content"] == "at b"
    assert home.scan("3C001-1").status == 404


def test_transferred_to_a_peer(world):
    home, b = two_cmps(world)
    home.holds(**{"1A0F1-MOVED": {"transferred_to": "B.example.net"}})
    b.holds(**{"1A0F1-MOVED": "now at b"})
    world.start()
    assert home.scan("1A0F1-MOVED").json["content"] == "now at b"


def test_transferred_twice(world):
    """Each CMP on the way knows only where it went from there; `count` tells how many took part."""
    home, b = two_cmps(world)
    last = world.recipient("c")
    world.join(b, last, connect_timeout=PATIENT)
    b.routes(direct=DIRECT)
    home.holds(**{"1A0F1-MOVED": {"transferred_to": "b.example.net"}})
    b.holds(**{"1A0F1-MOVED": {"transferred_to": "c.example.net"}})
    last.codes["1A0F1-MOVED"] = "at last"
    world.start()
    assert home.scan("1A0F1-MOVED").json["content"] == "at last"
    [request] = last.verified
    assert request.params["count"] == "2" and "addr" not in request.params


def test_transferred_to_nobody_known(world):
    home, b = two_cmps(world)
    home.holds(**{"1A0F1-MOVED": {"transferred_to": "nobody.example.net"}})
    world.start()
    assert home.scan("1A0F1-MOVED").code == "unknown_ici"


def test_transferred_to_ourselves_is_nowhere(world):
    home, b = two_cmps(world)
    home.holds(**{"1A0F1-MOVED": {"transferred_to": "a.example.net"}})
    world.start()
    assert home.scan("1A0F1-MOVED").code == "unknown_ici"
    assert home.wait_until_handled(1)[0].get("next") is None
    assert b.handled() == []


def test_by_addr(world):
    """A peer that may do so names the CMP; our own host means here."""
    home, b = two_cmps(world)
    asker = home.peer("asker", allow={"interfaces": ["mc-3"], "forward_to": ["b"]})
    home.holds(**{"1A0F1-1": "here", "9F001-1": "here too"})
    b.holds(**{"9F001-1": "at b"})
    world.start()
    assert home.ask(asker, "9F001-1", more={"addr": "b.example.net"}).json["content"] == "at b"
    assert home.ask(asker, "9F001-1", more={"addr": "B.EXAMPLE.net"}).json["content"] == "at b"
    for host in ("a.example.net", "A.Example.Net"):
        answer = home.ask(asker, "9F001-1", more={"addr": host})
        assert answer.json["content"] == "here too"
    assert home.ask(asker, "1A0F1-1").json["content"] == "here"
    assert len(home.wait_until_handled(5)) == 5
    assert len(b.handled()) == 2


# ---- the registry ----


def test_through_a_registry_that_relays(world):
    home, mcr, b = world.cmp("a", "1A0F1"), world.registry(), world.cmp("b", "2B001")
    world.join(home, mcr)
    world.join(mcr, b, prefixes=["2B001"])
    home.routes(direct=DIRECT, table=TABLE, registry=through(mcr))
    b.holds(**{"2B001-1": "at b"})
    world.start()
    assert home.scan("2B001-1").json["content"] == "at b"
    assert home.scan("2B001-2").code == "unknown_ici"
    assert home.scan("3C001-1").code == "unknown_ici"  # the registry knows nobody
    lines = wait_until_handled([home, mcr, b], 8)
    assert len({line["tid"] for line in lines}) == 8
    assert [len(node.handled()) for node in (home, mcr, b)] == [3, 3, 2]


def test_a_registry_has_no_store_and_no_code_of_its_own(world):
    mcr = world.registry()
    asker = mcr.peer("asker")
    world.start()
    assert mcr.ask(asker, "2B001-1").code == "unknown_ici"
    assert not (mcr.folder / "codes.ndjson").read_text()


def refer_world(world, ttl="1h"):
    home, mcr, b = world.cmp("a", "1A0F1"), world.registry(), world.cmp("b", "2B001")
    mcr.config["plugins"]["table"] = {"use": "route_prefix", "mode": "referral", "ttl": ttl}
    world.join(home, mcr)
    world.join(home, b)
    mcr.entry("b", host="b.example.net", prefixes=["2B001"])
    home.routes(direct=DIRECT, table=TABLE, registry=through(mcr, "lookup"))
    return home, mcr, b


def test_a_registry_refers_and_is_remembered(world):
    home, mcr, b = refer_world(world)
    b.holds(**{"2B001-1": "one", "2B001-2": "two"})
    world.start()
    assert home.scan("2B001-1").json["content"] == "one"
    assert home.scan("2B001-2").json["content"] == "two"
    assert home.scan("2B001-3").code == "unknown_ici"
    assert len(b.wait_until_handled(3)) == 3
    assert len(mcr.wait_until_handled(1)) == 1  # once for the whole prefix


def test_a_referral_ends_with_its_ttl(world):
    home, mcr, b = refer_world(world, ttl="1s")
    b.holds(**{"2B001-1": "one"})
    world.start()
    assert home.scan("2B001-1").status == 200
    time.sleep(1.3)
    assert home.scan("2B001-1").status == 200
    assert len(mcr.wait_until_handled(2)) == 2


def test_a_registry_answers_a_peer_with_a_referral(world):
    home, mcr, b = refer_world(world)
    asker = mcr.peer("asker")
    world.start()
    answer = mcr.ask(asker, "2B001-1")
    assert answer.status == 200
    body = answer.json
    assert (body["status"], body["addr"], body["ttl"]) == ("referral", "b.example.net", 3600)
    assert body["prefix"].upper() == "2B001" and "content" not in body


def test_a_referral_for_one_code_alone(world):
    home, mcr, b = world.cmp("a", "1A0F1"), world.recipient("mcr"), world.cmp("b")
    world.join(home, mcr)
    world.join(home, b)
    home.routes(direct=DIRECT, registry=through(mcr, "lookup"))
    mcr.answer = lambda request: referral(request, "b.example.net")
    b.holds(**{"2B001-1": "one", "2B001-2": "two"})
    world.start()
    assert home.scan("2B001-1").json["content"] == "one"
    assert home.scan("2B001-1").json["content"] == "one"
    assert len(mcr.requests) == 1
    assert home.scan("2B001-2").json["content"] == "two"
    assert len(mcr.requests) == 2


@pytest.mark.parametrize(
    "members, logged",
    [
        ({"addr": "stranger.example.net"}, "stranger.example.net, which is not a peer"),
        ({"addr": "mcr.example.net"}, "mcr.example.net, which is not a peer to go to"),
        ({"addr": "127.0.0.1"}, "addr is no host name"),
        ({"addr": ""}, "addr is no host name"),
        ({"addr": "b.example.net", "prefix": "3C001"}, "prefix does not head the ici"),
        ({"addr": "b.example.net", "prefix": "2B"}, "prefix is no routing prefix"),
        ({"addr": "b.example.net", "ttl": -1}, "ttl is no whole number"),
    ],
    ids=str,
)
def test_a_referral_that_is_not_believed(world, members, logged):
    home, mcr, b = world.cmp("a", "1A0F1"), world.recipient("mcr"), world.recipient("b")
    world.join(home, mcr)
    world.join(home, b)
    home.routes(direct=DIRECT, registry=through(mcr, "lookup"))
    mcr.answer = lambda request: referral(request, **members)
    world.start()
    answer = home.scan("2B001-1")
    assert (answer.status, answer.code) == (502, "peer_failed")
    assert b.connections == 0
    home.wait_for_log(logged)


def test_a_referral_back_to_the_requestor_is_not_followed(world):
    home, mcr, b = world.cmp("a", "1A0F1"), world.recipient("mcr"), world.recipient("b")
    world.join(home, mcr)
    world.join(home, b)
    home.routes(registry=through(mcr, "lookup"))
    home.entry("b")["allow"] = {"interfaces": ["mc-3"]}
    key = home.key("b")
    mcr.answer = lambda request: referral(request, "b.example.net")
    world.start()
    answer = home.ask(key, "2B001-1")
    assert (answer.status, answer.code) == (502, "peer_failed")
    assert b.connections == 0
    home.wait_for_log("referred to b.example.net, which is not a peer to go to")


def test_a_referral_to_the_home_cmp_itself_is_nowhere(world):
    home, mcr = world.cmp("a", "1A0F1"), world.recipient("mcr")
    world.join(home, mcr)
    home.routes(registry=through(mcr, "lookup"))
    mcr.answer = lambda request: referral(request, "a.example.net", "2B001")
    world.start()
    assert home.scan("2B001-1").code == "unknown_ici"


def test_a_referral_from_a_peer_that_was_not_asked_for_one(world):
    b, c = world.recipient("b"), world.recipient("c")
    home = home_and(world, b)
    world.join(home, c)
    b.answer = lambda request: referral(request, "c.example.net", "2B001")
    world.start()
    assert home.scan("2B001-1").code == "peer_failed"
    assert c.connections == 0
    home.wait_for_log("a referral that nobody asked for")


def test_a_referral_that_turns_out_wrong_is_forgotten(world):
    home, mcr, b = world.cmp("a", "1A0F1"), world.recipient("mcr"), world.recipient("b")
    c = world.cmp("c")
    for peer in (mcr, b, c):
        world.join(home, peer)
    home.routes(direct=DIRECT, registry=through(mcr, "lookup"))
    mcr.answer = lambda request: referral(request, "b.example.net", "2B001")
    c.holds(**{"2B001-1": "moved to c"})
    b.codes["2B001-1"] = "at b"
    world.start()
    assert home.scan("2B001-1").json["content"] == "at b"
    b.stop()
    mcr.answer = lambda request: referral(request, "c.example.net", "2B001")
    assert home.scan("2B001-1").code == "peer_failed"  # was still sent to b
    assert home.scan("2B001-1").json["content"] == "moved to c"
    assert len(mcr.requests) == 2


def test_an_unreachable_peer_behind_a_registry_is_not_an_unreachable_registry(world):
    home, mcr = world.cmp("a", "1A0F1"), world.registry()
    b, gone = world.cmp("b", "2B001"), world.recipient("gone")
    world.join(home, mcr)
    world.join(mcr, b, prefixes=["2B001"])
    world.join(mcr, gone, prefixes=["3C001"])
    home.routes(registry=through(mcr))
    b.holds(**{"2B001-1": "at b"})
    gone.stop()
    world.start()
    for _ in range(8):
        assert home.scan("3C001-1").code == "peer_failed"
    assert home.scan("2B001-1").json["content"] == "at b"
    assert "circuit closed" in json_text(home.explain("2B001-1"))


def json_text(explained):
    return "\n".join(step["text"] for step in explained["steps"])


def test_equal_tids_of_two_homes_do_not_collide_behind_a_registry(world):
    """Each hop is a transaction of its own: the relay makes a fresh tid."""
    mcr, b = world.registry(), world.recipient("b")
    world.join(mcr, b, prefixes=["2B001"])
    one, two = mcr.peer("one", host="one.example.net"), mcr.peer("two", host="two.example.net")
    together = threading.Barrier(2, timeout=PATIENCE)

    def answer(request):
        together.wait()  # both are under way at the same time
        return resolved(request, "for " + request.params["user"])

    b.answer = answer
    world.start()
    tid, got = uuid7(), {}

    def ask(key, user):
        pairs = message(key, "2B001-1", tid=tid) | {"user": user}
        got[user] = mcr.send(pairs)

    threads = [threading.Thread(target=ask, args=a) for a in ((one, "x"), (two, "y"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for user in ("x", "y"):
        assert got[user].status == 200
        assert got[user].json["tid"] == tid
        assert got[user].json["content"] == f"for {user}"
    sent = {request.params["tid"] for request in b.requests}
    assert len(sent) == 2 and tid not in sent


# ---- the Split-CMP ----


def split_world(world):
    home = world.cmp("a", "1A0F1")
    parent = world.cmp("d", "4D001")
    child = world.cmp("child", "4D0012", host="child.d.example.net")
    child.listener["interfaces"] = ["mc-6"]
    home.routes(table=TABLE)
    parent.routes(table=TABLE)
    world.join(home, parent, prefixes=["4D001"])
    world.join(parent, child, interface="mc-6", prefixes=["4D0012"])
    return home, parent, child


def test_a_split_parent_asks_its_child_over_mc6(world):
    home, parent, child = split_world(world)
    parent.holds(**{"4D001-1": "at the parent"})
    child.holds(**{"4D0012-1": "at the child"})
    world.start()
    assert home.scan("4D0012-1").json["content"] == "at the child"
    assert home.scan("4D001-1").json["content"] == "at the parent"
    assert home.scan("4D001-2").code == "unknown_ici"
    assert home.scan("4D0012-2").code == "unknown_ici"
    assert len(parent.wait_until_handled(4)) == 4
    assert [line["ici"] for line in child.wait_until_handled(2)] == ["4D0012-1", "4D0012-2"]


def test_a_child_with_the_parents_own_prefix_is_asked(world):
    """At equal length a peer's prefix wins: that is a Split-CMP-Parent's child."""
    parent, child = world.cmp("d", "4D001"), world.cmp("child", "4D001")
    parent.routes(table=TABLE)
    world.join(parent, child, interface="mc-6", prefixes=["4D001"])
    child.holds(**{"4D001-1": "at the child"})
    world.start()
    assert parent.scan("4D001-1").json["content"] == "at the child"


def test_a_child_answers_on_mc6_alone(world):
    home, parent, child = split_world(world)
    child.holds(**{"4D0012-1": "x"})
    asker = child.peer("asker", allow={"interfaces": ["mc-3", "mc-6"]})
    world.start()
    assert child.ask(asker, "4D0012-1").code == "not_found"
    assert child.ask(asker, "4D0012-1", path="/mc-6/resolve-ici").status == 200


def test_a_child_that_may_only_be_asked_over_mc6(world):
    home, parent, child = split_world(world)
    child.listener["interfaces"] = ["mc-3", "mc-6"]
    child.holds(**{"4D0012-1": "x"})
    world.start()
    key = next(k for k in child.issued if k.peer == "d")
    assert child.ask(key, "4D0012-1").code == "not_allowed"
    assert parent.scan("4D0012-1").json["content"] == "x"


# ---- round in circles ----


def test_a_loop_of_three_ends_in_508_after_eight_hops(world):
    a, b, c = world.cmp("a"), world.cmp("b"), world.cmp("c")
    for node in (a, b, c):
        node.routes(table=TABLE)
    world.join(a, b, prefixes=["3C001"])
    world.join(b, c, prefixes=["3C001"])
    world.join(c, a, prefixes=["3C001"])
    world.start()
    answer = a.scan("3C001-1")
    assert (answer.status, answer.code) == (508, "loop_detected")
    lines = wait_until_handled([a, b, c], 9)
    assert len(lines) == 9  # the handset's, and eight hops
    assert all(line["status"] == 508 for line in lines)
    time.sleep(0.3)
    assert sum(len(node.handled()) for node in (a, b, c)) == 9  # and no storm after it


def test_a_loop_of_referrals_and_transfers_ends_too(world):
    a, b, c = world.cmp("a"), world.cmp("b"), world.cmp("c")
    for node in (a, b, c):
        node.routes(direct=DIRECT)
    ring = {a: b, b: c, c: a}
    for one, other in ring.items():
        world.join(one, other)
        one.holds(**{"3C001-1": {"transferred_to": other.host}})
    world.start()
    assert a.scan("3C001-1").code == "loop_detected"
    assert len(wait_until_handled(ring, 9)) == 9


def test_never_back_to_where_it_came_from(world):
    """b believes that a holds it, a believes that b does: nobody asks the other back."""
    a, b = world.cmp("a"), world.cmp("b")
    for node in (a, b):
        node.routes(direct=DIRECT, table=TABLE)
    world.join(a, b, prefixes=["3C001"])
    world.join(b, a, prefixes=["3C001"])
    a.holds(**{"3C001-T": {"transferred_to": "b.example.net"}})
    b.holds(**{"3C001-T": {"transferred_to": "a.example.net"}})
    asker = b.peer("asker", allow={"interfaces": ["mc-3"], "forward_to": ["*"]})
    world.start()
    for ici in ("3C001-1", "3C001-T"):
        assert a.scan(ici).code == "unknown_ici"
        assert len(wait_until_handled([a, b], 2, ici)) == 2
    key = next(k for k in b.issued if k.peer == "a")
    answer = b.ask(key, "3C001-2", more={"addr": "a.example.net"})
    assert answer.code == "addr_not_allowed"
    assert len(b.wait_until_handled(1, "3C001-2")) == 1
    assert a.handled("3C001-2") == []
    assert b.ask(asker, "3C001-2", more={"addr": "a.example.net"}).code == "unknown_ici"
    assert len(a.wait_until_handled(1, "3C001-2")) == 1


@pytest.mark.parametrize(
    "count, status", [(None, 200), ("0", 200), ("7", 200), ("8", 508), ("99", 508)]
)
def test_the_limit_of_count(world, count, status):
    b = world.recipient("b")
    home = home_and(world, b)
    asker = home.peer("asker")
    b.codes["2B001-1"] = "x"
    world.start()
    more = {"count": count} if count is not None else {}
    answer = home.ask(asker, "2B001-1", more=more)
    assert answer.status == status
    if status == 508:
        assert b.connections == 0 and answer.json["parameter"] == "count"
    else:
        assert b.verified[0].params["count"] == str(int(count or 0) + 1)
