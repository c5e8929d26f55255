# SPDX-License-Identifier: Apache-2.0
"""A plugin that holds its thread: who is named, who is served, and what is done about it."""
import json
import signal
import threading
import time

import httpx
import pytest
from daemon import CMPCTL, run
from patience import PATIENCE

HELD = "1A0F1-FAULT"


class Asking(threading.Thread):
    """One request whose answer takes its time."""

    def __init__(self, site, key):
        super().__init__()
        self.site, self.key = site, key
        self.answer = None
        self.start()

    def run(self):
        try:
            self.answer = self.site.ask(self.key, HELD)
        except httpx.TransportError as error:
            self.answer = error


def holding(site, *, hold="5m", where="lookup", **watchdog):
    """Starts it with a plugin that holds its thread so long, or until `let_go`."""
    key = site.peer("b")
    after, until = site.folder / "started", site.folder / "let-go"
    site.store(
        "store_fault", how="hold", hold=hold, after=str(after), until=str(until), where=where
    )
    site.config["admin"] = {"socket": str(site.folder / "admin")}
    site.config["watchdog"] = watchdog
    site.start()
    after.touch()
    return key


def let_go(site):
    (site.folder / "let-go").touch()


def listening(site):
    """How many sockets listen on its port."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[1].endswith(f":{site.port:04X}") and row[3] == "0A" for row in rows)


def lines_about_it(site):
    return [line for line in site.log() if "in lookup of special" in line["message"]]


def wait_until(condition, what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def stats(site):
    ended = run(CMPCTL, "stats", "--config", site.folder / "cmpd.yaml", "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_call_that_holds_a_worker_is_named_while_it_lasts(site):
    key = holding(site, stall="200ms", stuck_after="1h")
    began = time.monotonic()
    asking = Asking(site, key)
    line = site.wait_for_log("in lookup of special (store_fault)")
    assert asking.is_alive()
    took_ms = (time.monotonic() - began) * 1000
    assert (line["level"], line["area"]) == ("warning", "watchdog")
    assert line["message"].startswith("worker ")
    held_ms = int(line["message"].split()[-2])
    assert 200 <= held_ms <= took_ms
    wait_until(lambda: len(lines_about_it(site)) == 2, "it is not told once more")
    let_go(site)  # long before the next, after 20 s
    asking.join()
    assert asking.answer.status == 200
    site.wait_for_log("moves again")
    site.stop()
    # Ten times as long is told once more; and that is all.
    assert len(lines_about_it(site)) == 2


def test_a_call_that_takes_less_is_not(site):
    key = holding(site, hold="50ms", stall="1m", stuck_after="2m")
    for _ in range(5):
        assert site.ask(key, HELD).status == 200
    site.stop()
    assert not [line for line in site.log() if line["area"] == "watchdog"]


def test_a_worker_that_is_stuck_gets_no_new_connections_until_it_moves(site):
    key = holding(site, stall="50ms", stuck_after="300ms")
    site.expect_error("is stuck in lookup of special")
    assert listening(site) == 2
    asking = Asking(site, key)
    line = site.wait_for_log("is stuck in lookup of special (store_fault)")
    assert line["level"] == "error"
    wait_until(lambda: listening(site) == 1, "the worker still listens")
    for _ in range(10):
        assert site.ask(key, "1A0F1-GOOD").status == 200
    assert asking.is_alive()  # so nobody has waited for the worker that it holds
    let_go(site)
    asking.join()
    assert asking.answer.status == 200
    site.wait_for_log("moves again")
    wait_until(lambda: listening(site) == 2, "the worker does not come back")
    site.wait_for_log("takes new connections again on listener peers")
    for _ in range(20):
        assert site.ask(key, "1A0F1-GOOD").status == 200


def test_the_only_worker_comes_back_to_its_port(site):
    """Which the kernel has chosen."""
    key = holding(site, hold="1s", stall="50ms", stuck_after="300ms")
    site.stop()
    site.expect_error("is stuck in lookup of special")
    site.config["workers"] = 1
    site.listener["bind"] = "127.0.0.1:0"
    site.start()
    bound = [line for line in site.log() if line["message"].startswith("listener peers at ")][-1]
    site.port = int(bound["message"].rsplit(":", 1)[1])
    assert Asking(site, key).join() is None
    wait_until(lambda: listening(site) == 1, "the worker does not come back")
    assert site.ask(key, "1A0F1-GOOD").status == 200


def test_readiness_falls_and_comes_back(site):
    holding(site, where="control", stall="50ms", stuck_after="300ms")
    site.expect_error("the control thread is stuck in a timer of special (store_fault)")
    site.wait_for_log("the control thread is stuck")
    held = stats(site)
    assert not held["ready"]
    stuck = [thread for thread in held["threads"] if thread["stuck"]]
    assert [thread["thread"] for thread in stuck] == ["the control thread"]
    assert stuck[0]["in"] == "a timer of special (store_fault)"
    assert stuck[0]["held_ms"] >= 300
    shown = run(CMPCTL, "stats", "--config", site.folder / "cmpd.yaml").stdout
    assert "(stuck), in a timer of special (store_fault)" in shown
    let_go(site)
    site.wait_for_log("the control thread moves again")
    assert stats(site)["ready"]
    assert site.counter("special", "stalls") == 1


def test_by_option_the_process_ends_with_the_name(site):
    key = holding(site, hold="1m", stall="50ms", stuck_after="300ms", when_stuck="abort")
    site.expect_error("is stuck in lookup of special")
    site.expect_error("the process ends")
    asking = Asking(site, key)
    assert site.wait() == -signal.SIGABRT
    asking.join()
    last = site.log("error")[-1]["message"]
    assert last.startswith("signal SIGABRT in lookup of special (store_fault), on worker ")


@pytest.mark.parametrize("stuck_after", ["100ms", "50ms"])
def test_stuck_comes_after_stalled(site, stuck_after):
    site.peer("b")
    site.config["watchdog"] = {"stall": "100ms", "stuck_after": stuck_after}
    with pytest.raises(AssertionError, match="watchdog.stuck_after"):
        site.start()
