# SPDX-License-Identifier: Apache-2.0
"""What is good, but most likely not meant: `cmpd -t` warns of it, with its place, and says good."""
import re
import socket

import pytest
from daemon import CMPD, run


def warnings(site):
    """`key: text` of each warning."""
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith(": good\n")
    told = [line for line in ended.stderr.splitlines() if "warning: " in line]
    for line in told:
        assert re.match(r"\S+cmpd\.yaml:\d+:\d+: warning: ", line), line
    return [line.split("warning: ", 1)[1] for line in told]


def test_nothing_to_warn_of(site):
    site.peer("b")
    assert warnings(site) == []


def test_an_instance_that_nobody_uses(site):
    site.config["plugins"]["spare"] = {"use": "route_addr"}
    (told,) = warnings(site)
    assert told.startswith("plugins.spare: ") and "uses it" in told
    site.config["resolve"]["routes"] = ["spare"]
    assert warnings(site) == []


def test_a_key_that_is_fresh_for_longer_than_it_is_remembered(site):
    """A tid may lie max_skew ahead, and is taken until max_skew behind: twice that in all."""
    for name, skew in (("ends", "150s"), ("early", "151s"), ("old", "10m")):
        site.peer(name, key={"tid_format": "uuidv7", "max_skew": skew, "id": name})
    past = {"tid_format": "uuidv7", "max_skew": "1h", "not_after": "2020-01-01T00:00:00Z"}
    site.key("ends", id="past", **past)
    early, old = warnings(site)
    assert early.startswith("replay.window: a request signed with early can be used twice: ")
    assert "stays fresh for 302 s, but is remembered for 300 s only" in early
    assert "set window to 1200 s or more, or that max_skew to 150 s or less" in old
    site.config["replay"] = {"window": "20m"}
    assert warnings(site) == []


def test_a_port_in_use(site):
    with socket.create_server(("127.0.0.1", site.port)):
        (told,) = warnings(site)
    assert told == (
        f"listeners[0].bind[0]: 127.0.0.1:{site.port} cannot be bound: it is in use now"
    )
    assert warnings(site) == []


def test_an_address_that_is_not_ours(site):
    site.listener["bind"] = [f"127.0.0.1:{site.port}", "203.0.113.7:443"]
    (told,) = warnings(site)
    assert told.startswith("listeners[0].bind[1]: 203.0.113.7:443 cannot be bound: this machine has")


@pytest.mark.parametrize(
    "days, words", [(13.9, "ends in 13 days, at 20"), (14.1, None), (0.5, "ends in 0 days"),
                    (-0.5, "has expired, at 20")]
)
def test_a_certificate_that_ends_soon(site, days, words):
    certificate, key = site.authority.issue("a.example.net", days=days)
    site.listener["tls"] = {"certificate": str(certificate), "key": str(key)}
    told = warnings(site)
    if words is None:
        assert told == []
    else:
        assert len(told) == 1 and told[0].startswith("listeners[0].tls.certificate: ")
        assert words in told[0]


def test_a_certificate_of_ours_for_a_peer_that_ends_soon(site):
    certificate, key = site.authority.issue("a.example.net", days=3.5)
    site.peer(
        "b",
        host="b.example.net",
        url="https://b.example.net:8443",
        sign_with="none",
        tls={"certificate": str(certificate), "key": str(key)},
    )
    (told,) = warnings(site)
    assert told.startswith("peers[0].tls.certificate: ") and "ends in 3 days" in told


def test_a_peer_that_we_have_no_key_for(world):
    home, b = world.cmp("a", "1A0F1"), world.recipient("b")
    world.join(home, b, prefixes=["2B001"])
    home.routes(table={"use": "route_prefix"})
    assert warnings(home) == []
    home.received[0].options["not_after"] = "2026-01-01T00:00:00Z"
    expired = warnings(home)
    home.received.clear()
    assert warnings(home) == expired
    assert expired == [
        "peers[0].sign_with: no key received from b is valid now: what has to go there is answered "
        "with 500"
    ]


def test_nobody_who_may_ask_has_a_key(site):
    key = site.peer("b")
    site.config["peers"].append({"name": "silent", "allow": {"interfaces": []}})
    assert warnings(site) == []
    key.options["not_after"] = "2026-01-01T00:00:00Z"
    expired = warnings(site)
    site.issued.clear()
    assert warnings(site) == expired
    assert expired == [
        "listeners[0].authenticate: no key issued to a peer that may ask here is valid now: what they "
        "sign is answered with 401; cmpctl keys issue makes one, and peers that are only asked have "
        "allow: {interfaces: []}"
    ]
    site.key("silent")
    assert warnings(site) == expired
    site.config["peers"][0]["allow"]["interfaces"] = []  # nobody is to ask
    assert warnings(site) == []


def test_a_peer_that_requests_go_to_has_no_url(world):
    home, b = world.cmp("a", "1A0F1"), world.recipient("b")
    world.join(home, b, prefixes=["2B001"])
    c = {"name": "c", "host": "c.example.net", "prefixes": ["3C001"], "allow": {"interfaces": []}}
    home.config["peers"].append(c)
    assert warnings(home) == []  # no route goes there
    home.routes(table={"use": "route_prefix"})
    assert warnings(home) == [
        "peers[1].prefixes: c has no url: what a route sends there is answered with 502"
    ]
    home.config["plugins"]["table"]["mode"] = "referral"
    assert warnings(home) == []
    home.routes(registry={"use": "route_mcr", "peer": "c"})
    assert warnings(home) == [
        "plugins.registry.peer: c has no url: what goes there is answered with 502"
    ]


def test_a_start_logs_what_a_check_says(site):
    site.config["plugins"]["spare"] = {"use": "route_addr"}
    site.start()
    (line,) = [line for line in site.log("warning") if line["area"] == "conf"]
    assert re.search(r"cmpd\.yaml:\d+:\d+: plugins\.spare: ", line["message"])


def test_errors_are_told_alone(site):
    site.config["plugins"]["spare"] = {"use": "route_addr"}
    site.config["wrokers"] = 1
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1 and "warning" not in ended.stderr


def test_one_port_of_every_address_and_of_one(site):
    site.listener["bind"] = ["0.0.0.0:8443", "127.0.0.1:8443"]
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1
    assert 'bind[1]: "127.0.0.1:8443" has the port of "0.0.0.0:8443" at ' in ended.stderr
