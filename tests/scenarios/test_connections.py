# SPDX-License-Identifier: Apache-2.0
"""Connections: what one of them may hold, who gets in when there are many, and what is left of them
for the others."""
import json
import os
import re
import signal
import socket
import ssl
import time

import httpx
import pytest
from client import connect, receive_all, written
from daemon import CMPCTL, CMPD, message, run
from patience import PATIENCE
from stores import eventually, grown

ICI = "1A0F1-1"


def receive_buffers(port):
    """Of the connections that a server holds at a port, as the kernel shows them: twice the size."""
    shown = run("ss", "-Htmn", "state", "established", "sport", "=", f":{port}").stdout
    return {int(size) // 2 for size in re.findall(r"skmem:\(r\d+,rb(\d+)", shown)}


@pytest.mark.parametrize("asked, kept", [(None, (65536, 16384)), ("32K", (32768, 32768))])
def test_what_the_kernel_holds_of_a_connection(world, asked, kept):
    """The less, the less of a flood comes into one turn of the loop: few where anybody may ask."""
    home = world.cmp("a", "1A0F1")
    home.handsets["tls"] = home.listener["tls"]
    if asked is not None:
        home.listener["receive_buffer"] = home.handsets["receive_buffer"] = asked
    home.start()
    for port, size in zip((home.port, home.handset_port), kept):
        with connect(port, home.authority.path):
            assert receive_buffers(port) == {size}


def test_a_buffer_that_the_kernel_does_not_allow(site):
    site.listener["receive_buffer"] = "64M"
    site.start()
    allowed = int(open("/proc/sys/net/core/rmem_max").read())
    if allowed < 64 << 20:
        line = site.wait_for_log("net.core.rmem_max")
        assert f"{allowed} octets only, not {64 << 20}" in line["message"]


# ---- descriptors ----


def limited(site, soft, hard=None):
    """It may open so many files."""
    site.wrapped = ["prlimit", f"--nofile={soft}:{hard or soft}"]


def cpu_seconds(site):
    fields = open(f"/proc/{site.process.pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kept_out(site, listener):
    """How many are not in; who comes late may get the place of one that is idle."""
    return sum(site.counter(f"listener:{listener}", how) for how in ("refused_full", "displaced"))


def open_descriptors(site):
    return len(os.listdir(f"/proc/{site.process.pid}/fd"))


def asks(site):
    """Whether it is let in, and answered."""
    try:
        return site.ask(site.b, ICI).status == 200
    except (OSError, httpx.TransportError):
        return False


@pytest.fixture
def served(site):
    site.b = site.peer("b")
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["workers"] = 1
    site.write_codes({"ici": ICI, "content": "x"})
    return site


def test_the_soft_limit_is_raised(served):
    limited(served, 64, 4096)
    served.config["limits"] = {"connections": 1000}
    served.start()
    limits = open(f"/proc/{served.process.pid}/limits").read()
    assert re.search(r"Max open files +4096 +4096", limits)
    assert not [line for line in served.log("warning") if "limits.connections" in line["message"]]


def test_fewer_files_than_connections(served):
    limited(served, 400)
    served.start()
    words = served.wait_for_log("limits.connections is 10000")["message"]
    allowed, others, left = map(int, re.search(r"(\d+) files.* (\d+): (\d+) conn", words).groups())
    assert allowed == 400 and allowed == others + left and left > 100
    held = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(left + 20)]
    try:
        eventually(lambda: kept_out(served, "peers") >= 20)
        assert open_descriptors(served) < 400 - 32
    finally:
        for one in held:
            one.close()
    eventually(lambda: asks(served))


@pytest.mark.parametrize("allowed", [24, 70, 100])
def test_too_few_files_for_anything(served, allowed):
    """It says so, with figures, and does not abort."""
    ended = run("prlimit", f"--nofile={allowed}", CMPD, "-c", served.write())
    assert ended.returncode == 1
    assert f"{allowed} files" in ended.stderr


def test_when_descriptors_end(served):
    """Nothing is accepted for a while, at no cost; who is in is served, and then who waits."""
    served.start()
    with connect(served.port, served.authority.path) as inside:
        in_use = open_descriptors(served)
        run("prlimit", f"--pid={served.process.pid}", f"--nofile={in_use + 8}")
        held = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(40)]
        served.expect_error("no new connections for now")
        served.expect_error("lines about descriptors")
        line = served.wait_for_log("no new connections for now")
        assert "Too many open files" in line["message"] and "LimitNOFILE" in line["message"]
        before, began = cpu_seconds(served), time.monotonic()
        for _ in range(20):  # over two seconds
            time.sleep(0.1)
        used = (cpu_seconds(served) - before) / (time.monotonic() - began)
        assert used < 0.2, f"{used:.0%} of a core"
        query = written(message(served.b, ICI).items())
        inside.sendall(
            f"GET /mc-3/resolve-ici?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        assert b" 200 " in receive_all(inside)[0]
    for one in held:
        one.close()
    eventually(lambda: asks(served))
    assert served.counter("connections", "pauses") >= 1
    said = [line for line in served.log("error") if "no new connections" in line["message"]]
    assert len(said) == 1, "once a minute"


# ---- shares ----


@pytest.fixture
def crowded(world):
    """Twenty connections: five are kept for peers, five for handsets."""
    home = world.cmp("a", "1A0F1")
    home.config["limits"] = {"connections": 20, "handshake_timeout": "30s"}
    home.handsets["tls"] = home.listener["tls"]
    home.handsets["source_connections"] = home.listener["source_connections"] = 20
    home.b = home.peer("b")
    home.holds(**{ICI: "x"})
    home.start()
    return home


def hold(port, count, source="127.0.0.1"):
    to, own = ("127.0.0.1", port), (source, 0)
    return [socket.create_connection(to, PATIENCE, own) for _ in range(count)]


def of(home, listener):
    """What stands at a listener now."""
    ended = run(CMPCTL, "stats", "--config", home.folder / "cmpd.yaml", "--json")
    (found,) = [l for l in json.loads(ended.stdout)["listeners"] if l["listener"] == listener]
    return found


def test_a_crowd_at_one_door_closes_no_other(crowded):
    home = crowded
    held = hold(home.handset_port, 60)
    eventually(lambda: kept_out(home, "handsets") >= 45)
    assert of(home, "handsets")["handshake"] == 15 and of(home, "handsets")["share"] == 5
    for _ in range(3):
        assert home.ask(home.b, ICI).status == 200
    inside = [connect(home.port, home.authority.path) for _ in range(5)]
    eventually(lambda: of(home, "peers")["open"] == 5)
    home.wait_for_log("are in use")
    lines = [line for line in home.log("warning") if "are in use" in line["message"]]
    told = [(line["source"], line["listener"]) for line in lines]
    assert told == [("127.0.0.1", "handsets")], "one line a minute"
    for one in held + inside:
        one.close()
    eventually(lambda: of(home, "handsets")["handshake"] == 0)
    eventually(lambda: of(home, "peers")["open"] == 0)


def test_who_is_idle_gives_way(crowded):
    """Silent connections do not keep anybody out for as long as they like."""
    home = crowded
    held = hold(home.handset_port, 15, "127.0.0.2")
    eventually(lambda: of(home, "handsets")["handshake"] == 15)
    eventually(lambda: scans(home))
    assert home.counter("listener:handsets", "displaced") >= 1
    line = home.wait_for_log("closed while it was idle")
    assert line["source"] == "127.0.0.2"
    for one in held:
        one.close()


def scans(home, **how):
    try:
        return home.scan(ICI, **how).status == 200
    except (OSError, httpx.TransportError):
        return False


def test_whoever_has_most_gives_way_first(crowded):
    home = crowded
    few = hold(home.handset_port, 2, "127.0.0.3")
    many = hold(home.handset_port, 13, "127.0.0.2")
    eventually(lambda: of(home, "handsets")["handshake"] == 15)
    eventually(lambda: scans(home))
    for one in few:
        one.settimeout(0.2)
        with pytest.raises(TimeoutError):
            one.recv(1)  # still there
    for one in few + many:
        one.close()


def test_a_connection_with_a_request_stays(world):
    home = world.cmp("a", "1A0F1")
    home.config["limits"] = {"connections": 20}
    home.handsets |= {"source_connections": 1, "tls": home.listener["tls"]}
    begun, until = home.folder / "begun", home.folder / "until"
    files = {"begun": str(begun), "until": str(until), "path": str(home.folder / "ended")}
    home.store("store_async", delay="5m", **files)
    home.start()
    request = b"GET /mc-1/resolve-ici?ici=1A0F1-ASYNC HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connect(home.handset_port, home.authority.path) as busy:
        busy.sendall(request)
        grown(begun, 1)
        time.sleep(1.2)  # longer than anybody has to stay
        with pytest.raises((OSError, ssl.SSLError)):
            connect(home.handset_port, home.authority.path).close()
        line = home.wait_for_log("as many as it may")
        assert (line["source"], line["listener"]) == ("127.0.0.1", "handsets")
        until.touch()
        got, closed = receive_all(busy)
    assert closed and b" 200 " in got
    assert home.counter("listener:handsets", "refused_many") >= 1
    assert home.counter("listener:handsets", "displaced") == 0


# ---- sources ----


def test_one_address_has_so_many(world):
    """With one more, the oldest of its own that is idle gives way, and nobody else's."""
    home = world.cmp("a", "1A0F1")
    home.config["workers"] = 1
    home.config["limits"] = {"handshake_timeout": "1m"}
    home.listener["source_connections"] = 3
    home.start()
    (other,) = hold(home.port, 1, "127.0.0.3")
    held = hold(home.port, 3, "127.0.0.2")
    eventually(lambda: of(home, "peers")["handshake"] == 4)
    time.sleep(0.3)  # the time that a new one has for its handshake
    held += hold(home.port, 1, "127.0.0.2")
    assert receive_all(held[0]) == (b"", True)
    assert of(home, "peers")["handshake"] == 4
    assert home.counter("listener:peers", "displaced") == 1
    line = home.wait_for_log("for a new one")
    assert (line["source"], line["listener"]) == ("127.0.0.2", "peers")
    for one in [*held, other]:
        one.close()
    eventually(lambda: of(home, "peers")["handshake"] == 0)


def test_who_comes_too_fast_gets_a_turn_later(world):
    """Ten a second, five of them at once; then they wait for as long as half a handshake may take."""
    home = world.cmp("a", "1A0F1")
    home.config["limits"] = {"handshake_timeout": "20s"}
    home.listener["source_connects"] = "10/s"
    home.b = home.peer("b")
    home.holds(**{ICI: "x"})
    home.start()
    held = hold(home.port, 200, "127.0.0.2")
    eventually(lambda: home.counter("listener:peers", "refused_fast") >= 30)
    assert of(home, "peers")["turn"] > 5
    assert home.ask(home.b, ICI, source="127.0.0.3").status == 200
    assert of(home, "peers")["turn"] > 0  # others do not wait
    eventually(lambda: of(home, "peers")["turn"] == 0)
    assert home.ask(home.b, ICI, source="127.0.0.2").status == 200  # and it is not banned
    assert home.counter("listener:peers", "waited") >= 90
    for one in held:
        one.close()


def test_handshakes_begin_at_a_pace(world):
    """Whoever they are from."""
    home = world.cmp("a", "1A0F1")
    home.config["limits"] = {"handshakes": "5/s", "handshake_timeout": "1m"}
    home.b = home.peer("b")
    home.holds(**{ICI: "x"})
    home.start()
    held = [s for i in range(40) for s in hold(home.port, 1, f"127.0.1.{i}")]
    eventually(lambda: home.counter("listener:peers", "waited") > 0)
    assert home.ask(home.b, ICI).status == 200
    assert home.counter("listener:peers", "refused_busy") == 0
    for one in held:
        one.close()
    # the listener for handsets has a pace of its own
    assert home.scan(ICI).status == 200


def test_a_stop_does_not_wait_for_turns(world):
    home = world.cmp("a", "1A0F1")
    home.config["limits"] = {"handshake_timeout": "1m"}
    home.listener["source_connects"] = "1/s"
    home.start()
    held = hold(home.port, 30)  # the last one's is in half a minute
    eventually(lambda: of(home, "peers")["turn"] > 2)
    began = time.monotonic()
    home.signal(signal.SIGTERM)
    assert home.wait() == 0
    assert time.monotonic() - began < 15
    for one in held:
        one.close()
