# SPDX-License-Identifier: Apache-2.0
"""`cmpctl status` and `cmpctl peers`: states are caused, and read from what they tell."""
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from daemon import CMPCTL, run
from stores import eventually, grown
from world import home_and

ICI = "1A0F1-1"


def in_days(days):
    then = datetime.now(timezone.utc) + timedelta(days=days)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def told(site, *words):
    ended = run(CMPCTL, *words, "--json", "--socket", site.folder / "admin.sock")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def status(site, *words):
    return told(site, "status", "--interval", "100ms", *words)


def shown(site, *words):
    ended = run(CMPCTL, *words, "--socket", site.folder / "admin.sock")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def named(rows, key, name):
    [found] = [row for row in rows if row[key] == name]
    return found


def peer(site, name):
    return named(told(site, "peers")["peers"], "peer", name)


@pytest.fixture
def served(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.write_codes({"ici": ICI, "content": "one"})
    return site


@pytest.fixture
def pair(world):
    """A Home CMP, and the peer b whose codes it asks for."""
    b = world.cmp("b", "2B001")
    b.holds(**{"2B001_1": "one"})
    home = home_and(world, b)
    home.b = b
    world.start()
    return home


def test_what_a_quiet_daemon_tells(served):
    served.peer("b")
    served.start()
    said = status(served)
    assert said["ready"] is True and said["draining"] is False and said["held"] == []
    assert said["pid"] == served.process.pid and said["workers"] == 2
    assert said["host"] == "a.example.net"
    assert said["generation"]["number"] == 1 and said["generation"]["alive"] == 1
    assert said["log_level"] == {"now": "debug", "configured": "debug"}
    assert abs(said["now_ms"] / 1000 - time.time()) < 60
    assert said["transactions"]["under_way"] == 0
    assert [i["instance"] for i in said["instances"]] == ["hmac", "codes"]
    assert said["replay"]["entries"] == 0 and said["replay"]["window_ms"] == 300000
    assert [one["listener"] for one in said["listeners"]] == ["peers", "admin"]
    assert said["between"]["seconds"] >= 0.1
    assert {one["per_s"] for one in said["between"]["interfaces"]} == {0}
    assert {one["p99_us"] for one in said["between"]["interfaces"]} == {None}


def test_transactions_and_errors_by_cause(served):
    key = served.peer("b")
    served.start()
    for ici in (ICI, ICI, "1A0F1-none"):
        served.ask(key, ici)
    served.send({"tid": "x"})
    said = status(served)
    one = named(said["transactions"]["interfaces"], "interface", "mc-3")
    assert one["ends"] == {"resolved": 2}
    assert one["errors"] == {"unknown_ici": 1, "missing_parameter": 1}
    assert sum(one["took_us"]["count"]) == 4
    assert len(one["took_us"]["count"]) == len(one["took_us"]["to"]) + 1
    assert said["replay"]["entries"] == 3
    assert said["counters"]["listener:peers"]["accepted"] == 4
    text = shown(served, "status", "--once", "--interval", "100ms")
    assert "mc-3" in text and "unknown_ici" in text and "missing_parameter" in text
    assert "\033" not in text


def test_a_peer_that_asks(served):
    key = served.peer("b", key={"id": "k-1", "not_after": in_days(1)})
    served.peer("c")
    served.start()
    before_ms = time.time() * 1000 - 1000
    served.ask(key, ICI)
    served.ask(key, "1A0F1-none")
    b, c = peer(served, "b"), peer(served, "c")
    assert b["state"] == "asks" and b["servers"] == []
    assert (b["transactions"], b["problems"]) == (2, 1)
    assert b["last_asked_ms"] >= before_ms and b["last_answered_ms"] is None
    [k] = b["keys"]
    assert (k["use"], k["id"]) == ("issued", "k-1")
    assert k["last_use_ms"] >= before_ms and k["not_before_ms"] is None
    assert 0 < k["not_after_ms"] / 1000 - time.time() <= 24 * 3600
    assert c["last_asked_ms"] is None and c["keys"][0]["last_use_ms"] is None
    text = shown(served, "peers")
    assert text.splitlines()[0].split()[:2] == ["PEER", "STATE"]
    assert "in 23 h" in text and "never" in text
    text = shown(served, "peers", "b")
    assert "k-1  issued" in text and "2 transactions, 1 of them" in text
    ended = run(CMPCTL, "peers", "--socket", served.folder / "admin.sock", "d")
    assert ended.returncode == 2 and 'there is no peer "d" under peers' in ended.stderr


def test_a_peer_that_goes_down_and_comes_back(pair):
    assert pair.scan("2B001-1").status == 200
    up = peer(pair, "b")
    assert up["state"] == "up" and up["in_flight"] == 0
    assert up["attempts"]["answered"] == 1 and up["last_answered_ms"] is not None
    assert up["servers"] == [{"server": f"127.0.0.1:{pair.b.port}", "circuit": "closed"}]
    [key] = up["keys"]
    assert key["use"] == "received" and key["last_use_ms"] is not None
    assert re.search(rf"^{key['id']}  received  -     \S+ \S+ ago$", shown(pair, "peers", "b"), re.M)
    pair.b.stop()
    assert pair.scan("2B001-1").status >= 500
    assert peer(pair, "b")["state"] in ("troubled", "down")
    eventually(lambda: pair.scan("2B001-1").status >= 500 and peer(pair, "b")["state"] == "down")
    down = peer(pair, "b")
    assert down["servers"][0]["circuit"] in ("open", "probing")
    assert down["attempts"]["not_sent"] + down["attempts"]["broken"] >= 2
    assert down["last_answered_ms"] == up["last_answered_ms"]
    text = shown(pair, "peers")
    assert "down" in text and f"127.0.0.1:{pair.b.port} (" in text
    assert "peer_failed" in shown(pair, "status", "--interval", "100ms")
    pair.b.start()
    eventually(lambda: pair.scan("2B001-1").status == 200 and peer(pair, "b")["state"] == "up")


def test_a_peer_with_one_of_two_servers(world):
    b = world.cmp("b", "2B001")
    b.holds(**{"2B001_1": "one"})
    home = home_and(world, b)
    entry = home.entry("b")
    gone = f"https://127.0.0.1:{world.cmp('gone').port}/mc-3/resolve-ici"
    entry["url"] = [gone, entry["url"]]
    b.start()
    home.start()
    eventually(lambda: home.scan("2B001-1").status == 200 and peer(home, "b")["state"] == "degraded")
    assert [s["circuit"] == "closed" for s in peer(home, "b")["servers"]] == [False, True]


def test_what_is_in_flight(world):
    b = world.cmp("b", "2B001")
    begun, go_on = b.folder / "begun", b.folder / "go-on"
    traces = {"path": str(b.folder / "ends"), "begun": str(begun)}
    b.store("store_async", delay="1m", until=str(go_on), ici="2B001-1", **traces)
    home = home_and(world, b)
    for node in b, home:
        node.config["resolve"]["deadline"] = "60s"
    world.start()
    with ThreadPoolExecutor() as pool:
        answered = pool.submit(home.scan, "2B001-1")
        grown(begun, 1)
        assert peer(home, "b")["in_flight"] == 1
        assert told(home, "status", "--interval", "100ms")["transactions"]["under_way"] == 1
        go_on.touch()
        assert answered.result().status == 200
    eventually(lambda: peer(home, "b")["in_flight"] == 0)


def test_draining(served):
    served.peer("b")
    served.start()
    shown(served, "drain")
    said = status(served)
    assert said["ready"] is False and said["draining"] is True
    assert "draining" in shown(served, "status", "--once", "--interval", "100ms")
    shown(served, "undrain")
    assert status(served)["ready"] is True


def test_a_store_in_trouble(served):
    served.expect_error("codes.ndjson")
    served.peer("b")
    served.start()
    served.write_codes("this is no record")
    eventually(lambda: named(status(served)["instances"], "instance", "codes")["health"] != "ok")
    one = named(status(served)["instances"], "instance", "codes")
    assert one["health"] == "degraded" and "codes.ndjson" in one["why"]
    assert "codes is degraded: " in shown(served, "status", "--once", "--interval", "100ms")


def test_a_cache_that_is_asked(served):
    served.config["plugins"]["codes"]["cache"] = {"ttl": "1m"}
    key = served.peer("b")
    served.start()
    for _ in range(3):
        served.ask(key, ICI)
    said = status(served)
    assert named(said["instances"], "instance", "codes")["cached"] is True
    counted = said["counters"]["codes"]
    assert counted["cache_hits"] + counted["cache_misses"] == 3


def test_what_ends_soon(served):
    """The next one first; a key that has ended is told, too."""
    served.peer("b", key={"id": "soon", "not_after": in_days(2)})
    served.key("b", id="over", not_after=in_days(-1))
    served.key("b", id="never")
    served.start()
    ends = status(served)["ends"]
    assert [e.get("id") for e in ends[:2]] == ["over", "soon"]
    assert [e["kind"] for e in ends] == ["key", "key", "certificate"]
    assert (ends[0]["of"], ends[0]["name"]) == ("peer", "b")
    assert (ends[2]["of"], ends[2]["name"]) == ("listener", "peers")
    text = shown(served, "status", "--once", "--interval", "100ms")
    assert "1 d ago" in text and "in 1 d 23 h" in text


def test_after_a_reload_it_is_another_generation(served):
    served.peer("b")
    served.start()
    served.peer("c")
    served.write()
    shown(served, "reload")
    said = status(served)
    assert said["generation"]["number"] == 2
    assert [p["peer"] for p in said["peers"]] == ["b", "c"]


def test_without_a_daemon(served):
    path = served.folder / "admin.sock"
    for command in ("status", "peers"):
        ended = run(CMPCTL, command, "--socket", path)
        assert ended.returncode == 2 and "nobody listens there" in ended.stderr
    ended = run(CMPCTL, "status", "--socket", path, "--interval", "2")
    assert ended.returncode == 2 and "no time with its unit from 100ms to 1h" in ended.stderr
