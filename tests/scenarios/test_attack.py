"""Strangers attack the listener for peers; partners and handsets do not notice (tests/attack)."""
import time

import attack
import pytest
from attack import Memory
from daemon import BUILD, free_port

ICI = "1A0F1-MENU"
MEMORY_MB = 64
LOG_LINES = 100
SANITIZED = "CMPD_SANITIZE:STRING=\n" not in (BUILD / "CMakeCache.txt").read_text()


@pytest.fixture
def front(site):
    return Front(site)


class Front:
    """One worker, a listener for peers and one for handsets; logs what it does by default."""

    def __init__(self, site):
        self.site = site
        self.key = site.peer("b")
        self.handsets = free_port()
        site.config |= {"workers": 1, "admin": {"socket": "admin.sock"}}
        site.config["log"] = {"level": "notice", "format": "json"}
        site.config["listeners"].append(
            {
                "name": "handsets",
                "bind": f"127.0.0.1:{self.handsets}",
                "interfaces": ["mc-1"],
                "tls": dict(site.listener["tls"]),
            }
        )
        site.write_codes({"ici": ICI, "content": "https://a.example.net/menu"})

    def partner_is_served(self):
        assert self.site.ask(self.key, ICI).status == 200

    def handset_is_served(self):
        path = "/mc-1/resolve-ici"
        assert self.site.send({"ici": ICI}, path=path, port=self.handsets).status == 200

    def endures(self, name, **options):
        """Bears an attack on the listener for peers; returns what came of it."""
        self.site.start()
        self.partner_is_served()
        memory = Memory(self.site.process.pid)
        idle_mb = memory.now_mb()
        stranger = attack.start(name, self.site.port, **options)
        while stranger.poll() is None:
            self.handset_is_served()
            time.sleep(0.05)  # the rate of one address
        came_of_it = attack.outcome(stranger)
        self.partner_is_served()
        self.handset_is_served()
        if not SANITIZED:  # they keep what was freed
            assert memory.most_mb() <= idle_mb + MEMORY_MB, came_of_it
        assert self.site.log_text().count("\n") <= LOG_LINES, came_of_it
        return came_of_it


def test_requests_that_depend_on_themselves(front):
    assert front.endures("made-you-reset-priority")["ended"] > 0


def test_priority_frames(front):
    told = front.endures("priority-flood")
    assert told["ended"] > 0 and told["calm"] > 0


def test_changes_of_the_size_of_the_table(front):
    assert front.endures("hpack-updates")["ended"] > 0


def test_new_keys_over_and_over(front):
    assert front.endures("key-updates")["ended"] > 0


def test_half_handshakes(front):
    assert front.endures("half-handshakes")["opened"] > 0


def test_handshakes(front):
    assert front.endures("handshakes")["opened"] > 0


@pytest.mark.parametrize("name", ["json-nested", "json-members"])
def test_json_that_is_expensive_to_read(front, name):
    assert front.endures(name)["answers"] > 0


def test_bad_signatures(front):
    assert front.endures("bad-signatures")["answers"] > 0


@pytest.mark.parametrize("name", ["slow-head", "slow-body", "idle"])
def test_requests_that_take_for_ever(front, name):
    """Each is ended at the request's time limit, however many octets came meanwhile."""
    front.site.config["limits"] = {"request_timeout": "1s"}
    told = front.endures(name, seconds=2, connections=50)
    assert told["ended"] >= 50
    assert told["longest_ms"] < 2000
