# SPDX-License-Identifier: Apache-2.0
"""Strangers attack; partners and handsets hardly notice (tests/attack)."""
import json
import time

import attack
import pytest
from attack import Memory
from daemon import CMPCTL, SANITIZED, free_port, run
from recipient import Reply
from stores import eventually
from world import home_and

ICI = "1A0F1-MENU"
MEMORY_MB = 64
LOG_LINES = 100


@pytest.fixture
def front(site):
    return Front(site)


class Front:
    """One worker, a listener for peers and one for handsets; logs what it does by default."""

    def __init__(self, site):
        self.site = site
        self.key = site.peer("b")
        self.handsets = free_port()
        site.config |= {"workers": 1, "admin": {"socket": "admin.sock"}}
        site.config["log"] = {"level": "notice", "format": "json"}
        self._listen("handsets", self.handsets, "mc-1")
        site.write_codes({"ici": ICI, "content": "https://a.example.net/menu"})

    def _listen(self, name, port, interface):
        """Another listener, with the same certificate."""
        where = {"name": name, "bind": f"127.0.0.1:{port}", "interfaces": [interface]}
        tls = dict(self.site.listener["tls"])
        self.site.config["listeners"].append(where | {"tls": tls})

    def counters(self):
        ended = run(CMPCTL, "stats", "--config", self.site.folder / "cmpd.yaml", "--json")
        counters = json.loads(ended.stdout)["counters"]
        return {f"{c['owner']} {c['name']}": c["value"] for c in counters}

    def partner_is_served(self):
        assert self.site.ask(self.key, ICI).status == 200

    def handset_is_served(self):
        path = "/mc-1/resolve-ici"
        assert self.site.send({"ici": ICI}, path=path, port=self.handsets).status == 200

    def endures(self, name, *, port=None, meanwhile=None, **options):
        """Bears an attack, on the listener for peers unless it is told; returns what came of it,
        and what was counted."""
        self.site.start()
        self.partner_is_served()
        before = self.counters()
        memory = Memory(self.site.process.pid)
        idle_mb = memory.now_mb()
        stranger = attack.start(name, port or self.site.port, **options)
        while stranger.poll() is None:
            (meanwhile or self.handset_is_served)()
            time.sleep(0.05)  # the rate of one address
        came_of_it = attack.outcome(stranger)
        self.partner_is_served()
        self.handset_is_served()
        if not SANITIZED:  # they keep what was freed
            assert memory.most_mb() <= idle_mb + MEMORY_MB, came_of_it
        assert self.site.log_text().count("\n") <= LOG_LINES, came_of_it
        after = self.counters()
        return came_of_it | {"counted": {c: after[c] - before.get(c, 0) for c in after}}


# ---- HTTP/2 ----


@pytest.mark.parametrize("name", ["hpack-bomb", "hpack-bomb-held", "hpack-updates"])
def test_header_blocks_that_become_large(front, name):
    told = front.endures(name, at_least="ended=1")
    assert told["ended"] > 0
    counted = told["counted"]
    assert counted["http2 ended_fields"] + counted["http2 ended_block"] > 0


@pytest.mark.parametrize("name, enough", [("empty-continuation", 1), ("continuation-held", 100)])
def test_header_blocks_that_never_end(front, name, enough):
    told = front.endures(name, seconds=60, until_ended=enough)
    assert told["ended"] >= enough
    assert told["counted"]["http2 ended_block"] > 0


@pytest.mark.parametrize(
    "name", ["rapid-reset", "made-you-reset", "made-you-reset-window", "made-you-reset-priority"]
)
def test_resets(front, name):
    told = front.endures(name, at_least="ended=1")
    assert told["ended"] > 0
    assert told["counted"]["http2 ended_resets"] > 0


@pytest.mark.parametrize(
    "name",
    [
        "ping-flood",
        "settings-flood",
        "window-update-flood",
        "priority-flood",
        "unknown-frames",
        "empty-data",
    ],
)
def test_frames_that_carry_nothing(front, name):
    told = front.endures(name, at_least="ended=1")
    assert told["ended"] > 0
    assert told["counted"]["http2 ended_frames"] > 0


