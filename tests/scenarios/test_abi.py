# SPDX-License-Identifier: Apache-2.0
"""Plugins that know fewer fields than the daemon, or more. Those that were built against the headers
of each minor that there ever was (tests/abi) load and resolve; a newer one is refused. tests/abi/
grown.sh runs this with a daemon whose structs have all grown."""
import json
import os
import re
import subprocess

import pytest
import stores
from abi import ABI
from daemon import BUILD, CMPCTL, CMPD, ROOT, run
from stores import Shelf
from world import home_and

KEPT = ROOT / "tests" / "abi"
SETS = sorted(path.parent.name for path in KEPT.glob("*/cmp"))

VARIANTS = {cc: f"https://v.example/{cc}" for cc in ("CA", "GB", "FR")}
OPTIONS = {
    "content": "https://v.example/",
    "variants": [{"cc": cc, "content": content} for cc, content in VARIANTS.items()],
}
RECORD = {
    "ici": "1A0F1-V",
    "content": "https://v.example/",
    "variants": [{"when": {"cc": cc}, "content": content} for cc, content in VARIANTS.items()],
}


@pytest.fixture(params=SETS)
def old(request):
    """Has a site take its plugins from those of one minor, where it can."""

    def prepare(site):
        folder = BUILD / "tests" / "abi" / request.param
        assert (folder / "store_old.so").is_file()
        site.config["plugin_path"].insert(0, str(folder))
        return site

    return prepare


def assert_varied(site, b, ici):
    for cc, content in [(None, "https://v.example/"), *VARIANTS.items()]:
        answer = site.ask(b, ici, more={"cc": cc} if cc else {})
        assert answer.status == 200, answer.body
        assert answer.json["content"] == content


@pytest.mark.parametrize("how", ["at_once", "later", "parsed", "blocking"])
def test_a_store_answers_with_variants(site, old, how):
    old(site).store("store_old", how=how, codes=[{"ici": "1A0F1-V", **OPTIONS}])
    b = site.peer("b")
    site.start()
    assert_varied(site, b, "1A0F1-V")
    assert site.ask(b, "1A0F1-W").code == "unknown_ici"


def test_a_store_keeps_what_it_answers_in_the_cache(site, old):
    cache = {"size": "1M", "ttl": "1h"}
    old(site).store("store_old", how="later", cache=cache, codes=[{"ici": "1A0F1-V", **OPTIONS}])
    site.config["workers"] = 1
    b = site.peer("b")
    site.start()
    for _ in range(2):
        assert_varied(site, b, "1A0F1-V")


def test_a_store_fetches_records_over_https(site, old, make_site):
    server = make_site("server")
    server.listener["interfaces"] = ["codes"]
    server.write_codes(RECORD)
    options = {
        "url": server.url("/codes/v1/codes"),
        "ca": str(server.authority.path),
        "token": server.token("old"),
    }
    server.start()
    old(site).store("store_old", how="fetched", server=options)
    b = site.peer("b")
    site.start()
    assert_varied(site, b, "1A0F1-V")


def test_a_store_lists_its_records(site, old):
    old(site).store("store_old", name="shelf", codes=[{"ici": "1A0F1-V", **OPTIONS}])
    site.peer("b")
    ended = stores.codes(site, "export")
    assert ended.returncode == 0, ended.stderr
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [RECORD]


def test_a_store_is_written(site, old):
    shelf = Shelf(old(site), stores.memory(site))
    shelf.take(RECORD)
    ended = shelf.codes("export")
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [RECORD]
    shelf.start()
    assert_varied(site, shelf.b, "1A0F1-V")


