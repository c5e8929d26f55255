# SPDX-License-Identifier: Apache-2.0
"""`cmpctl plugins`: of each plugin of the running daemon its file and its ABI, and of each instance how
it fares."""
import json
import threading

import pytest
from abi import ABI
from daemon import CMPCTL, PLUGINS, TEST_PLUGINS, run
from stores import eventually


@pytest.fixture
def asked(site):
    """A site with an admin socket, and the peer b; not started yet."""
    site.b = site.peer("b")
    site.config["admin"] = {"socket": "admin.sock"}
    return site


def plugins(site, *words):
    ended = run(CMPCTL, "plugins", "--config", site.folder / "cmpd.yaml", *words)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def told(site):
    return json.loads(plugins(site, "--json"))


def instance(site, name):
    [found] = [i for p in told(site)["plugins"] for i in p["instances"] if i["instance"] == name]
    return found


def test_each_plugin_with_its_file(asked):
    asked.config["plugins"]["more"] = {"use": "store_file", "path": "codes.ndjson"}
    asked.write_codes({"ici": "1A0F1-1", "content": "one"})
    asked.start()
    for _ in range(3):
        assert asked.ask(asked.b, "1A0F1-1").status == 200
    said = told(asked)
    assert said["abi"] == ABI
    assert [(p["plugin"], p["kind"], p["version"], p["abi"], p["file"]) for p in said["plugins"]] == [
        ("auth_hmac", "auth", "1.0", ABI, f"{PLUGINS}/auth_hmac.so"),
        ("store_file", "store", "1.0", ABI, f"{PLUGINS}/store_file.so"),
    ]
    assert [i["instance"] for i in said["plugins"][1]["instances"]] == ["codes", "more"]
    nothing = {"unavailable": 0, "errors": 0, "late_answers": 0, "under_way": 0, "stalls": 0}
    nothing |= {"longest_stall_ms": 0, "blocks": False, "commands": []}
    assert instance(asked, "hmac") == {"instance": "hmac", "calls": 3} | nothing
    for name, calls in (("codes", 3), ("more", 0)):
        said = instance(asked, name)
        assert [c["name"] for c in said["commands"]] == ["accept"]
        assert said == {"instance": name, "calls": calls} | nothing | {"commands": said["commands"]}
    text = plugins(asked)
    assert f"store_file (store, version 1.0, plugin ABI {ABI}) {PLUGINS}/store_file.so\n" in text
    assert "  codes: 3 calls, 0 unavailable, 0 errors, 0 late\n" in text


@pytest.mark.parametrize("use, blocks", [("store_async", False), ("store_blocking", True)])
def test_answers_that_nobody_waits_for(asked, use, blocks):
    """What is cancelled and says so is not late; what goes on until later is."""
    path = {"path": "trace"} if use == "store_async" else {}
    begun = asked.folder / "begun"
    asked.store(use, delay="3s", ici="1A0F1-1", begun=str(begun), **path)
    asked.config["resolve"]["deadline"] = "1s"
    asked.start()
    times = 0
    while not begun.exists() or begun.stat().st_size == 0:  # the pool may have come too late
        assert asked.ask(asked.b, "1A0F1-1").status in (503, 504)
        times += 1
    eventually(lambda: instance(asked, "special")["under_way"] == 0)
    said = instance(asked, "special")
    late = begun.stat().st_size if blocks else 0
    assert (said["calls"], said["late_answers"], said["blocks"]) == (times, late, blocks)


def test_answers_that_say_nothing(asked):
    """Which is no error."""
    asked.config["plugins"]["way"] = {"use": "route_fixed", "answer": "unavailable"}
    asked.config["resolve"]["routes"] = ["way"]
    asked.start()
    asked.ask(asked.b, "2B001-1")
    said = instance(asked, "way")
    assert (said["calls"], said["unavailable"], said["errors"]) == (1, 1, 0)


def test_rules_that_were_broken(asked):
    asked.expect_error("lookup: content: 0 octets")
    asked.store("store_says", says="empty")
    asked.start()
    asked.ask(asked.b, "1A0F1-1")
    said = instance(asked, "special")
    assert (said["calls"], said["unavailable"], said["errors"]) == (1, 0, 1)


def test_the_longest_stall(asked):
    go_on = asked.folder / "go-on"
    asked.store("store_fault", how="hold", hold="1m", until=str(go_on), where="lookup")
    asked.config["watchdog"] = {"stall": "50ms", "stuck_after": "2m"}
    asked.start()
    asking = threading.Thread(target=asked.ask, args=(asked.b, "1A0F1-FAULT"))
    asking.start()
    asked.wait_for_log("in lookup of special")
    go_on.touch()
    asking.join()
    said = instance(asked, "special")
    assert said["stalls"] == 1 and 50 <= said["longest_stall_ms"] <= 60000

    def shown():  # the watchdog may measure once more
        longest_ms = instance(asked, "special")["longest_stall_ms"]
        return f"1 stalls (longest {longest_ms} ms)" in plugins(asked)

    eventually(shown)
