# SPDX-License-Identifier: Apache-2.0
"""A peer with two URLs, a peer that restarts, a peer that has a bad time: only what was in flight
there may fail, and it is used again within two seconds."""
import signal
import threading
import time

import httpx
import pytest
from daemon import free_port
from patience import PATIENCE
from recipient import Reply, problem
from stores import eventually
from world import Node, home_and

ICI = "2B001-1"
SOON = 15  # seconds: two, and the rest for a busy machine


def pair(world, **settings):
    """Peer b with two URLs, two recipients in Python."""
    one, two = world.recipient("b"), world.recipient("b")
    home = home_and(world, one, url=[one.url + "/one", two.url + "/two"], **settings)
    two.keys = one.keys
    one.codes[ICI], two.codes[ICI] = "from one", "from two"
    return home, one, two


def test_the_first_url_is_preferred(world):
    home, one, two = pair(world)
    world.start()
    for _ in range(5):
        assert home.scan(ICI).json["content"] == "from one"
    assert two.connections == 0
    assert one.requests[0].path == "/one"


def test_the_second_url_is_taken_when_nobody_listens_at_the_first(world):
    home, one, two = pair(world)
    one.stop()
    world.start()
    for _ in range(5):
        assert home.scan(ICI).json["content"] == "from two"
    assert two.requests[0].path == "/two"


@pytest.mark.parametrize(
    "bad",
    [
        lambda request: Reply(close=True),
        lambda request: Reply(raw=b"\0" * 64),
        lambda request: problem(500, "internal_error", request),
        lambda request: problem(503, "overloaded", request, {"retry-after": "9"}),
        lambda request: Reply(body=b"{}"),
    ],
    ids=["closes", "garbage", "500", "503", "lies"],
)
def test_the_second_url_is_asked_with_another_tid(world, bad):
    home, one, two = pair(world)
    one.answer = bad
    world.start()
    assert home.scan(ICI).json["content"] == "from two"
    [first], [second] = one.requests, two.requests
    assert first.params["tid"] != second.params["tid"]
    assert first.params["count"] == second.params["count"] == "1"


def test_a_slow_first_url_leaves_time_for_the_second(world):
    home, one, two = pair(world)
    home.config["resolve"]["deadline"] = "8s"
    one.answer = lambda request: Reply(hang=True)
    world.start()
    assert home.scan(ICI).json["content"] == "from two"


def test_what_is_an_answer_is_not_asked_for_twice(world):
    home, one, two = pair(world)
    del one.codes[ICI]
    world.start()
    assert home.scan(ICI).code == "unknown_ici"
    assert two.connections == 0


def test_both_are_bad(world):
    home, one, two = pair(world)
    one.answer = two.answer = lambda request: Reply(close=True)
    world.start()
    assert home.scan(ICI).code == "peer_failed"
    assert (len(one.requests), len(two.requests)) == (1, 1)


def test_a_circuit_opens_and_closes_again(world):
    b = world.recipient("b")
    home = home_and(world, b)
    b.codes[ICI] = "x"
    world.start()
    b.stop()
    for _ in range(4):
        assert home.scan(ICI).code == "peer_failed"
    assert "b is not used for now" in home.wait_for_log("is not used for now")["message"]
    assert home.scan(ICI).code == "peer_failed"
    time.sleep(1.5)
    b.start()
    back = time.monotonic()
    while home.scan(ICI).status != 200:
        assert time.monotonic() - back < SOON, "not used again soon"
        time.sleep(0.02)
    home.wait_for_log("b is used again")


class Load:
    """Handsets that scan all the time: `count` threads, a connection each."""

    def __init__(self, home, ici, count=4):
        self.home, self.ici = home, ici
        self.stopping = threading.Event()
        self.results = []  # (began, ended, status)
        self.threads = [threading.Thread(target=self._run) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        url = f"http://127.0.0.1:{self.home.handset_port}/mc-1/resolve-ici"
        with httpx.Client(timeout=PATIENCE) as client:
            while not self.stopping.is_set():
                began = time.monotonic()
                status = client.get(url, params={"ici": self.ici}).status_code
                self.results.append((began, time.monotonic(), status))
                time.sleep(0.002)

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        return self.results


def restart(node, number, meanwhile):
    """Ends a node and, when `meanwhile` returns, starts it again; returns when it went and when it
    was back."""
    went = time.monotonic()
    node.signal(number)
    node.process.wait(timeout=PATIENCE)
    node.process = None
    meanwhile()
    node.start()
    return went, time.monotonic()


@pytest.mark.threads
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_peer_restarts_under_load(world, number):
    b, c = world.cmp("b", "2B001"), world.cmp("c", "3C001")
    home = home_and(world, b)
    home.config["workers"] = 2
    world.join(home, c, prefixes=["3C001"])
    b.holds(**{ICI: "x"})
    c.holds(**{"3C001-1": "x"})
    world.start()
    to_b, to_c = Load(home, ICI), Load(home, "3C001-1", 2)
    try:
        eventually(lambda: len(to_b.results) > 100)
        went, back = restart(b, number, lambda: time.sleep(0.7))
        eventually(lambda: any(s == 200 and began > back for began, _, s in list(to_b.results)), SOON)
        time.sleep(2)  # the other worker finds its way, too
        eventually(lambda: len(to_c.results) > 10)
    finally:
        at_b, at_c = to_b.end(), to_c.end()
    assert all(status == 200 for _, _, status in at_c)
    failed = [(began, ended) for began, ended, status in at_b if status != 200]
    assert all(status in (200, 502) for _, _, status in at_b)
    for began, ended in failed:
        assert ended >= went, "failed before it went"
        assert began <= back + SOON, f"failed {began - back:.2f} s after it was back"


@pytest.mark.threads
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_one_of_two_nodes_of_a_peer_restarts_under_load(world, tmp_path, number):
    b = world.cmp("b", "2B001")
    second = Node(tmp_path / "b", world.authority, "b", "b.example.net", ["2B001"])
    second.port = free_port()
    (tmp_path / "second").mkdir()
    second.folder = tmp_path / "second"
    second.listener["bind"] = f"127.0.0.1:{second.port}"
    world.nodes.append(second)
    home = home_and(world, b)
    home.config["workers"] = 2
    home.entry("b")["url"] = [b.server, second.server]
    second.config["peers"], second.issued = b.config["peers"], b.issued
    for node in (b, second):
        node.holds(**{ICI: "x"})
    world.start()
    load = Load(home, ICI)
    try:
        eventually(lambda: len(load.results) > 100)
        restart(b, number, lambda: eventually(second.handled))
        before = len(b.handled())
        eventually(lambda: len(b.handled()) > before, SOON)
    finally:
        results = load.end()
    assert results
    failed = [status for _, _, status in results if status != 200]
    assert failed == []  # what was in flight was asked for at the other one, under another tid
    assert len(second.handled()) > 0
