# SPDX-License-Identifier: Apache-2.0
"""Plugins that say what cannot be: the requestor gets the error that fits, the operator one line with
the instance, what was asked and the field, and other requests are answered meanwhile."""
import pytest
from daemon import CMPCTL, run
from signing import uuid7
from world import home_and

GOOD = "1A0F1-GOOD"

STORES = {
    "nowhere": "content: 7 octets at no address",
    "empty": "content: 0 octets",
    "no_utf8": "content: is no UTF-8",
    "nul": "content: is no UTF-8, or has a NUL in it",
    "huge": "content: 67108864 octets, expected are 1 to 65536",
    "type": "content_type: is not visible ASCII",
    "host": "transferred_to: is no fully qualified host name",
    "long_host": "transferred_to: ",
    "both": "transferred_to: is there, and content too",
    "status": "status: 7 is none",
    "ttl": "ttl_s: 4000000000 seconds",
    "times": "not_after_ms: is not later than not_before_ms",
    "variants": "variants: 7 at no address",
    "variant": "variants[0].content: 7 octets at no address",
    "conditions": "variants[0].conditions: 3 at no address",
    "verdict": "verdict: 99 is none",
    "pending": "answered PENDING",
}

VERIFIERS = {
    "once": "once: 55 is none",
    "nobody": "peer: 0 octets at no address",
    "nowhere": "peer: 1 octets at no address",
    "credential": "credential: is not visible ASCII",
    "verdict": "verdict: 77 is none",
}

SIGNERS = {
    "sign_long": "size: 100000 octets, expected are 1 to 192",
    "sign_nothing": "size: 0 octets",
    "sign_lines": "text: is not visible ASCII",
    "sign_as_lines": "apikeyid: is not visible ASCII",
    "sign_as_long": "apikeyid: 100000 octets, expected are 1 to 128",
    "sign_verdict": "verdict: 9 is none",
}

ROUTES = {
    "refusal": "refusal: 99 is none",
    "nobody": "peer: 3 octets at no address",
    "unknown": "peer: is not configured",
    "addr": "addr: is no fully qualified host name",
    "long_addr": "addr: is no fully qualified host name",
    "prefix": "prefix: is no routing prefix",
    "other_prefix": "prefix: does not head the ici",
    "no_record": "record: there is none",
    "transferred": "record: is transferred: forward or refer",
    "verdict": "verdict: -7 is none",
}


def expect_wrong(site, name, function, what):
    """One line, by the instance, about the function and the field; and one that is counted."""
    line = site.wait_for_log(what)
    assert (line["area"], line["level"]) == (name, "error")
    assert line["message"].startswith(f"{function}: {what}")
    assert site.counter(name, "bad_answers") == 1


@pytest.mark.parametrize("says", STORES)
def test_a_store(site, says):
    b = site.peer("b")
    site.config["admin"] = {"socket": "admin.sock"}
    site.store("store_says", says=says)
    site.expect_error(STORES[says])
    site.start()
    assert site.ask(b, GOOD).json["content"] == "https://good.example/"
    answer = site.ask(b, "1A0F1-BAD")
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert site.ask(b, GOOD).status == 200
    expect_wrong(site, "special", "lookup", STORES[says])


def test_the_next_store_is_asked(site):
    """Who says what cannot be does not know the code: another one may."""
    b = site.peer("b")
    site.store("store_says", says="nowhere")
    site.config["resolve"]["stores"].append("codes")
    site.write_codes({"ici": "1A0F1-BAD", "content": "found"})
    site.expect_error(STORES["nowhere"])
    site.start()
    assert site.ask(b, "1A0F1-BAD").json["content"] == "found"
    assert site.ask(b, "1A0F1-OTHER").code == "store_unavailable"


@pytest.mark.parametrize("says", VERIFIERS)
def test_who_verifies(site, says):
    """Whoever comes signed is let in by the other plugin, on another listener, as before."""
    b = site.peer("b")
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["plugins"]["says"] = {"use": "auth_says", "says": says}
    site.listener["authenticate"] = ["says"]
    site.write_codes({"ici": "1A0F1-1", "content": "one"})
    site.expect_error(VERIFIERS[says])
    site.start()
    answer = site.send({"tid": uuid7(), "ici": "1A0F1-1", "user": "u"})
    assert (answer.status, answer.code) == (503, "authentication_unavailable")
    assert answer.headers["retry-after"]
    expect_wrong(site, "says", "verify", VERIFIERS[says])
    assert b.peer == "b"


@pytest.mark.parametrize("says", SIGNERS)
def test_who_signs(world, says):
    """Nothing is sent that is not a signature: no octet of ours, and no line of another's."""
    b = world.recipient("b")
    home = home_and(world, b, sign_with="says")
    home.config["plugins"]["says"] = {"use": "auth_says", "says": says}
    home.holds(**{GOOD: "good"})
    home.expect_error(SIGNERS[says])
    home.expect_error("says cannot sign to peer b")
    world.start()
    answer = home.scan("2B001-1")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b.requests == []
    assert home.scan(GOOD).json["content"] == "good"
    expect_wrong(home, "says", "sign", SIGNERS[says])


@pytest.mark.parametrize("says", ROUTES)
def test_a_route(world, says):
    b = world.recipient("b")
    home = home_and(world, b)
    home.config["resolve"]["routes"] = []
    home.routes(way={"use": "route_says", "says": says})
    home.holds(**{GOOD: "good"})
    home.expect_error(ROUTES[says])
    world.start()
    answer = home.scan("2B001-1")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert b.requests == []
    assert home.scan(GOOD).json["content"] == "good"
    expect_wrong(home, "way", "route", ROUTES[says])


@pytest.mark.parametrize("says", ["nowhere", "no_utf8", "long_host", "variants", "conditions"])
@pytest.mark.parametrize("command", ["list", "export", "copy", "get 1A0F1-BAD"])
def test_cmpctl_says_what_is_wrong(site, command, says):
    """It ends with the field, not with a signal, and writes nothing of it anywhere."""
    site.config["plugins"]["special"] = {"use": "store_says", "says": says}
    site.config["plugins"]["to"] = {"use": "store_memory", "path": str(site.folder / "to")}
    where = ["--from", "special", "--to", "to"] if command == "copy" else ["--store", "special"]
    ended = run(CMPCTL, "codes", *command.split(), "--config", site.write(), *where)
    assert ended.returncode == 2, (ended.returncode, ended.stderr)
    assert STORES[says] in ended.stderr
    if command == "copy":
        listed = run(CMPCTL, "codes", "list", "--config", site.write(), "--store", "to")
        assert (listed.returncode, listed.stdout) == (0, "")
