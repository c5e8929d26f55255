# SPDX-License-Identifier: Apache-2.0
"""The dashboard and the alert rules: tried by promtool, and by a real Prometheus that scrapes CMPs
with about all the troubles that there are."""
import datetime
import json
import re
import subprocess
import threading

import journal
import pytest
import stores
import yaml
from daemon import CMPCTL, free_port, run
from grafana import dashboard, names_in, queries
from prometheus import MONITORING, RULES, Prometheus, rules
from reload import becomes
from signing import Key
from stores import eventually
from test_metrics import listed
from world import home_and

# ---- what is in the files ----


def promtool(*words):
    """Takes some seconds of a processor's time, however long that is."""
    ended = subprocess.run(["promtool", *words], cwd=MONITORING, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_promtool_finds_nothing_wrong():
    promtool("check", "rules", RULES.name)
    promtool("check", "config", "cmpd-prometheus.yml")


def test_alerts_fire_when_they_should():
    promtool("test", "rules", "cmpd-alerts.test.yml")


def test_every_alert_is_tried_and_says_what_to_do():
    tests = yaml.safe_load((MONITORING / "cmpd-alerts.test.yml").read_text())["tests"]
    fired, silent = set(), set()
    for test in tests:
        checks = [
            {name for s in check.get("exp_samples", []) for name in re.findall(r"Cmpd\w+", s["labels"])}
            for check in test["promql_expr_test"]
        ]
        fired |= set.union(*checks)
        silent |= {name for name in set.union(*checks) if any(name not in c for c in checks)}
    assert fired == silent == set(rules())
    for rule in rules().values():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}


def test_every_name_is_in_the_manual():
    expressions = [expression for _, expression in queries()]
    expressions += [rule["expr"] for rule in rules().values()]
    expressions += [v.get("definition", "") for v in dashboard()["templating"]["list"]]
    used = set().union(*map(names_in, expressions))
    assert len(used) > 50
    assert used - listed() == set()


# ---- against real data ----

# Families that the CMPs below do not have, and why.
NEVER_HERE = {
    "cmpd_stalls_total": "is there when a thread was held in no plugin, which is a fault of ours",
    "cmpd_plugin_store_sql_connections_lost_total": "SQLite has no connections",
    "cmpd_plugin_store_sql_refused_total": "counted for PostgreSQL alone",
    "cmpd_plugin_store_sql_timeouts_total": "counted for PostgreSQL alone",
}
# Queries without a result that is a number, and why.
NOTHING_HERE = {
    "store_sql: look-ups": "SQLite has no batches: 0 / 0",
    "Began anew": "nobody does",
}
# The alerts that the troubles below raise, at once or after a while, and of which CMP.
EXPECTED = {
    ("CmpdCacheStale", "b"),
    ("CmpdCertificateEnds", "b"),
    ("CmpdCrlEnds", "home"),
    ("CmpdDrainForgotten", "b"),
    ("CmpdErrors", "home"),
    ("CmpdKeyEndsSoon", "home"),
    ("CmpdPeerDown", "home"),
    ("CmpdPluginIll", "home"),
    ("CmpdPluginStalls", "b"),
    ("CmpdReloadRefused", "b"),
    ("CmpdReplayQuotaRefused", "home"),
    ("CmpdStoreReloadFailed", "home"),
    ("CmpdTokenEnds", "home"),
}
# What else there may be, by the machine's clock and by how fast it is.
OF_THE_MACHINE = {
    "CmpdClockNotKept",
    "CmpdClockOff",
    "CmpdLongTurns",
    "CmpdMemory",
    "CmpdPeerErrors",
    "CmpdPluginLate",
    "CmpdSignaturesRefused",
    "CmpdSlow",
}


class Visitors(threading.Thread):
    """They come again and again, to each store and by each way, and with what cannot be answered."""

    def __init__(self, home):
        super().__init__()
        self.home = home
        self.ended = threading.Event()

    def __enter__(self):
        self.start()

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def run(self):
        home, reader = self.home, {"authorization": f"Bearer {self.home.reader}"}
        while not self.ended.is_set():
            for ici in ("1A0F1-FILE", "1A0F1-SQL", "1A0F1-NONE", "2B001-CACHED", "9F001-1"):
                home.scan(ici)
            home.ask(home.key_of_c, "1A0F1-FILE")
            home.ask(Key("of-nobody", "c"), "1A0F1-FILE")
            home.send(path="/codes/v1/codes/1A0F1-FILE", method="GET", headers=reader)
            self.ended.wait(0.05)


def in_days(days):
    end = datetime.datetime.utcnow() + datetime.timedelta(days=days)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")


def let_scrape(node):
    node.scraped_at = f"127.0.0.1:{free_port()}"
    listener = {"name": "scrapes", "bind": node.scraped_at, "interfaces": [], "metrics": True}
    node.config["listeners"].append(listener)
    return node


