# SPDX-License-Identifier: Apache-2.0
"""What strangers and peers cause is logged, but not as often as they cause it: the log says how many
lines it left out, and stays of a size that can be read. A log that cannot be written stops nobody."""
import fcntl
import os
import re
import select
import time

import pytest
from frames import Http2
from hyperframe.frame import ExtensionFrame
from stores import eventually
from world import home_and

from daemon import message

ICI = "2B001-1"
ASKED = 100


def wait_until_readable(descriptor):
    assert select.select([descriptor], [], [], 10)[0], "nothing more is said"


@pytest.fixture
def guarded(site):
    site.peer("b")
    site.start()
    return site


def ask_until_told(site, words, what, ask):
    """Asks many times, until the log tells by itself, now that it is quiet, what it left out: a
    line that is shown tells of those before it, and then there is nothing more to tell. Returns how
    often it has asked."""
    for _ in range(ASKED):
        ask()
    asked = ASKED

    def told():
        nonlocal asked
        if f"more {what} were not logged" in site.log_text():
            return True
        if site.log_count(words, what)[1] == asked:
            ask()
            asked += 1
        return False

    eventually(told)
    return asked


def test_a_peer_that_is_gone(world):
    b = world.recipient("b")
    home = home_and(world, b)
    world.start()
    b.stop()

    def ask():
        assert home.scan(ICI).status == 502

    asked = ask_until_told(home, "peer b, 127.0.0.1", "failures", ask)
    home.stop()
    shown, all_lines = home.log_count("peer b, 127.0.0.1", "failures")
    assert all_lines == asked
    assert shown < asked / 2


def test_bad_signatures(guarded):
    forged = message(None, "1A0F1-1", tid="t-1") | {"apikeyid": "b-1", "signature": "00" * 32}

    def ask():
        assert guarded.send(forged).status == 401

    asked = ask_until_told(guarded, "rejected: ", "rejections", ask)
    line = guarded.wait_for_log("more rejections were not logged")
    assert line["source"] == "127.0.0.1"
    guarded.stop()
    shown, all_lines = guarded.log_count("rejected: ", "rejections")
    assert all_lines == asked
    assert shown < asked / 2


def test_what_was_left_out_is_counted(guarded):
    forged = message(None, "1A0F1-1", tid="t-1") | {"apikeyid": "b-1", "signature": "00" * 32}
    for _ in range(ASKED):
        guarded.send(forged)
    guarded.stop()
    line = guarded.wait_for_log("log not_logged ")
    shown, all_lines = guarded.log_count("rejected: ", "rejections")
    assert int(line["message"].split()[-1]) == all_lines - shown


def test_frames_that_libh2o_complains_about(guarded):
    with Http2(guarded.port, guarded.authority.path) as client:
        odd = ExtensionFrame(type=0xBB, stream_id=0, body=b"what is this?")
        try:
            for _ in range(20):
                client.send(*[odd] * 100)
        except OSError:
            pass  # ended for it, which is as good
    guarded.stop()
    assert len(guarded.log_text().splitlines()) < ASKED


# ---- a log that cannot be written ----


@pytest.fixture
def alone(world):
    a = world.cmp("a", "1A0F1")
    a.holds(**{"1A0F1_1": "x"})
    a.mute = True  # its log cannot be read
    return a


def serves(node):
    for _ in range(ASKED):
        assert node.scan("1A0F1-1").status == 200
    return node.counter("log", "not_written")


def test_a_full_disk(alone):
    (alone.folder / "log").symlink_to("/dev/full")
    alone.start()
    assert serves(alone) >= ASKED


def test_a_pipe_that_nobody_reads(alone):
    pipe = alone.folder / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    alone.start()
    lost = serves(alone)
    assert 0 < lost < ASKED + 20
    os.read(reader, 65536)
    alone.scan("1A0F1-1")
    said = b""
    while b"lines could not be written: Resource temporarily unavailable" not in said:
        wait_until_readable(reader)
        said += os.read(reader, 65536)
    os.close(reader)


def test_what_a_plugin_logs_is_one_line_each_and_not_too_many(site):
    """It says 10,000 times what has a newline, and behind it what looks like a line of the log."""
    key = site.peer("b")
    site.store("store_fault", how="lines")
    site.config["log"]["format"] = "text"
    site.start()
    began = time.monotonic()
    assert site.ask(key, "1A0F1-FAULT").status == 200
    took_s = time.monotonic() - began
    site.stop()
    lines = [line for line in site.log_text().splitlines() if "error forged" in line]
    rest = [line for line in lines if "more lines of this kind were not logged" in line]
    said = [line for line in lines if line not in rest]
    assert 1 <= len(said) <= 60 + took_s and rest
    for line in said:
        assert re.match(r"\S+Z warning special: line \d+\\x0a2026-01-01", line), line
        assert "\\x1b[2J" in line and "\x1b" not in line
    counts = re.compile(r" (?:special: |not_logged=)(\d+)")
    left_out = sum(int(count) for line in lines for count in counts.findall(line))
    assert len(said) + left_out == 10_000


def test_a_plugins_reason_is_no_line_of_its_own(site):
    site.config["plugins"]["forging"] = {"use": "auth_forging"}
    site.listener["authenticate"] = ["forging"]
    site.config["log"]["format"] = "text"
    key = site.peer("b")
    site.start()
    answer = site.ask(key, "1A0F1-1")
    assert answer.status == 401
    assert "forged" not in answer.body.decode()
    site.stop()
    assert "\\x0a2026-01-01T00:00:00.000Z error daemon: forged\\x1b[2J" in site.log_text()
    assert not [line for line in site.log_text().splitlines() if line.startswith("2026-01-01")]
