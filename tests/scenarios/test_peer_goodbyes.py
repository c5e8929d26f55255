# SPDX-License-Identifier: Apache-2.0
"""A peer that takes back what it promised while requests to it are queued: it ends its HTTP/2
connection, lowers its limit of streams, or dies. No request is ended twice, and what the peer did not
process goes to another connection."""
import threading
import time

import pytest
from frames import Http2
from hyperframe.frame import GoAwayFrame, RstStreamFrame, SettingsFrame
from world import home_and

OURS, THEIRS = "1A0F1-1", "2B001-1"
QUEUED = 90  # a client may have 100 streams
CLIENTS = 5  # so that together it is more than the kernel keeps for a connection: 2.6 MB here
LONG = ">" * 3900  # goes on percent-encoded: together more than is written at once, 256 KiB
GOOD_MANNERS = SettingsFrame(0, settings={SettingsFrame.MAX_CONCURRENT_STREAMS: 1000})
LOWERED = SettingsFrame(0, settings={SettingsFrame.MAX_CONCURRENT_STREAMS: 1})
WAIT = 90


def goodbye(last, error=0):
    return GoAwayFrame(0, last_stream_id=last, error_code=error)


class Moody:
    """The first connection to a recipient: silent until everything waits for it, then it takes
    some octets, says `words` when it may, and goes on with `ending`."""

    def __init__(self, recipient, *words, ending=lambda connection: None):
        self.words, self.ending = words, ending
        self.queued, self.began, self.may_speak, self.has_spoken, self.over = (
            threading.Event() for _ in range(5)
        )
        recipient.visit = self.visit

    def visit(self, connection, number):
        if number != 1:
            return True
        assert self.queued.wait(WAIT)
        connection.sendall(GOOD_MANNERS.serialize())
        taken = 0
        while taken < 20000:  # requests have begun to come, and nothing more is read
            taken += len(connection.recv(4096))
        self.began.set()
        assert self.may_speak.wait(WAIT)
        connection.sendall(b"".join(word.serialize() for word in self.words))
        self.has_spoken.set()
        self.ending(connection)
        self.over.set()
        return False


def read_on(connection):
    while connection.recv(65536):
        pass


def ask_for_many(home):
    """Asks for much of the peer, and for a code of its own, whose answer says that the rest has
    come to it."""
    client = Http2(home.handset_port, home.authority.path)
    target = "/mc-1/resolve-ici?ici="
    streams = [client.get(f"{target}{THEIRS}&n={n}&x={LONG}") for n in range(QUEUED)]
    assert client.read(client.get(target + OURS), seconds=WAIT)
    return client, streams


def wait_until_gone(home, clients):
    deadline = time.monotonic() + WAIT
    while (gone := home.counter("requests", "client_gone")) < clients:
        assert time.monotonic() < deadline, f"{gone} of {clients} are gone"
        time.sleep(0.02)


@pytest.fixture
def small(world):
    """A Home CMP and a peer that can be made to take little at once."""
    b = world.recipient("b")
    b.codes[THEIRS] = "https://b.example.net/"
    home = home_and(world, b, carriage="query", waiting=1000, connections=2, connect_timeout="60s")
    home.handsets |= {"tls": home.listener["tls"], "http2": True}
    home.config["resolve"]["deadline"] = "60s"
    home.holds(**{OURS: "https://a.example.net/"})
    world.start()
    return home, b


GOODBYES = {
    "nothing was processed": [goodbye(0)],
    "one was processed": [goodbye(1), RstStreamFrame(1, error_code=8)],
    "an error": [goodbye(0, error=2)],
}


@pytest.mark.threads
@pytest.mark.parametrize("words", GOODBYES.values(), ids=GOODBYES)
def test_clients_leave_and_then_the_peer_does(small, words):
    home, b = small
    peer = Moody(b, *words, ending=read_on)
    clients = [ask_for_many(home)[0] for _ in range(CLIENTS)]
    peer.queued.set()
    assert peer.began.wait(WAIT)
    for client in clients:
        with client:
            pass
    wait_until_gone(home, CLIENTS * QUEUED)
    peer.may_speak.set()
    assert peer.over.wait(WAIT)  # the connection is closed when its last request has ended
    assert home.scan(THEIRS).status == 200


def die(connection):
    pass


@pytest.mark.threads
@pytest.mark.parametrize("ending", [read_on, die])
def test_what_was_not_processed_is_asked_again(small, ending):
    home, b = small
    peer = Moody(b, goodbye(0), ending=ending)
    client, streams = ask_for_many(home)
    with client:
        peer.queued.set()
        peer.may_speak.set()
        assert client.read(*streams, seconds=WAIT)
        assert [client.status[stream] for stream in streams] == [200] * QUEUED
    assert len(b.verified) == QUEUED


@pytest.mark.threads
def test_a_limit_that_is_lowered(small):
    """What is queued beyond it does not wait for the few that are not answered."""
    home, b = small
    peer = Moody(b, LOWERED, ending=lambda connection: b.stopping.wait(WAIT))
    clients = [ask_for_many(home) for _ in range(CLIENTS)]
    peer.queued.set()
    peer.may_speak.set()
    client, streams = clients[-1]
    last = streams[-QUEUED // 5 :]
    assert client.read(*last, seconds=WAIT)
    assert {client.status[stream] for stream in last} == {200}
    for client, _ in clients:
        with client:
            pass
