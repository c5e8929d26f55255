# SPDX-License-Identifier: Apache-2.0
"""A reload while plugins wait, block, hang, or hold a worker: what is under way ends with the plugin
that it began with, and what does not end holds its own configuration and nothing else."""
import signal
import threading

import pytest
from reload import becomes, gauge, reload
from stores import grown
from test_hanging import GOOD, HANGS, ask_in_vain, end, hanging, unavailable

pytestmark = pytest.mark.threads
MANY = 8


def alive(site):
    return gauge(site, "alive")


class Asking:
    """Requests that are under way."""

    def __init__(self, site, key, ici, count=MANY):
        self.answers = []
        self.threads = [threading.Thread(target=self.ask, args=(site, key, ici))
                        for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def ask(self, site, key, ici):
        self.answers.append(site.ask(key, ici))

    def end(self):
        for thread in self.threads:
            thread.join()
        return {(a.status, a.json.get("content")) for a in self.answers}


@pytest.mark.parametrize("use", ["store_async", "store_blocking"])
def test_what_is_under_way_ends_as_it_began(site, use):
    site.config["admin"] = {"socket": "admin.sock"}
    key = site.peer("b")
    site.config["resolve"]["deadline"] = "60s"
    begun, go_on = site.folder / "begun", site.folder / "go_on"
    options = {"delay": "1m", "until": str(go_on), "begun": str(begun), "ici": "1A0F1-X"}
    options |= {"path": str(site.folder / "ended")} if use == "store_async" else {}
    site.store(use, content="https://old.example/", **options)
    site.start()
    asking = Asking(site, key, "1A0F1-X")
    grown(begun, MANY)
    site.config["plugins"]["special"] |= {"content": "https://new.example/", "delay": "10ms"}
    reload(site)
    assert alive(site) == 2
    assert site.ask(key, "1A0F1-X").json["content"] == "https://new.example/"
    go_on.touch()
    assert asking.end() == {(200, "https://old.example/")}
    becomes(1, lambda: alive(site))


def test_what_hangs_keeps_its_own_configuration_only(site):
    key = hanging(site, how="hang", transactions=4)
    socket = site.config["admin"]["socket"]
    assert socket.endswith("admin")
    for _ in range(3):
        assert unavailable(site.ask(key, HANGS))
    assert unavailable(site.ask(key, HANGS)) and site.counter("special", "not_asked") == 1
    for n in range(5):
        site.config["plugins"]["special"] = {"use": "store_fault", "ici": f"1A0F1-{n}"}
        site.config["resolve"]["max_hops"] = 3 + n
        reload(site, socket=socket)
        assert site.ask(key, GOOD["ici"]).status == 200
        assert site.ask(key, HANGS).status == 200  # the new instance knows all others
        becomes(2, lambda: gauge(site, "alive", socket=socket))
    site.wait_for_log("has not answered")  # so many of them as are overdue then
    end(site)
    assert "still hangs: it has not answered 3 operations" in site.log_text()


def test_what_hangs_on_the_pool_keeps_its_instance_only(site):
    go_on = site.folder / "go_on"
    key = hanging(site, use="store_blocking", delay="5m", until=str(go_on), ici=HANGS)
    socket = site.config["admin"]["socket"]
    assert unavailable(site.ask(key, HANGS))
    site.config["plugins"]["special"] |= {"delay": "0ms"}
    site.config["resolve"]["deadline"] = "30s"  # from now on everything is answered
    reload(site, socket=socket)
    becomes(1, lambda: gauge(site, "alive", socket=socket))
    assert site.ask(key, HANGS).status == 200
    site.wait_for_log("has not answered 1 operations")  # only of those it tells the end
    go_on.touch()
    site.wait_for_log("plugin store_blocking has answered the last of them to worker 0")
    site.stop()


def test_a_worker_that_a_plugin_holds_takes_it_later(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["watchdog"] = {"stuck_after": "2m"}
    key = site.peer("b")
    go_on = site.folder / "go_on"
    site.store("store_fault", how="hold", hold="1m", until=str(go_on))
    site.start()
    asking = threading.Thread(target=ask_in_vain, args=(site, key))
    asking.start()
    site.wait_for_log("in lookup of special (store_fault)")
    site.config["resolve"]["max_hops"] = 3
    site.write()
    site.signal(signal.SIGHUP)  # the worker with the admin socket may be the one that is held
    site.wait_for_log("the new configuration is in force, but a plugin holds worker")
    go_on.touch()
    asking.join()
    site.wait_for_log("the new configuration is in force on 2 workers")
    becomes(1, lambda: alive(site))