# ---- what is expensive ----


@pytest.mark.parametrize("name", ["json-nested", "json-members"])
def test_json_that_is_expensive_to_read(front, name):
    assert front.endures(name, at_least="answers=1")["answers"] > 0


def test_bad_signatures(front):
    assert front.endures("bad-signatures", at_least="answers=1")["answers"] > 0


def test_handshakes(front):
    assert front.endures("handshakes", at_least="opened=1")["opened"] > 0


def test_connections_that_are_left_at_once(front):
    assert front.endures("connects", at_least="opened=1")["opened"] > 0


def test_requests_in_a_row(front):
    """HTTP/1.1; others have their turn all the same."""
    assert front.endures("pipelining-read", at_least="answers=1")["answers"] > 0


def test_new_keys_over_and_over(front):
    assert front.endures("key-updates", at_least="ended=1")["ended"] > 0


# ---- what takes for ever ----


def test_half_handshakes(front):
    assert front.endures("half-handshakes", at_least="opened=1")["opened"] > 0


@pytest.mark.parametrize("name", ["slow-head", "slow-body", "idle", "slow-body-h2", "idle-pings"])
def test_requests_that_take_for_ever(front, name):
    """Each is ended at the request's time limit, however many octets came meanwhile."""
    front.site.config["limits"] = {"request_timeout": "3s"}
    told = front.endures(name, seconds=60, connections=50, until_ended=50)
    assert told["ended"] >= 50
    assert told["longest_ms"] < 20000


def test_bodies_that_never_end(front):
    front.site.config["limits"] = {"request_timeout": "3s"}
    assert front.endures("bodies-held", seconds=60, until_ended=10)["ended"] >= 10


def test_answers_that_nobody_reads(front):
    """HTTP/1.1 requests in a row. Who does not read does not see the end, either."""
    front.site.config |= {"drain": "1s", "limits": {"write_timeout": "500ms"}}
    front.site.start()
    stranger = attack.start("pipelining", front.site.port, seconds=60, connections=2)
    eventually(lambda: front.counters()["connections ended_unread"] > 0)
    stranger.kill()
    stranger.communicate()
    front.partner_is_served()


# ---- what is meant to be misunderstood ----


@pytest.mark.parametrize("listener", ["peers", "handsets"])
def test_requests_within_requests(front, listener):
    """None that is hidden is answered, whether it comes first or second."""
    options = {"seconds": 6, "at_least": "answers=1"}
    if listener == "handsets":
        options |= {"port": front.handsets, "target": "/mc-1/resolve-ici?ici=" + ICI}
    told = front.endures("smuggling", **options)
    assert told["answers"] > 0
    assert told["hidden"] == 0


# ---- too many ----


def test_connections_from_one_address(front):
    """More than there may be in all; who is a partner still gets one."""
    front.site.config["limits"] = {"connections": 500}
    options = {"connections": 1000, "at_least": "ended=1"}
    told = front.endures("connections", meanwhile=front.partner_is_served, **options)
    assert told["ended"] > 0
    refused = ("refused_fast", "refused_many", "refused_full", "displaced")
    assert sum(told["counted"][f"listener:peers {reason}"] for reason in refused) > 0


def test_a_silent_peer_asked_from_everywhere(world):
    """Who asks for something else is served meanwhile, and the log stays short."""
    b = world.recipient("b")
    b.answer = lambda request: Reply(hang=True)
    home = home_and(world, b)
    home.holds(**{ICI: "https://a.example.net/menu"})
    home.config["log"]["level"] = "notice"
    home.config["resolve"]["deadline"] = "500ms"
    world.start()
    target = "/mc-1/resolve-ici?ici=2B001-1"
    options = {"target": target, "seconds": 2, "sources": 400, "plain": True}
    options["at_least"] = f"answers={LOG_LINES + 1}"
    stranger = attack.start("questions", home.handset_port, **options)
    while stranger.poll() is None:
        assert home.scan(ICI).status == 200
        time.sleep(0.05)
    assert attack.outcome(stranger)["answers"] > LOG_LINES
    home.stop()
    assert home.log_text().count("\n") <= LOG_LINES
