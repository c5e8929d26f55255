"""Plugins of others: what is loaded, what is refused and why, and what a route may say."""
import shutil

import pytest
from daemon import CMPD, TEST_PLUGINS, run

REFUSED = {
    "bad_major": ["ABI", "3.0", "2.0"],
    "bad_minor": ["ABI", "2.1", "2.0"],
    "bad_size": ["octets"],
    "bad_kind": ["kind"],
    "bad_service": ["service"],
    "bad_name": ["good_name"],
    "bad_symbol": ["cmp_plugin_descriptor"],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_plugin_is_refused_with_its_file_and_the_reason(site, name):
    site.peer("b")
    site.store(name)
    for words in (["-t"], []):
        ended = run(CMPD, *words, "-c", site.write())
        assert ended.returncode == 1
        for expected in (f"{name}.so", *REFUSED[name]):
            assert expected.lower() in ended.stderr.lower(), ended.stderr


def test_a_file_that_is_no_library(site):
    site.peer("b")
    folder = site.folder / "plugins"
    folder.mkdir()
    (folder / "store_text.so").write_text("not a library")
    site.config["plugin_path"].insert(0, str(folder))
    site.store("store_text")
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1 and "store_text" in ended.stderr


def test_a_plugin_in_a_folder_of_the_operators(site):
    b = site.peer("b")
    folder = site.folder / "own plugins"
    folder.mkdir()
    shutil.copy(TEST_PLUGINS / "store_counting.so", folder)
    site.config["plugin_path"] = [site.config["plugin_path"][0], str(folder)]
    count = site.counting()
    site.start()
    assert site.ask(b, "1A0F1-COUNTED").status == 200
    assert count() == 1


def test_a_plugin_of_the_wrong_kind_for_its_place(site):
    site.peer("b")
    site.config["resolve"]["stores"] = ["hmac"]
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1
    assert "hmac" in ended.stderr and "store" in ended.stderr


@pytest.mark.parametrize(
    "options, status, expected",
    [
        ({"answer": "decline"}, 404, {"code": "unknown_ici"}),
        ({"answer": "refuse", "refusal": "not_allowed"}, 403, {"code": "not_allowed"}),
        ({"answer": "refuse", "refusal": "unknown_ici"}, 404, {"code": "unknown_ici"}),
        ({"answer": "unavailable"}, 503, {}),
        ({"answer": "answer"}, 200, {"status": "resolved", "content": "https://routed.example/"}),
        (
            {"answer": "referral", "prefix": "2B001"},
            200,
            {"status": "referral", "addr": "b.example.net", "prefix": "2B001", "ttl": 60},
        ),
    ],
)
def test_what_a_route_may_say(site, options, status, expected):
    b = site.peer("b", host="b.example.net")
    site.config["plugins"]["way"] = {"use": "route_fixed", **options}
    site.config["resolve"]["routes"] = ["way"]
    site.start()
    answer = site.ask(b, "2B001-1")
    assert answer.status == status, answer.body
    assert expected.items() <= answer.json.items()
    assert answer.headers["cache-control"] == "no-store"


def test_routes_are_asked_in_order(site):
    b = site.peer("b")
    site.config["plugins"] |= {
        "first": {"use": "route_fixed", "answer": "decline"},
        "second": {"use": "route_fixed", "answer": "answer", "content": "second"},
        "third": {"use": "route_fixed", "answer": "answer", "content": "third"},
    }
    site.config["resolve"]["routes"] = ["first", "second", "third"]
    site.start()
    assert site.ask(b, "2B001-1").json["content"] == "second"


def test_our_own_prefix_asks_no_route(site):
    """Not found under our own prefix is final: nobody else can know it."""
    b = site.peer("b")
    site.config["plugins"]["way"] = {"use": "route_fixed", "answer": "answer"}
    site.config["resolve"]["routes"] = ["way"]
    site.start()
    assert site.ask(b, "1A0F1-NONE").status == 404
    assert site.ask(b, "1a0f1-NONE").status == 404
    assert site.ask(b, "1A0E1-NONE").status == 200


def test_but_a_longer_prefix_of_a_child_does(site):
    b = site.peer("b", host="b.example.net", prefixes=["1A0F12"])
    site.config["plugins"]["way"] = {"use": "route_fixed", "answer": "answer"}
    site.config["resolve"]["routes"] = ["way"]
    site.start()
    assert site.ask(b, "1A0F12-1").status == 200
    assert site.ask(b, "1A0F13-1").status == 404


def test_a_transferred_ici_asks_the_routes(site):
    b = site.peer("b")
    site.config["plugins"]["way"] = {"use": "route_fixed", "answer": "answer"}
    site.config["resolve"]["routes"] = ["way"]
    site.write_codes({"ici": "1A0F1-MOVED", "transferred_to": "c.example.net"})
    site.start()
    assert site.ask(b, "1A0F1-MOVED").json["content"] == "https://routed.example/"