def test_a_store_does_what_an_operator_says(site, old):
    old(site).store("store_old", name="shelf", codes=[{"ici": "1A0F1-V", **OPTIONS}])
    site.config["admin"] = {"socket": "admin.sock"}
    site.peer("b")
    site.start()

    def told(*words):
        ended = run(CMPCTL, "plugin", "--socket", site.folder / "admin.sock", "shelf", *words)
        return ended.returncode, ended.stdout, ended.stderr.rpartition(": ")[2]

    listed = "say [WORDS]  says them\ncount  complains of how much there is\n"
    assert told() == (0, listed, "")
    assert told("say", "and stay") == (0, "and stay\n", "")
    assert told("count") == (1, "", "1 codes\n")


@pytest.mark.parametrize("later", [False, True])
def test_a_route_answers_with_variants(site, old, later):
    old(site).config["plugins"]["way"] = {"use": "route_old", "later": later, **OPTIONS}
    site.config["resolve"]["routes"] = ["way"]
    b = site.peer("b")
    site.start()
    assert_varied(site, b, "2B001-1")


@pytest.mark.parametrize("later", [False, True])
def test_an_auth_plugin_accepts_and_rejects(site, old, later):
    clients = [{"apikeyid": "nobody", "peer": "gone"}, {"apikeyid": "somebody", "peer": "b"}]
    old(site).config["plugins"]["hmac"] = {"use": "auth_old", "later": later, "clients": clients}
    site.write_codes({"ici": "1A0F1-1", "content": "https://one.example/"})
    site.peer("b")
    site.start()
    for id, status in [("somebody", 200), ("nobody", 401), ("else", 401)]:
        sent = {"tid": "t", "ici": "1A0F1-1", "user": "u", "apikeyid": id, "signature": "none"}
        assert site.send(sent).status == status


@pytest.mark.parametrize("later", [False, True])
def test_an_auth_plugin_signs_what_a_route_forwards(world, old, later):
    b = world.recipient("b")
    home = old(home_and(world, b, sign_with="old"))
    home.config["plugins"] |= {
        "old": {"use": "auth_old", "later": later, "clients": []},
        "way": {"use": "route_old", "later": later, "peer": "b"},
    }
    home.config["resolve"]["routes"] = ["way"]
    world.start()
    home.scan("2B001-1")
    [request] = b.requests
    assert (request.params["apikeyid"], request.params["signature"]) == ("old", "abcd")


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("built_for", [ABI, "2.0"])
def test_a_plugin_sees_the_traceparent(site, built_for, later):
    if built_for == "2.0":
        site.config["plugin_path"].insert(0, str(BUILD / "tests" / "abi" / "for-2.0"))
    site.store("store_traces", later=later)
    site.config["admin"] = {"socket": "admin.sock"}
    b = site.peer("b")
    site.start()
    shown = run(CMPCTL, "plugins", "--socket", site.folder / "admin.sock").stdout
    assert re.search(rf"store_traces.*\b{re.escape(built_for)}\b", shown), shown
    for value, content in [
        (TRACE, TRACE),
        (TRACE.upper(), "none came"),
        (TRACE[:-1], "none came"),
        (None, "none came"),
    ]:
        headers = {"traceparent": value} if value is not None else {}
        assert site.ask(b, "1A0F1-V", headers=headers).json["content"] == content


def test_a_newer_plugin_is_refused_in_plain_words(site):
    headers, folder = site.folder / "headers", site.folder / "plugins"
    folder.mkdir()
    subprocess.run(["/usr/bin/python3", KEPT / "grow.py", headers], check=True)
    source = KEPT / "plugins" / "store_old.c"
    built = folder / "store_old.so"
    compiler = [os.environ.get("CC", "cc"), "-std=c17", "-shared", "-fPIC", "-I", headers]
    subprocess.run([*compiler, source, "-o", built], check=True)
    site.peer("b")
    site.config["plugin_path"].insert(0, str(folder))
    site.store("store_old")
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1
    major, minor = ABI.split(".")
    assert (
        f"{built}: refused: plugin ABI is {major}.{int(minor) + 1}, newer than this host's, {ABI}: take a"
        " newer host, or build the plugin with this one's headers" in ended.stderr
    ), ended.stderr