def home_of(world, b):
    """A Home CMP with a file and a database, which gives away its codes as well; `b` answers it,
    `gone` is down, and `c` asks."""
    home = home_and(world, b)
    home.write_codes({"ici": "1A0F1-FILE", "content": "one"})
    home.config["plugins"]["codes"]["check_interval"] = "100ms"
    home.config["plugins"]["shelf"] = stores.sqlite(home) | {"cache": {"ttl": "100ms"}}
    home.config["resolve"]["stores"] = ["codes", "shelf"]
    home.config["replay"] = {"size": "64K", "quota": 1, "when_full": "refuse"}
    home.config["watchdog"] = {"stall": "1m", "stuck_after": "2m"}  # be the machine slow
    home.entry("b")["tls"]["crl"] = b.authority.revoke(home.folder / "crl.pem")
    home.entry(
        "gone",
        host="gone.example.net",
        url=f"https://127.0.0.1:{free_port()}",
        prefixes=["9F001"],
        sign_with="none",
        tls={"ca": str(home.authority.path)},
    )
    home.key_of_c = home.peer("c", key={"not_after": in_days(2)})
    home.listener["interfaces"].append("codes")
    home.reader = home.token("reader", not_after=in_days(10))
    home.expect_error("circuit")
    return let_scrape(journal.keep(home))


def resolving_of(world, codes_server):
    """A Resolving CMP: its codes are at a server, with a cache in front, and one of its plugins
    holds the thread."""
    b = world.cmp("b", "2B001")
    b.store("store_fault", how="hold", hold="300ms", ici="2B001-HELD")
    b.config["plugins"]["remote"] = stores.remote(b, codes_server)
    b.config["plugins"]["remote"]["cache"] = {"ttl": "100ms", "serve_stale": "1h"}
    b.config["resolve"]["stores"].insert(0, "remote")
    b.config["watchdog"] = {"stall": "50ms"}
    certificate, key = b.authority.issue("b.example.net", "127.0.0.1", days=10)
    b.listener["tls"] = {"certificate": str(certificate), "key": str(key)}
    b.expect_error("/codes/v1: ")
    return let_scrape(b)


def put(site, ici):
    ended = stores.codes(site, "put", json.dumps({"ici": ici, "content": "one"}))
    assert ended.returncode == 0, ended.stderr


@pytest.fixture
def cmps(world, codes_server):
    """Two CMPs, and a server of codes, which all serve."""
    b = resolving_of(world, codes_server)
    home = home_of(world, b)
    codes_server.start()
    world.start()
    put(home, "1A0F1-SQL")
    put(codes_server, "2B001-CACHED")
    return home, b, codes_server


@pytest.fixture
def watched(cmps, tmp_path):
    """Prometheus, which scrapes both CMPs from before their troubles on."""
    home, b, codes_server = cmps
    with Prometheus(tmp_path, {"home": home.scraped_at, "b": b.scraped_at}) as made:
        eventually(lambda: len(made.query("cmpd_info")) == 2)
        with Visitors(home):
            cause_trouble(home, b, codes_server)
            yield made


def cause_trouble(home, b, codes_server):
    # Seen by the watchdog, which may be held up as well.
    eventually(
        lambda: home.scan("2B001-HELD").status == 200
        and b.counter("special", "stalls") > 0
    )
    eventually(lambda: home.scan("2B001-CACHED").status == 200)
    codes_server.stop()
    home.expect_error("codes.ndjson")
    home.write_codes("this is no record")
    eventually(lambda: home.ask(home.key_of_c, "1A0F1-FILE").status == 429)
    b.expect_error("cmpd.yaml:1:")
    b.expect_error("the new configuration is not taken")
    (b.folder / "cmpd.yaml").write_text("nonsense: true")
    socket = ("--socket", b.folder / "admin.sock")
    assert run(CMPCTL, "reload", *socket).returncode == 1
    assert run(CMPCTL, "drain", *socket).returncode == 0


def wait_for_all(wanted, found, seconds=180):
    """Until each of them was found once; else tells which were not. `found` gets what is left, and
    returns those of it that are there now: not all need be at one moment."""
    left = set(wanted)

    def all_found():
        left.difference_update(found(left))
        return not left

    try:
        eventually(all_found, seconds)
    except AssertionError:
        raise AssertionError(left) from None


def with_numbers(prometheus, asked):
    return {
        (title, expression)
        for title, expression in asked
        if any(series["value"][1] != "NaN" for series in prometheus.query(expression))
    }


def may_have_data(title, expression):
    return title not in NOTHING_HERE and not names_in(expression) & set(NEVER_HERE)


SELECTOR = re.compile(r"\b(?:(?:cmpd|process)_[a-z0-9_]+|up)\b(?:\{[^}]*\})?")


def selectors():
    """What alerts look at; it is there, with those labels, whether they fire or not."""
    return {s for rule in rules().values() for s in SELECTOR.findall(rule["expr"])}


def test_against_cmps_in_trouble(watched, cmps):
    asked = [query for query in queries() if may_have_data(*query)]
    asked += [("of an alert", s) for s in selectors() if may_have_data("", s)]
    wait_for_all(asked, lambda left: with_numbers(watched, left))
    wait_for_all(EXPECTED, lambda _: watched.alerts())
    # Others may be pending for a while.
    becomes(set(), lambda: {a for a in watched.alerts() - EXPECTED if a[0] not in OF_THE_MACHINE})
    home, b, _ = cmps
    b.stop()
    wait_for_all({("CmpdDown", "b")}, lambda _: watched.alerts())
    for title, expression in queries():
        watched.query(expression)  # those without data are no errors either
    assert watched.rules_in_trouble() == []
