# SPDX-License-Identifier: Apache-2.0
"""/live and /ready, where a listener has them: what an orchestrator asks before it sends work."""
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from client import parse, receive_all
from patience import PATIENCE
from stores import eventually
from test_keys import Open
from test_shutdown import opens, slow
from test_watchdog import Asking, holding, let_go, listening
from world import home_and

ICI = "1A0F1-1"


@pytest.fixture
def asked(site):
    site.listener["health"] = True
    site.key_of_b = site.peer("b")
    site.write_codes({"ici": ICI, "content": "one"})
    return site


def look(site, path="/ready", **how):
    return site.send(path=path, method="GET", **how)


def test_one_that_serves_is_live_and_ready(asked):
    asked.start()
    answer = look(asked, "/live")
    assert (answer.status, answer.json) == (200, {"live": True})
    answer = look(asked)
    assert answer.status == 200 and answer.json["ready"] is True
    assert answer.json == {
        "ready": True,
        "draining": False,
        "stuck": False,
        "degraded": False,
        "peers_down": 0,
        "plugins": {},
    }
    assert asked.ask(asked.key_of_b, ICI).status == 200
    asked.stop()
    assert not [line for line in asked.log() if line.get("code") == "not_found"]


def test_only_where_it_is_asked_for(asked):
    del asked.listener["health"]
    asked.start()
    assert look(asked, "/live").status == 404
    assert look(asked).status == 404


def test_a_store_in_trouble_is_told_and_no_reason_to_go(asked):
    asked.expect_error("codes.ndjson")
    asked.start()
    asked.write_codes("this is no record")
    eventually(lambda: look(asked).json["degraded"])
    answer = look(asked)
    assert answer.status == 200 and answer.json["ready"] is True
    assert answer.json["plugins"] == {"codes": "degraded"}
    asked.write_codes({"ici": ICI, "content": "two"})
    eventually(lambda: not look(asked).json["degraded"])


def test_a_peer_that_is_down_is_told_and_no_reason_to_go(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    home.listener["health"] = True
    world.start()
    assert look(home).json["peers_down"] == 0
    b.stop()
    eventually(lambda: home.scan("2B001-1").status >= 500 and look(home).json["peers_down"] == 1)
    assert look(home).status == 200 and look(home).json["degraded"]


def test_one_that_ends_is_not_ready(asked):
    """On a connection that is there, as half a request is: new ones find nobody."""
    asked.config["drain"] = "60s"
    wait_for_begun = slow(asked, "store_async")
    asked.start()
    open_one = Open(asked)
    assert open_one.ask("GET", "/ready") == 200
    with ThreadPoolExecutor() as pool:
        answered = pool.submit(asked.ask, asked.key_of_b, "1A0F1-ASYNC")
        wait_for_begun(1)
        open_one.socket.sendall(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n")
        asked.signal(signal.SIGTERM)
        eventually(lambda: not opens(asked.port))
        open_one.socket.sendall(b"\r\n")
        octets, _ = receive_all(open_one.socket)
        answer = parse(octets)
        assert answer.status == 503 and octets.count(b"HTTP/1.1 ") == 1
        assert (answer.json["ready"], answer.json["draining"]) == (False, True)
        let_go(asked)
        assert answered.result().status == 200
    assert asked.process.wait(PATIENCE) == 0  # a second signal would end it at once


def test_a_worker_that_is_stuck(site):
    site.listener["health"] = True
    key = holding(site, stall="50ms", stuck_after="300ms")
    site.expect_error("is stuck in lookup of special")
    asking = Asking(site, key)
    site.wait_for_log("is stuck in lookup of special (store_fault)")
    eventually(lambda: listening(site) == 1)  # which comes after the line
    answer = look(site)
    assert answer.status == 503 and answer.json["stuck"] is True
    assert look(site, "/live").status == 200
    let_go(site)
    asking.join()
    site.wait_for_log("moves again")
    eventually(lambda: look(site).status == 200)
