# SPDX-License-Identifier: Apache-2.0
"""`cmpctl stats` shows what the running daemon has counted, and each cache's hit ratio."""
import json
import os
import socket
import threading

import pytest
from daemon import CMPCTL, run
from signing import Key
from stores import Shelf, eventually, remote, sqlite

KNOWN, ABSENT = "1A0F1-1", "1A0F1-none"
CACHE = {"ttl": "1h", "negative_ttl": "1h"}


@pytest.fixture
def shelf(site):
    """One worker, so one cache, before a SQLite store with one code."""
    site.config["workers"] = 1
    site.config["admin"] = {"socket": "admin.sock"}
    made = Shelf(site, sqlite(site) | {"cache": CACHE})
    made.section = site.config["plugins"]["shelf"]
    made.take({"ici": KNOWN, "content": "one"})
    return made


def stats(site, *words):
    return run(CMPCTL, "stats", "--config", site.folder / "cmpd.yaml", *words)


def told(site):
    ended = stats(site, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def caches(site):
    return {c.pop("store"): c for c in told(site)["caches"]}


def test_hits_and_misses(shelf):
    shelf.start()
    assert caches(shelf.site) == {"shelf": {"hits": 0, "misses": 0, "stale": 0, "hit_ratio": None}}
    assert [shelf.content(KNOWN) for _ in range(15)] == ["one"] * 15
    assert [shelf.content(ABSENT) for _ in range(5)] == ["unknown_ici"] * 5
    expected = {"hits": 18, "misses": 2, "stale": 0, "hit_ratio": 0.9}
    assert caches(shelf.site) == {"shelf": expected}
    for name in ("hits", "misses", "stale"):
        assert shelf.site.counter("shelf", f"cache_{name}") == expected[name]


def test_each_store_has_its_own(shelf):
    """The second store is asked for what the first does not know."""
    path = str(shelf.site.folder / "lookups")
    second = {"use": "store_counting", "path": path, "ici": "1A0F1-2", "cache": CACHE}
    shelf.site.config["plugins"]["second"] = second
    shelf.site.config["resolve"]["stores"].append("second")
    shelf.start()
    for ici in [KNOWN] * 3 + ["1A0F1-2"] * 2:
        assert shelf.ask(ici).status == 200
    both = caches(shelf.site)
    assert (both["shelf"]["hits"], both["shelf"]["misses"]) == (3, 2)
    assert (both["second"]["hits"], both["second"]["misses"]) == (1, 1)


def test_a_store_without_a_cache(shelf):
    del shelf.section["cache"]
    shelf.start()
    assert shelf.content(KNOWN) == "one"
    assert told(shelf.site)["caches"] == []
    assert "cache" not in stats(shelf.site).stdout


def test_a_refused_signature_is_counted(shelf):
    site = shelf.start().site
    assert site.counter("requests", "authentication_failed") == 0
    wrong = Key(shelf.b.id, "b", secret=b"not the one that was issued")
    for _ in range(3):
        assert site.ask(wrong, KNOWN).code == "authentication_failed"
    eventually(lambda: site.counter("requests", "authentication_failed") == 3)
    assert shelf.content(KNOWN) == "one"
    eventually(lambda: site.counter("requests", "resolved") == 1)


def test_for_people(shelf):
    shelf.start()
    assert stats(shelf.site).stdout.splitlines()[-1] == "cache of shelf: not asked yet"
    for _ in range(3):
        assert shelf.content(KNOWN) == "one"
    ended = stats(shelf.site)
    assert ended.returncode == 0
    # A busy machine may have made a turn of a worker long: then there is a histogram as well.
    lines, *histograms, listeners, (last,) = (
        part.splitlines() for part in ended.stdout.rstrip().split("\n\n")
    )
    assert all(part[0].startswith("worker long_turn_us: ") for part in histograms)
    assert [line.split(":")[0] for line in listeners] == ["listener peers", "listener admin"]
    assert listeners[1].startswith("listener admin: 1 connections (16 are kept for it), 1 open, 0 ")
    assert last == "cache of shelf: hit ratio 66.67 %, 2 hits, 1 misses, 0 stale"
    rows = [line.split(maxsplit=3) for line in lines]
    assert ["shelf", "cache_hits", "2", "look-ups that the cache answered"] in rows
    assert len(rows) == len(told(shelf.site)["counters"]) + len(told(shelf.site)["gauges"])
    columns = {len(line) - len(row[3]) for line, row in zip(lines, rows)}
    assert len(columns) == 1, "what they count stands in one column"


def test_by_the_socket_itself(shelf):
    site = shelf.start().site
    ended = run(CMPCTL, "stats", "--json", "--socket", site.folder / "admin.sock")
    assert ended.returncode == 0 and json.loads(ended.stdout)["counters"]


# ---- nobody can be asked ----


def test_without_a_socket_in_the_configuration(shelf):
    del shelf.site.config["admin"]
    site = shelf.start().site
    ended = stats(site)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith("cmpd.yaml: admin.socket is not configured\n")


def test_a_daemon_that_does_not_know_the_question(tmp_path):
    """As one of an older version."""
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer():
            with listening.accept()[0] as asking:
                asking.recv(65536)
                asking.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found")

        thread = threading.Thread(target=answer)
        thread.start()
        ended = run(CMPCTL, "stats", "--socket", path)
        thread.join()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "answered with 404 and no JSON object" in ended.stderr


def test_who_may_not_ask_is_told_so(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.start()
    socket_file = site.folder / "admin.sock"
    socket_file.chmod(0)
    limits = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    ended = run(*limits, CMPCTL, "stats", "--socket", socket_file)
    assert ended.returncode == 2
    assert "admin.sock: Permission denied; ask as the daemon's user" in ended.stderr


# ---- gauges, histograms, health ----


def test_what_plugins_show_of_themselves(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.store("store_file", name="special", path="codes.ndjson", check_interval="100ms")
    site.write_codes({"ici": KNOWN, "content": "one"}, {"ici": ABSENT, "content": "two"})
    site.expect_error("the codes read before stay in use")
    site.start()

    def of(kind, **what):
        return [m for m in told(site)[kind] if what.items() <= m.items()]

    [gauge] = of("gauges", owner="special", name="codes")
    assert (gauge["value"], gauge["help"]) == (2, "codes that are in use")
    assert of("health") == []
    site.write_codes("no record")
    eventually(lambda: of("health", instance="special", health="degraded"))
    [health] = of("health", instance="special")
    assert "codes.ndjson:1" in health["why"]
    assert "plugin special: degraded: " in stats(site).stdout
    assert of("gauges", owner="special", name="codes")[0]["value"] == 2
    site.write_codes(*({"ici": f"1A0F1-{i}", "content": "x"} for i in range(3)))
    eventually(lambda: of("health", instance="special", health="ok", why=""))
    assert of("gauges", owner="special", name="codes")[0]["value"] == 3


def test_a_histogram(site, codes_server):
    site.config["admin"] = {"socket": "admin.sock"}
    shelf = Shelf(site, remote(site, codes_server))
    codes_server.start()
    shelf.start()
    for i in range(3):
        assert shelf.content(f"1A0F1-{i}") == "unknown_ici"
    [h] = [h for h in told(site)["histograms"] if h["owner"] == "shelf"]
    assert (h["name"], h["count"], h["sum"]) == ("in_a_request", 3, 3)
    assert h["buckets"][0] == {"to": 1, "count": 3} and h["buckets"][-1] == {"to": None, "count": 0}
    said = stats(site).stdout
    assert "shelf in_a_request: 3, sum 3" in said and " to 1: 3, to 2: 0," in said
    [gauge] = [g for g in told(site)["gauges"] if g["owner"] == "shelf"]
    assert (gauge["name"], gauge["value"]) == ("under_way", 0)
