# SPDX-License-Identifier: Apache-2.0
"""Handsets sit behind the address of their carrier, thousands of them, and one may be an attacker's.
That address is rationed, never banned: all of them are served.

CMPD_HANDSETS=5000 (tests/long.sh carrier) takes the defaults; else everything is smaller."""
import concurrent.futures
import os
import socket
import ssl
import threading

import pytest
from client import parse

ICI = "1A0F1-1"
CARRIER, ELSEWHERE = "127.0.0.2", "127.0.0.3"
HANDSETS = int(os.environ.get("CMPD_HANDSETS", 150))
WHOLE = HANDSETS >= 1000
AT_ONCE = 12
TRIES = 6
REQUEST = f"GET /mc-1/resolve-ici?ici={ICI} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # what a ClientHello begins with


@pytest.fixture
def home(world):
    home = world.cmp("a", "1A0F1")
    home.holds(**{ICI: "x"})
    home.handsets["tls"] = home.listener["tls"]
    del home.handsets["source_rate"], home.handsets["source_burst"]
    home.config["log"]["level"] = "notice"
    if not WHOLE:
        home.config["limits"] = {"connections": 120}
        home.handsets |= {"source_connects": "50/s", "source_rate": "50/s", "source_burst": 20}
    home.context = ssl.create_default_context(cafile=str(home.authority.path))
    home.b = home.peer("b")
    home.start()
    return home


def reach(home, source, tls=True):
    plain = socket.create_connection(("127.0.0.1", home.handset_port), 10, (source, 0))
    if not tls:
        return plain
    try:
        return home.context.wrap_socket(plain, server_hostname="127.0.0.1")
    except Exception:
        plain.close()
        raise


def scan(home, source, kept):
    """One handset: it asks once, and keeps its connection, as apps do. Returns what its tries gave."""
    seen = []
    while len(seen) < TRIES and 200 not in seen:
        try:
            connection = reach(home, source)
            kept.append(connection)
            connection.sendall(REQUEST)
            seen.append(parse(connection.recv(65536)).status)
        except (OSError, IndexError, ValueError) as failure:
            seen.append(type(failure).__name__)
    return seen


class Attacker:
    """Behind the same address: holds as many connections as it can, silent or in half a handshake,
    and makes new ones of those that it loses; and asks as fast as it can on a few."""

    def __init__(self, home, held):
        self.home, self.held = home, held
        self.over = threading.Event()
        self.lost = self.refused = 0
        works = [(self.hold, b""), (self.hold, HELLO), (self.ask,), (self.ask,)]
        self.threads = [threading.Thread(target=work, args=rest) for work, *rest in works]

    def hold(self, sends):
        mine = []
        while not self.over.wait(0.01):
            for one in list(mine):
                try:
                    gone = one.recv(1, socket.MSG_DONTWAIT) == b""
                except BlockingIOError:
                    gone = False
                except OSError:
                    gone = True
                if gone:
                    self.lost += 1
                    mine.remove(one)
                    one.close()
            while len(mine) < self.held // 2:
                try:
                    mine.append(reach(self.home, CARRIER, tls=False))
                    mine[-1].sendall(sends)
                except OSError:
                    break
        for one in mine:
            one.close()

    def ask(self):
        while not self.over.is_set():
            try:
                with reach(self.home, CARRIER) as connection:
                    while not self.over.is_set():
                        connection.sendall(REQUEST * 4)
                        self.refused += connection.recv(65536).count(b" 429 ")
            except OSError:
                self.over.wait(0.05)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_thousands_behind_one_address_are_served(home):
    kept = []
    with Attacker(home, 2000 if WHOLE else 30) as attacker:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            tries = list(pool.map(lambda _: scan(home, CARRIER, kept), range(HANDSETS)))
        others = [scan(home, ELSEWHERE, kept) for _ in range(5)]
        partner = [home.ask(home.b, ICI).status for _ in range(5)]
    for one in kept:
        one.close()
    first = sum(seen[0] == 200 for seen in tries)
    names = ("accepted", "waited", "displaced", "refused_full", "refused_many", "refused_fast")
    counted = {name: home.counter("listener:handsets", name) for name in names}
    print(f"{HANDSETS} handsets, {first} served at once; attacker lost {attacker.lost}; {counted}")
    assert all(seen[-1] == 200 for seen in tries), [s for s in tries if s[-1] != 200][:10]
    assert first >= HANDSETS / 2, f"{first} of {HANDSETS}"
    assert others == [[200]] * 5 and partner == [200] * 5
    assert attacker.refused > 0, "it asked no faster than it may"
