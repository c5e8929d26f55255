# SPDX-License-Identifier: Apache-2.0
"""cmpctl drain and undrain, and connections of a listener that a new configuration does not have:
everybody is served, told to leave, and gone in the end."""
import json
import signal
import time

import pytest
from client import connect, parse, receive_all, written
from daemon import CMPCTL, free_port, message, run
from frames import Http2
from hyperframe.frame import DataFrame
from patience import PATIENCE
from reload import reload
from stores import eventually, grown

ICI = "1A0F1-1"


@pytest.fixture
def described(site):
    """Not started yet."""
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["drain"] = "1s"
    site.config["limits"] = {"request_timeout": "1m"}
    site.b = site.peer("b")
    site.write_codes({"ici": ICI, "content": "x"})
    return site


@pytest.fixture
def served(described):
    return described.start()


@pytest.fixture
def patient(described):
    """Nobody who is told has to hurry."""
    described.config["drain"] = "5s"
    return described.start()


def cmpctl(site, *words):
    return run(CMPCTL, *words, "--socket", site.folder / "admin.sock")


def drain(site, command="drain"):
    ended = cmpctl(site, command)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def readiness(site):
    told = json.loads(cmpctl(site, "stats", "--json").stdout)
    return told["ready"], told["draining"]


def target(site, ici=ICI):
    return "/mc-3/resolve-ici?" + written(message(site.b, ici).items())


class Open:
    """A connection of HTTP/1.1 that its client keeps open."""

    def __init__(self, site, port=None):
        self.site = site
        self.connection = connect(port or site.port, site.authority.path)
        self.begun = b""

    def begin(self):
        """The next request, of which `send` sends the rest."""
        self.begun = b"GET "
        self.connection.sendall(self.begun)

    def send(self, ici=ICI):
        line = f"GET {target(self.site, ici)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.connection.sendall(line[len(self.begun) :])
        self.begun = b""

    def ask(self):
        """Its status, and whether the connection is to be closed."""
        self.send()
        got = b""
        while b"\r\n\r\n" not in got or not got.endswith(b"}"):
            part = self.connection.recv(65536)
            assert part, "the connection has ended"
            got += part
        answer = parse(got)
        return answer.status, answer.headers.get("connection") == "close"

    def ends(self, seconds=PATIENCE):
        return receive_all(self.connection, seconds)[1]


def ask_on(site, http2, ici=ICI):
    stream = http2.get(target(site, ici))
    assert http2.read(stream)
    return http2.status[stream]


def test_readiness_says_no_and_yes_again(served):
    assert readiness(served) == (True, False)
    assert drain(served) == "draining on 2 workers\n"
    assert readiness(served) == (False, True)
    assert drain(served) == "draining on 2 workers\n"
    assert drain(served, "undrain") == "serving on 2 workers\n"
    assert readiness(served) == (True, False)
    served.wait_for_log("draining: connections are told to leave")
    served.wait_for_log("serving again after a drain")


def test_the_programs_answer(served):
    told = json.loads(cmpctl(served, "drain", "--json").stdout)
    assert told == {"draining": True, "workers": 2}
    told = json.loads(cmpctl(served, "undrain", "--json").stdout)
    assert told == {"draining": False, "workers": 2}


@pytest.mark.threads
def test_open_connections_are_told_and_served(described):
    described.config["drain"] = "30s"
    served = described.start()
    old, old2 = Open(served), Http2(served.port, served.authority.path)
    assert old.ask() == (200, False)
    assert ask_on(served, old2) == 200 and not old2.goaways
    drain(served)
    assert ask_on(served, old2) == 200
    assert old2.goaways == [0]
    assert old.ask() == (200, True)
    assert old.ends()


def test_who_has_not_said_a_word_is_not_told_yet(described):
    """A server begins with SETTINGS, and they answer the client's preface (RFC 9113, 3.4): told to
    go away before, it would see an error, and its first requests would be lost."""
    described.config["workers"] = 1
    described.config["drain"] = "30s"
    served = described.start()
    silent = connect(served.port, served.authority.path, alpn=["h2"])
    other = Http2(served.port, served.authority.path)
    other.settle()
    drain(served)
    other.told()  # in the round that comes to the silent one, too
    silent.settimeout(0.2)
    with pytest.raises(TimeoutError):
        silent.recv(1)
    late = Http2(over=silent)
    assert ask_on(served, late) == 200
    assert late.kinds[0] == "SettingsFrame" and late.goaways == [0]


@pytest.mark.threads
def test_who_comes_is_served_and_told(patient):
    drain(patient)
    came = []
    for _ in range(4):
        new, new2 = Open(patient), Http2(patient.port, patient.authority.path)
        new2.settle()
        assert not new2.goaways  # before its first request it would send none
        assert new.ask() == (200, True)
        assert ask_on(patient, new2) == 200
        came.append((new, new2))
    for new, new2 in came:
        assert new.ends() and not new2.read(99)
        assert new2.goaways == [0]


def test_idle_connections_end_after_a_while(served):
    old, old2 = Open(served), Http2(served.port, served.authority.path)
    assert old.ask() == (200, False) and ask_on(served, old2) == 200
    began = time.monotonic()
    drain(served)
    assert old.ends() and not old2.read(99)
    assert time.monotonic() - began >= 1


