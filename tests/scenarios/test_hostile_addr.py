# SPDX-License-Identifier: Apache-2.0
"""`addr` is never more than a key into the configured peers: whatever it says, nothing is looked up
and nothing is connected to (SPEC 4). Counted in a network namespace where every packet is seen."""
import os
import socket
import time

import pytest
from namespace import TCP, Sniffer, run_inside
from world import DIRECT, TABLE, through

HOSTILE = [
    # literals
    "127.0.0.1",
    "10.0.0.1",
    "192.0.2.1",
    "0.0.0.0",
    "255.255.255.255",
    "127.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "2130706433",
    "::1",
    "[::1]",
    "[2001:db8::1]",
    "::ffff:127.0.0.1",
    "fe80::1%lo",
    # more than a host
    "b.example.net:8443",
    "b.example.net:",
    "user@b.example.net",
    "user:password@b.example.net",
    "b.example.net@evil.example.org",
    "https://b.example.net",
    "//b.example.net",
    "b.example.net/path",
    "b.example.net?x=1",
    "b.example.net#x",
    "b.example.net\\@evil.example.org",
    "b.example.net,evil.example.org",
    # not quite the peer's name
    "b.example.net.",
    ".b.example.net",
    "b..example.net",
    "b.example.net.evil.example.org",
    "xb.example.net",
    "b.example.net\u3002",
    "b\u3002example\u3002net",
    "b.ex\u0430mple.net",
    "\uff42.example.net",
    "xn--b-.example.net",
    "b.example.net ",
    "b.example.net\tx",
    # names with a meaning of their own
    "localhost",
    "localhost.localdomain",
    "localhost.example.net",
    "metadata.google.internal",
    "169.254.169.254",
    "instance-data.ec2.internal",
    "wpad.example.net",
    "_http._tcp.example.net",
    "*.example.net",
    "127.0.0.1.nip.io",
    "evil.example.org",
    "a" * 64 + ".example.net",
    ".".join(["a" * 60] * 5),
    "-b.example.net",
    "only-asks.example.net",  # a peer without a URL that it could be asked at
    "b",
    "",
]


def network(world):
    """A Home CMP with every kind of route, and a requestor that may address everybody."""
    home = world.cmp("a", "1A0F1")
    b, mcr = world.recipient("b"), world.recipient("mcr")
    world.join(home, b, prefixes=["2B001"])
    world.join(home, mcr)
    home.entry("only-asks")
    home.routes(direct=DIRECT, table=TABLE, registry=through(mcr))
    everywhere = {"interfaces": ["mc-3"], "forward_to": ["*"]}
    key = home.peer("asker", allow=everywhere, key={"repeat": "identical"})
    b.codes["1A0F1-1"] = "at b"
    return home, b, mcr, key


def ask_all(home, key):
    """Asks with every value; returns those that were not refused as they should be."""
    wrong = []
    for number, addr in enumerate(HOSTILE):
        carriage = ("get", "form", "json")[number % 3]
        answer = home.ask(key, "1A0F1-1", more={"addr": addr}, carriage=carriage)
        fault = (answer.status, answer.code, answer.json.get("parameter"))
        if fault not in ((400, "invalid_parameter", "addr"), (403, "addr_not_allowed", "addr")):
            wrong.append((addr, carriage, answer.status, answer.body))
    return wrong


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")
def test_no_hostile_addr_causes_a_packet(world):
    def inside():
        home, b, mcr, key = network(world)
        with Sniffer() as sniffer:
            world.start()
            home.scan("1A0F1-0")  # what is done only once is done
            sniffer.ports = {home.port, home.handset_port}
            sniffer.packets()

            wrong = ask_all(home, key)
            for addr in HOSTILE[::8]:
                home.explain("1A0F1-1", as_peer="asker", addr=addr)
            time.sleep(0.3)
            caused = sniffer.packets()

            # And now what must be seen: a forwarded request, a look-up of a name, a connection.
            good = home.ask(key, "1A0F1-1", more={"addr": "b.example.net"})
            forwarded = sniffer.packets()
            with socket.socket() as s:
                s.settimeout(1)
                s.connect_ex(("192.0.2.1", 9))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(b"?", ("192.0.2.53", 53))
            elsewhere = {packet[3] for packet in sniffer.packets()}
        b_port = b.port
        world.stop()
        return wrong, caused, good, forwarded, elsewhere, b_port, (b.requests, mcr.connections)

    wrong, caused, good, forwarded, elsewhere, b_port, (at_b, at_mcr) = run_inside(inside)
    assert wrong == []
    assert caused == []
    assert good.json["content"] == "at b"
    assert {(p[0], p[4]) for p in forwarded} >= {(TCP, b_port)}
    assert {"192.0.2.1", "192.0.2.53"} <= elsewhere
    assert (len(at_b), at_mcr) == (1, 0)


def test_no_hostile_addr_is_taken(world):
    """The same without a namespace, for those who are not root."""
    home, b, mcr, key = network(world)
    world.start()
    assert ask_all(home, key) == []
    assert (b.connections, mcr.connections) == (0, 0)
    assert home.ask(key, "1A0F1-1", more={"addr": "b.example.net"}).json["content"] == "at b"
