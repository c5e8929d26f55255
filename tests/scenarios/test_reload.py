# SPDX-License-Identifier: Apache-2.0
"""A changed configuration is taken while cmpd serves: whole, or not at all."""
import concurrent.futures
import copy
import signal
import socket

import httpx
import pytest
from daemon import CMPCTL, free_port, run
from frames import Http2
from hyperframe.frame import DataFrame
from reload import becomes, descriptors, gauge, reload
from test_keys import Open
from test_shutdown import backlog, opens

ICI = "1A0F1-COUNTED"
WAITING = 60


@pytest.fixture
def served(site):
    """One peer `b` with the key `site.first`, and a store that knows one ICI."""
    site.config["admin"] = {"socket": "admin.sock"}
    site.first = site.peer("b")
    codes(site, "codes.ndjson", "one")
    codes(site, "other.ndjson", "other")
    site.config["limits"] = {"request_timeout": "2m"}  # to idle, on a busy machine
    return site.start()


def codes(site, path, what):
    site.write_codes({"ici": ICI, "content": f"https://{what}.example/"}, path=path)


def use_other_codes(site):
    site.config["plugins"]["codes"]["path"] = "other.ndjson"


def content(site, key=None):
    """What the answer says, of one connection."""
    answer = site.ask(key or site.first, ICI)
    return answer.json["content"] if answer.status == 200 else answer.status


def test_nothing_changes_when_nothing_has_changed(served):
    told = reload(served)
    assert (told["added"], told["changed"], told["removed"], told["restart"]) == ([], [], [], [])
    assert set(told["carried_over"]) == {
        "listeners.peers", "peers.b", "plugins.hmac", "plugins.codes"
    }
    assert told["workers"] == 2
    assert content(served) == "https://one.example/"
    becomes(1, lambda: gauge(served, "alive"))


def test_options_peers_and_routes_change(served):
    open_one = Open(served)
    assert open_one.resolve(served.first) == 200
    other = served.peer("c")
    use_other_codes(served)
    served.config["plugins"]["table"] = {"use": "route_prefix"}
    served.config["resolve"] |= {"routes": ["table"], "ttl": 600}
    told = reload(served)
    assert told["added"] == ["peers.c", "plugins.table"]
    assert told["changed"] == ["plugins.codes", "resolve.routes", "resolve.ttl", "keys"]
    assert content(served) == "https://other.example/"
    assert content(served, other) == "https://other.example/"
    assert gauge(served, "codes", owner="codes") == 1
    assert open_one.resolve(other) == 200
    served.config["peers"].pop()
    served.issued.pop()
    del served.config["plugins"]["table"]
    del served.config["resolve"]["routes"]
    told = reload(served)
    assert told["removed"] == ["peers.c", "plugins.table"]
    assert content(served, other) == 401
    assert open_one.resolve(other) == 401
    assert open_one.resolve(served.first) == 200
    becomes(1, lambda: gauge(served, "alive"))
    assert gauge(served, "codes", owner="codes") == 1  # of the instance that is in force


def test_listeners_come_and_go(served):
    port = free_port()
    second = served.listener | {"name": "second", "bind": f"127.0.0.1:{port}"}
    served.config["listeners"].append(second)
    assert reload(served)["added"] == ["listeners.second"]
    assert served.ask(served.first, ICI, port=port).status == 200
    served.config["listeners"].pop()
    assert reload(served)["removed"] == ["listeners.second"]
    with pytest.raises(httpx.ConnectError):
        served.ask(served.first, ICI, port=port)
    assert content(served) == "https://one.example/"