def slow(site, delay):
    """A store that takes its time; returns a function that waits for so many look-ups."""
    begun = site.folder / "begun"
    site.config["resolve"]["deadline"] = "60s"
    site.store("store_async", delay=delay, begun=str(begun), path=str(site.folder / "trace"))
    return lambda count: grown(begun, count)


def test_what_is_under_way_has_twice_the_time(described):
    wait = slow(described, "6s")
    described.config["drain"] = "4s"
    site = described.start()
    busy = Open(site)
    busy.send("1A0F1-ASYNC")
    wait(1)
    drain(site)
    octets, closed = receive_all(busy.connection)
    assert octets.startswith(b"HTTP/1.1 200 ") and b"onnection: close" in octets and closed


def test_in_the_end_all_have_gone(described):
    wait = slow(described, "10s")
    site = described.start()
    busy, busy2 = Open(site), Http2(site.port, site.authority.path)
    busy.send("1A0F1-ASYNC")
    stream = busy2.get(target(site, "1A0F1-ASYNC"))
    wait(2)
    began = time.monotonic()
    drain(site)
    assert receive_all(busy.connection) == (b"", True)
    assert not busy2.read(stream)
    assert 2 <= time.monotonic() - began < 9
    eventually(lambda: time.monotonic() - began > 10.5, 20)  # the plugin has answered nobody


def test_undrain_takes_it_back(patient):
    old, told2 = Open(patient), Http2(patient.port, patient.authority.path)
    assert old.ask() == (200, False) and ask_on(patient, told2) == 200
    drain(patient)
    drain(patient, "undrain")
    # Longer than idle ones would have had; others that came in the drain have ended by then.
    time_of_drain = Open(patient)
    assert time_of_drain.ask() == (200, False)
    until = time.monotonic() + 7.5
    eventually(lambda: time.monotonic() > until)
    assert old.ask() == (200, False)
    assert ask_on(patient, told2) == 200
    assert Open(patient).ask() == (200, False)
    new2 = Http2(patient.port, patient.authority.path)
    assert ask_on(patient, new2) == 200 and not new2.read(99, seconds=0.2) and not new2.goaways
    # And once more.
    drain(patient)
    assert old.ask() == (200, True) and old.ends()
    assert ask_on(patient, new2) == 200 and new2.goaways == [0]


def test_a_restart_takes_nothing_back(served):
    """Whoever has drained it decides when it is asked again: it may be restarted in between."""
    drain(served)
    assert served.restart().wait(PATIENCE) == 0
    assert readiness(served) == (False, True)
    assert Open(served).ask() == (200, True)
    assert served.restart().wait(PATIENCE) == 0
    drain(served, "undrain")
    assert readiness(served) == (True, False)
    assert served.restart().wait(PATIENCE) == 0
    assert Open(served).ask() == (200, False)


def test_a_drained_one_stops_as_any(served):
    Open(served).ask()
    drain(served)
    began = time.monotonic()
    served.signal(signal.SIGTERM)
    assert served.wait() == 0
    assert time.monotonic() - began < 8


def test_without_a_daemon(site):
    ended = cmpctl(site, "drain")
    assert ended.returncode == 2 and "admin.sock" in ended.stderr


# ---- a listener that is gone ----


@pytest.mark.threads
def test_connections_of_a_listener_that_is_gone(served):
    """With requests begun, so that they are not idle."""
    port = free_port()
    served.config["listeners"].append(
        served.listener | {"name": "more", "bind": f"127.0.0.1:{port}"}
    )
    reload(served)
    stay, stay2 = Open(served), Http2(served.port, served.authority.path)
    go, go2 = Open(served, port), Http2(port, served.authority.path)
    assert stay.ask() == go.ask() == (200, False)
    assert ask_on(served, stay2) == ask_on(served, go2) == 200
    go.begin()
    form = [("content-type", "application/x-www-form-urlencoded")]
    stream = go2.get("/mc-3/resolve-ici", form, end=False, method="POST")
    served.config["listeners"].pop()
    served.config["drain"] = "30s"
    assert reload(served)["removed"] == ["listeners.more"]
    with pytest.raises(ConnectionError):
        connect(port, served.authority.path)
    # They are answered still, and told; the others notice nothing.
    assert go.ask() == (200, True)
    rest = written(message(served.b, ICI).items()).encode()
    go2.send(DataFrame(stream, rest, flags=["END_STREAM"]))
    assert go2.read(stream) and go2.status[stream] == 200 and go2.goaways == [0]
    assert go.ends() and not go2.read(99)
    assert stay.ask() == (200, False)
    assert ask_on(served, stay2) == 200 and not stay2.goaways


def test_a_busy_connection_of_a_listener_that_is_gone(described):
    wait = slow(described, "1s")
    site = described
    port = free_port()
    site.config["drain"] = "30s"
    more = site.listener | {"name": "more", "bind": f"127.0.0.1:{port}"}
    site.config["listeners"].append(more)
    site.start()
    busy, busy2 = Open(site, port), Http2(port, site.authority.path)
    busy.send("1A0F1-ASYNC")
    stream = busy2.get(target(site, "1A0F1-ASYNC"))
    wait(2)
    site.config["listeners"].pop()
    reload(site)
    octets, closed = receive_all(busy.connection)
    assert octets.startswith(b"HTTP/1.1 200 ") and closed
    assert busy2.read(stream) and busy2.status[stream] == 200
    assert not busy2.read(99)
