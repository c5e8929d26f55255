# SPDX-License-Identifier: Apache-2.0
"""Plugins of others: what is loaded, what is refused and why, and what a route may say."""
import json
import os
import shutil

import pytest
from abi import ABI
from daemon import CMPD, TEST_PLUGINS, run

REFUSED = {
    "bad_major": ["ABI", "3.0", ABI],
    "bad_minor": ["ABI", "newer than this host's", ABI],
    "bad_size": ["octets"],
    "bad_kind": ["kind"],
    "bad_service": ["service"],
    "bad_name": ["good_name"],
    "bad_symbol": ["cmp_plugin_descriptor"],
    "bad_undefined": ["cannot be loaded", "undefined symbol: nobody_has_this"],
    "bad_needs": ["cannot be loaded", "libgone.so: cannot open shared object file"],
    "bad_crash": ["loading it ends the process: Segmentation fault"],
    "bad_exit": ["loading it ends the process, with exit status 3"],
    "bad_commands": ["commands without command"],
    "bad_rows": ["option row 1 (far): offset 100000", "lie outside options of 8"],
    "bad_write": ["begin without put"],
    "bad_headers": ['header field "Authorization"', "lower case"],
    "bad_ops": ["cmp_store_ops has", "wanted"],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_plugin_is_refused_with_its_file_and_the_reason(site, name):
    site.peer("b")
    site.store(name)
    for words in (["-t"], []):
        ended = run(CMPD, *words, "-c", site.write())
        assert ended.returncode == 1
        lines = ended.stderr.splitlines()
        said = lines if words else [json.loads(line)["message"] for line in lines]
        for expected in (f"{name}.so", *REFUSED[name]):
            assert expected.lower() in "\n".join(said).lower(), ended.stderr


def another_machine(path):
    octets = bytearray((TEST_PLUGINS / "store_counting.so").read_bytes())
    octets[18:20] = b"\xf3\x00"  # e_machine: RISC-V
    path.write_bytes(octets)


def a_part(path):
    path.write_bytes((TEST_PLUGINS / "store_counting.so").read_bytes()[:4000])


def written_by_anybody(path):
    shutil.copy(TEST_PLUGINS / "store_counting.so", path)
    path.chmod(0o666)


def in_a_folder_of_anybody(path):
    shutil.copy(TEST_PLUGINS / "store_counting.so", path)
    path.parent.chmod(0o777)


NO_LIBRARY = {
    "text": (lambda path: path.write_text("not a library\n" * 10), "invalid ELF header"),
    "empty": (lambda path: path.touch(), "file too short"),
    "folder": (lambda path: path.mkdir(), "is no regular file"),
    "fifo": (lambda path: os.mkfifo(path), "is no regular file"),
    "machine": (another_machine, "cannot be loaded"),
    "part": (a_part, "store_bad.so: "),
    "guard": (written_by_anybody, "refused: the file can be written by others (mode 666)"),
    "folder's guard": (in_a_folder_of_anybody, "refused: its folder can be written by others"),
}


@pytest.mark.parametrize("name", NO_LIBRARY)
def test_a_file_that_is_no_library_is_one_line(site, name):
    """Also in the list of plugins, which goes on behind it."""
    site.peer("b")
    folder = site.folder / "plugins"
    folder.mkdir()
    make, expected = NO_LIBRARY[name]
    make(folder / "store_bad.so")
    site.config["plugin_path"].insert(0, str(folder))
    site.store("store_bad")
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1
    assert f"{folder}/store_bad.so: " in ended.stderr and expected in ended.stderr, ended.stderr
    listed = run(CMPD, "--list-plugins", "-p", folder)
    assert listed.returncode == 0
    assert listed.stderr.count("\n") == 1 and expected in listed.stderr, listed.stderr
    assert "store_file" in listed.stdout and "auth_hmac" in listed.stdout


def test_the_list_has_one_line_for_each_bad_file(site):
    """However many there are, and whatever they do; then it goes on."""
    bad = {name: REFUSED[name][-1] for name in ("bad_crash", "bad_exit", "bad_undefined")}
    bad["bad_hang"] = "loading it took longer than 10 s"
    folder = site.folder / "plugins"
    folder.mkdir()
    for name in bad:
        shutil.copy(TEST_PLUGINS / f"{name}.so", folder)
    for name in ("text", "empty", "folder", "fifo", "machine", "part"):
        make, bad[f"no_{name}"] = NO_LIBRARY[name]
        make(folder / f"no_{name}.so")
    bad["no_part"] = "no_part.so: "
    listed = run(CMPD, "--list-plugins", "-p", folder)
    assert listed.returncode == 0
    assert "store_file" in listed.stdout and "auth_hmac" in listed.stdout
    lines = listed.stderr.splitlines()
    assert len(lines) == len(bad)
    for name, words in bad.items():
        assert [words in line for line in lines if f"{name}.so: " in line] == [True], lines
    for name in ("bad_crash", "no_fifo", "no_part"):
        described = run(CMPD, "--help-plugin", name, "-p", folder)
        assert (described.returncode, described.stdout) == (1, "")
        assert f"{name}.so: " in described.stderr and described.stderr.count("\n") == 1


def test_whoever_develops_may_load_what_is_not_guarded(site):
    b = site.peer("b")
    folder = site.folder / "plugins"
    folder.mkdir()
    written_by_anybody(folder / "store_counting.so")
    site.config["plugin_path"].insert(0, str(folder))
    site.config["plugin_files"] = "any"
    count = site.counting()
    site.start()
    assert site.ask(b, "1A0F1-COUNTED").status == 200
    assert count() == 1


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