def test_who_waits_for_a_listener_that_goes_is_served(site):
    """More than one turn of the worker takes in: a plugin holds it until the listener is to go."""
    b = site.peer("b")
    port = free_port()
    site.config |= {"workers": 1, "watchdog": {"stall": "50ms", "stuck_after": "1m"}}
    site.config["listeners"].append(
        site.listener | {"name": "second", "bind": f"127.0.0.1:{port}"}
    )
    go_on = site.folder / "go_on"
    site.store("store_fault", how="hold", hold="1m", until=str(go_on), where="lookup")
    site.start()
    with concurrent.futures.ThreadPoolExecutor(1 + WAITING) as pool:
        pool.submit(site.ask, b, "1A0F1-FAULT")
        site.wait_for_log("in lookup of special")
        asked = [pool.submit(site.ask, b, ICI, port=port) for _ in range(WAITING)]
        becomes(WAITING, lambda: backlog(port))
        site.config["listeners"].pop()
        site.write()
        site.signal(signal.SIGHUP)
        site.wait_for_log("but a plugin holds worker")
        go_on.touch()
        assert [a.result().status for a in asked] == [200] * WAITING
    becomes(False, lambda: opens(port))


def test_a_listener_comes_back_while_a_worker_still_has_it(site):
    """A plugin holds the worker, and the change that made it so is to be taken back."""
    b = site.peer("b")
    port = free_port()
    site.config |= {"admin": {"socket": "admin.sock"}, "watchdog": {"stall": "50ms", "stuck_after": "1m"}}
    second = site.listener | {"name": "second", "bind": f"127.0.0.1:{port}"}
    site.config["listeners"].append(second)
    until = site.folder / "until"
    site.store("store_fault", how="hold", hold="1m", until=str(until), where="lookup")
    site.start()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        pool.submit(site.ask, b, "1A0F1-FAULT")
        site.wait_for_log("in lookup of special")
        site.config["listeners"].pop()
        site.write()
        site.signal(signal.SIGHUP)  # commands wait for each other
        becomes(2, lambda: gauge(site, "alive"))
        site.config["listeners"].append(second)
        back = pool.submit(reload, site)
        try:
            becomes(2, lambda: site.log_text().count("listener second at "))
        finally:
            until.touch()
        assert back.result()["added"] == ["listeners.second"]
    assert site.ask(b, ICI, port=port).status == 200


def test_a_body_that_the_new_limit_cuts_does_not_pass_for_whole(site):
    """Its listener is gone, and its request goes by the limits from before."""
    site.peer("b")
    port = free_port()
    site.config |= {"admin": {"socket": "admin.sock"}, "workers": 1, "limits": {"body": "64K"}}
    site.config["listeners"].append(
        site.listener | {"name": "second", "bind": f"127.0.0.1:{port}"}
    )
    site.start()
    with Http2(port, site.authority.path) as connection:
        form = ("content-type", "application/x-www-form-urlencoded")
        stream = connection.get("/mc-3/resolve-ici", [form], end=False, method="POST")
        connection.send(DataFrame(stream, b"x" * 16384))
        connection.ping()
        site.config["limits"]["body"] = "4K"
        site.config["listeners"].pop()
        assert reload(site)["removed"] == ["listeners.second"]
        connection.send(DataFrame(stream, b"x" * 16384))
        assert connection.read(stream)
        assert connection.status[stream] == 413


def test_a_dry_run_changes_nothing(served):
    use_other_codes(served)
    served.peer("c")
    second = served.listener | {"name": "second", "bind": f"127.0.0.1:{free_port()}"}
    served.config["listeners"].append(second)
    told = reload(served, "--dry-run")
    assert told["added"] == ["listeners.second", "peers.c"] and "plugins.codes" in told["changed"]
    served.config["listeners"].pop()
    assert content(served) == "https://one.example/"
    assert reload(served)["added"] == ["peers.c"]
    assert content(served) == "https://other.example/"
    assert [line for line in served.log() if "listener second" in line["message"]] == []


def test_people_are_told_in_words(served):
    served.peer("c")
    served.config["workers"] = 3
    path = served.write()
    ended = run(CMPCTL, "reload", "--config", path)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "added: peers.c",
        "changed: keys",
        "carried over: 1 listeners",
        "carried over: 1 peers",
        "carried over: 2 plugins",
        "needs a restart: workers",
        "in force on 2 workers",
    ]


