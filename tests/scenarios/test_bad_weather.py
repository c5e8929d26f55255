# SPDX-License-Identifier: Apache-2.0
"""Everything at once, for a while: peers and a store's server of bad manners, and clients that leave.
Whatever is answered is what was asked for, nothing is ended twice, and when it is over, all is well.

CMPD_WEATHER_S is for how long (tests/long.sh weather); CMPD_WEATHER_SEED draws the same moods, though
not at the same moments."""
import os
import random
import threading
import time

import pytest
from frames import Http2
from patience import PATIENCE
from weather import GONE, Weather, content_of, found_by_peer, found_by_store
from world import DIRECT, TABLE

SECONDS = float(os.environ.get("CMPD_WEATHER_S", 3))
SEED = int(os.environ.get("CMPD_WEATHER_SEED", time.time_ns() % 1000000))
CLIENTS = 2  # of each CMP


def stormy(world, name, find, seed):
    b = world.recipient(name)
    weather = Weather(find, seed)
    b.visit = weather.visit
    return b, weather


def visited_by_handsets(node, deadline):
    node.config["workers"] = 2
    node.config["resolve"]["deadline"] = deadline
    node.handsets |= {"tls": node.listener["tls"], "http2": True}
    return node


@pytest.fixture
def home(world):
    """Asks a peer of bad manners."""
    b, weather = stormy(world, "b", found_by_peer, SEED)
    a = visited_by_handsets(world.cmp("a", "1A0F1"), "1s")
    a.routes(direct=DIRECT, table=TABLE)
    world.join(a, b, prefixes=["2B001"], carriage="query", connections=3, waiting=300)
    return a, weather


@pytest.fixture
def front(world):
    """Has its codes at a server of bad manners."""
    server, weather = stormy(world, "shelf", found_by_store, SEED + 1)
    f = visited_by_handsets(world.cmp("f", "2B001"), "1s")
    f.store(
        "store_remote",
        name="remote",
        url=f"{server.url}/codes/v1",
        token="x" * 43,
        tls={"ca": str(world.authority.path), "server_name": server.host},
        timeout="500ms",
    )
    f.expect_error("/codes/v1: ")
    return f, weather


class Client(threading.Thread):
    """Comes, asks for much, and leaves, mostly before it has all of it."""

    def __init__(self, node, number, until):
        super().__init__()
        self.node, self.until = node, until
        self.draw = random.Random(SEED * 100 + number)
        self.answered, self.left, self.wrong = 0, 0, []

    def run(self):
        while self.goes_on():
            try:
                self.visit()
            except GONE:
                self.left += 1

    def goes_on(self):
        """Longer, when nothing has come of it yet."""
        in_vain = self.answered == 0 or self.left == 0
        return time.monotonic() < self.until + (PATIENCE if in_vain else 0)

    def visit(self):
        with Http2(self.node.handset_port, self.node.authority.path) as client:
            asked = {}
            for _ in range(self.draw.randrange(1, 90)):
                ici = f"2B001-{self.draw.randrange(10000)}"
                asked[client.get(f"/mc-1/resolve-ici?ici={ici}")] = ici
            for stream in asked:
                if self.draw.random() < 0.1:
                    client.cancel(stream)
            some = self.draw.sample(sorted(asked), self.draw.randrange(len(asked)))
            client.read(*some, seconds=self.draw.choice([0.01, 0.1, 1.5]))
            self.left += len(asked) - len(client.ended)
            for stream in client.ended:
                self.check(asked[stream], client.status[stream], client.body.get(stream, b""))

    def check(self, ici, status, body):
        self.answered += status == 200
        right = content_of(ici).encode() in body if status == 200 else status in (502, 503, 504)
        if not right:
            self.wrong.append((ici, status, body))


def serves_again(node):
    deadline = time.monotonic() + PATIENCE
    good = 0
    while good < 20:  # several for each worker
        assert time.monotonic() < deadline, "it does not serve when the weather is fair"
        good = good + 1 if node.scan("2B001-1", http2=True).status == 200 else 0


@pytest.mark.threads
def test_bad_weather(world, home, front):
    print("CMPD_WEATHER_SEED:", SEED)
    nodes = [home[0], front[0]]
    world.start()
    until = time.monotonic() + SECONDS
    clients = [Client(node, n, until) for node in nodes for n in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
        assert client.wrong == []
    for node, weather in [home, front]:
        weather.fair = True
        serves_again(node)
        mine = [client for client in clients if client.node is node]
        print(f"{node.name}:", sum(c.answered for c in mine), sum(c.left for c in mine))
        assert sum(c.answered for c in mine) > 0
        assert sum(c.left for c in mine) > 0