def test_a_hang_up_reloads_as_well(served):
    use_other_codes(served)
    served.write()
    served.signal(signal.SIGHUP)
    line = served.wait_for_log("the new configuration is in force on 2 workers")
    assert "0 added, 1 changed, 0 removed" in line["message"]
    assert content(served) == "https://other.example/"


def test_the_log_changes_its_level_and_form(served):
    served.config["log"] = {"level": "warning", "format": "text"}
    reload(served)
    served.config["log"] = {"level": "debug", "format": "json"}
    reload(served)
    assert content(served) == "https://one.example/"
    served.wait_for_log('"request"')


# ---- what is wrong changes nothing ----

# The keyring takes effect by itself: before the reload, its keys may be of peers yet to come.
OF_THE_WATCH = "the keys read before stay in use"


WRONG = {
    "a word that nobody knows": (
        lambda s: s.config.__setitem__("resolv", {}),
        "resolv: unknown key",
    ),
    "an option of a plugin": (
        lambda s: s.config["plugins"]["hmac"].__setitem__("colour", "red"),
        "plugins.hmac.colour: unknown key",
    ),
    "what a plugin finds itself": (
        lambda s: s.config["plugins"]["codes"].__setitem__("path", "absent.ndjson"),
        "plugins.codes.path: ",
    ),
    "a plugin that is none": (
        lambda s: s.config["plugins"].__setitem__("new", {"use": "bad_symbol"}),
        "plugins.new.use: ",
    ),
    "a plugin that dies": (
        lambda s: s.config["plugins"].__setitem__("new", {"use": "bad_crash"}),
        "plugins.new.use: ",
    ),
    "a certificate": (
        lambda s: s.listener.__setitem__("tls", s.listener["tls"] | {"certificate": "no.pem"}),
        "listeners[0].tls.certificate: cannot use ",
    ),
    "a peer's CA": (
        lambda s: s.config["peers"].append(
            {
                "name": "c",
                "host": "c.example.net",
                "url": "https://127.0.0.1:1",
                "sign_with": "hmac",
                "tls": {"ca": "no.pem"},
            }
        ),
        "peers[1].url[0]: cannot use the CA ",
    ),
    "a key of nobody": (lambda s: s.key("nobody"), "issued[2].peer: there is no such peer"),
    "a keyring that was emptied": (
        lambda s: (setattr(s, "keep_keyring", True), (s.folder / "keys.yaml").write_text("")),
        "the keyring is empty",
    ),
    "an address": (
        lambda s: s.config["listeners"].append(
            s.listener | {"name": "new", "bind": "192.0.2.1:8443"}
        ),
        "listeners[1].bind",
    ),
    "an address that is taken": (
        lambda s: s.config["listeners"].append(s.listener | {"name": "new", "bind": s.taken}),
        "listeners[1].bind",
    ),
}


@pytest.mark.parametrize("sort", WRONG)
def test_an_error_changes_nothing(served, sort):
    make_wrong, words = WRONG[sort]
    with socket.create_server(("127.0.0.1", 0)) as other:
        served.taken = f"127.0.0.1:{other.getsockname()[1]}"
        open_one = Open(served)
        assert open_one.resolve(served.first) == 200
        good, before = copy.deepcopy(served.config), descriptors(served)
        # Things that would be good by themselves are not taken either.
        extra = served.peer("extra") if sort != "a peer's CA" else None
        if "itself" not in sort:
            use_other_codes(served)
        make_wrong(served)
        for line in ("the new configuration is not taken", words.rstrip(), OF_THE_WATCH):
            served.expect_error(line)
        for words_of_reload in ((), ("--dry-run",)):
            lines = reload(served, *words_of_reload, good=False)
            assert any(words in line for line in lines), lines
        assert lines[-1].endswith("the configuration before stays in force")
    assert content(served) == "https://one.example/"
    assert open_one.resolve(served.first) == 200
    if extra is not None:
        assert content(served, extra) == 401
    becomes(before, lambda: descriptors(served))
    assert gauge(served, "alive") == 1
    served.config, served.keep_keyring = good, False
    served.issued = [served.first]
    told = reload(served)
    assert (told["added"], told["removed"]) == ([], [])
