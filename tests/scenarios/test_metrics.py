# SPDX-License-Identifier: Apache-2.0
"""Metrics: what is scraped is good for Prometheus, is what the manual lists, and tells the truth."""
import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timezone
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from daemon import CMPCTL, CMPD, SANITIZED, free_port, message, run
from patience import PATIENCE
from signing import Key
from stores import eventually, grown, postgresql, remote, sqlite
from world import home_and

ICI = "1A0F1-1"
MANUAL = Path(__file__).resolve().parents[2] / "etc/man/cmpd-metrics.7"


class Scrape:
    """One text: types by family, values by name and labels."""

    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.M))
        self.values = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                assert name not in self.values, f"twice: {name}"
                self.values[name] = float(value)

    def value(self, family, /, **labels):
        """Of the one sample of that family that has these labels, beside others."""
        found = [
            value
            for whole, value in self.values.items()
            if whole.split("{")[0] == family
            and all(f'{label}="{wanted}"' in whole for label, wanted in labels.items())
        ]
        assert len(found) == 1, f"{family} {labels}: {found}"
        return found[0]


def metrics(site, *words):
    ended = run(CMPCTL, "metrics", "--config", site.folder / "cmpd.yaml", *words)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def scraped(site):
    return Scrape(metrics(site))


@pytest.fixture
def served(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.write_codes({"ici": ICI, "content": "one"})
    return site


def busy(site):
    """Has what there can be: stores with and without a cache, and requests of several ends."""
    site.config["plugins"]["sql"] = {
        "use": "store_sql",
        "url": f"sqlite:{site.folder}/codes.db",
        "cache": {"ttl": "1m"},
    }
    site.config["plugins"]["table"] = {"use": "route_prefix"}
    site.config["resolve"] |= {"stores": ["codes", "sql"], "routes": ["table"]}
    key = site.peer("b")
    site.start()
    assert site.ask(key, ICI).status == 200
    assert site.ask(key, "1A0F1-none").status == 404
    assert site.send({"tid": "x"}).status == 400
    return key


def listed():
    """The names that the manual has."""
    return set(re.findall(r"\b(?:cmpd|process)_[a-z0-9_]*[a-z0-9]\b", MANUAL.read_text()))


@pytest.fixture
def full(world, database, codes_server):
    """A Home CMP that has all that there can be, and has used it."""
    b = world.cmp("b", "2B001")
    b.holds(**{"2B001-1": "one"})
    home = home_and(world, b)
    home.received[0].options["not_after"] = "2099-01-01T00:00:00Z"
    home.token("reader", allow=["read"], not_after="2099-01-01T00:00:00Z")
    home.config["journal"] = {"path": "journal"}
    world.authority.revoke(home.folder / "crl.pem")
    home.entry("b")["tls"]["crl"] = str(home.folder / "crl.pem")
    patient = {"statement_timeout": "30s"}
    tables = {"sql": sqlite(home), "pg": postgresql(home, database) | patient}
    home.config["plugins"] |= tables | {"remote": remote(home, codes_server)}
    home.config["plugins"]["sql"]["cache"] = {"ttl": "1m"}
    home.config["resolve"]["stores"] = ["codes", *tables, "remote"]
    home.key_of_c = home.peer("c", key={"not_after": "2099-01-01T00:00:00Z"})
    home.expect_error("codes.ndjson")
    codes_server.start()
    world.start()
    home.write_codes("this is no record")
    assert home.scan("2B001-1").status == 200
    assert home.ask(home.key_of_c, "1A0F1-none").status == 404
    eventually(lambda: 'state="degraded"} 1' in metrics(home))
    return home


def test_the_manual_has_every_name_and_no_other(full):
    m = scraped(full)
    families = set(m.types)
    assert m.value("cmpd_certificate_left_seconds", of="plugin", name="remote", kind="ca") > 0
    assert families == listed() - {"cmpd_plugin"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="the package prometheus is not there")
def test_promtool_finds_nothing_wrong(full):
    ended = run("promtool", "check", "metrics", input=metrics(full))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_no_label_is_one_that_prometheus_gives(served):
    """Those of a target; ours would be `exported_instance` beside them."""
    busy(served)
    labels = {
        label for name in scraped(served).values for label in re.findall(r'[{,](\w+)="', name)
    }
    assert {"name", "peer", "listener"} <= labels
    assert labels & {"instance", "job"} == set()


def test_both_forms(served):
    busy(served)
    transport = httpx.HTTPTransport(uds=str(served.folder / "admin.sock"))
    client = httpx.Client(transport=transport, base_url="http://cmpd", timeout=PATIENCE)
    plain = client.get("/metrics")
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    open_one = client.get("/metrics", headers={"accept": "application/openmetrics-text;q=0.9,*/*"})
    assert open_one.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_one.text.endswith("\n# EOF\n") and "# EOF" not in plain.text
    assert "# UNIT cmpd_replay_reach_seconds seconds\n" in open_one.text
    assert "# UNIT" not in plain.text
    old, new = Scrape(plain.text), Scrape(open_one.text)
    assert set(old.values) == set(new.values)
    assert {name.removesuffix("_total") for name in old.types} == set(new.types)
    assert set(old.types) == set(old.helps) and set(new.types) == set(new.helps)
    assert client.post("/metrics").status_code == 405
    assert client.head("/metrics").text == ""


def test_what_is_told_is_true(served):
    key = busy(served)
    before = scraped(served)
    assert before.value("cmpd_requests_total", result="resolved") == 1
    assert before.value("cmpd_requests_total", result="unknown_ici") == 1
    assert before.value("cmpd_plugin_store_file_codes", name="codes") == 1
    assert before.value("cmpd_instance_cache_misses_total", name="sql", plugin="store_sql") == 1
    assert before.value("cmpd_replay_entries") == 2
    assert 0 < before.value("cmpd_replay_reach_seconds") <= 300
    assert before.value("cmpd_replay_window_seconds") == 300
    assert before.value("cmpd_workers") == 2
    memory = before.value("process_resident_memory_bytes")
    assert 1 << 20 < memory < before.value("cmpd_memory_limit_bytes")
    assert before.value("cmpd_connections", listener="admin", state="open") == 1
    assert served.ask(key, ICI).status == 200
    after = scraped(served)
    assert after.value("cmpd_requests_total", result="resolved") == 2
    assert after.value("cmpd_listener_accepted_total", listener="peers") == 4
    assert after.value("process_cpu_seconds_total") >= before.value("process_cpu_seconds_total")


def test_transactions_by_who_asked_and_how_they_ended(served):
    key = busy(served)
    m = scraped(served)
    mine = {"interface": "mc-3", "peer": "b"}
    assert m.value("cmpd_transactions_total", **mine, verdict="resolved", code="ok") == 1
    assert m.value("cmpd_transactions_total", **mine, verdict="problem", code="unknown_ici") == 1
    nobody = {"interface": "mc-3", "peer": "", "verdict": "problem"}
    assert m.value("cmpd_transactions_total", **nobody, code="missing_parameter") == 1
    assert m.value("cmpd_transaction_duration_seconds_count", interface="mc-3") == 3
    assert m.value("cmpd_transaction_duration_seconds_bucket", interface="mc-3", le="+Inf") == 3
    assert 0 < m.value("cmpd_transaction_duration_seconds_sum", interface="mc-3") < 10
    assert m.value("cmpd_wait_duration_seconds_count", step="forward") == 0
    assert served.send(message(Key("made-up", "b"), ICI)).status == 401
    assert served.ask(key, ICI).status == 200
    m = scraped(served)
    assert m.value("cmpd_transactions_total", **mine, verdict="resolved", code="ok") == 2
    assert m.value("cmpd_transactions_total", **nobody, code="authentication_failed") == 1
    assert "made-up" not in m.text  # what strangers send makes no lines


def test_the_last_use_and_the_end_of_keys(served):
    key = served.peer("b", key={"not_after": "2099-01-01T00:00:00Z"})
    idle = served.key("b")
    served.start()
    begun = int(time.time())
    assert served.ask(key, ICI).status == 200
    assert served.ask(Key(idle.id, "b"), ICI).status == 401  # a bad signature is no use
    m = scraped(served)
    used = m.value("cmpd_key_last_use_timestamp_seconds", peer="b", id=key.id)
    assert begun <= used <= time.time()
    assert m.value("cmpd_key_last_use_timestamp_seconds", peer="b", id=idle.id) == 0
    left = m.value("cmpd_key_left_seconds", use="issued", peer="b", id=key.id)
    assert abs(left - (4070908800 - time.time())) < 60
    assert m.value("cmpd_key_left_seconds", use="issued", peer="b", id=idle.id) == float("inf")


def lines_with(site, *words):
    """Those that have any of these words in their labels."""
    told = [name for name in scraped(site).values if "{" in name]
    return [name for name in told if any(f'"{word}"' in name for word in words)]


def reload(site):
    ended = run(CMPCTL, "reload", "--config", site.write())
    assert ended.returncode == 0, ended.stderr


def test_what_a_reload_takes_away_has_no_lines_any_more(served):
    """Names come and go for as long as a daemon runs, and its lines would only get more."""
    served.write_codes({"ici": "1A0F1-2", "content": "two"}, path="more.ndjson")
    served.config["plugins"]["more"] = {"use": "store_file", "path": "more.ndjson"}
    served.config["resolve"]["stores"] = ["codes", "more"]
    b, c = served.peer("b"), served.peer("c")
    other = {**served.listener, "name": "other", "bind": f"127.0.0.1:{free_port()}"}
    served.config["listeners"].append(other)
    served.start()
    assert served.ask(c, "1A0F1-2").status == 200
    assert served.ask(b, ICI).status == 200
    found = {"name": "more", "operation": "lookup", "verdict": "found"}
    assert scraped(served).value("cmpd_instance_answers_total", **found) == 1
    assert len(lines_with(served, "c", "more", "other")) > 40
    with_all = json.loads(json.dumps(served.config))
    served.config["peers"] = [p for p in served.config["peers"] if p["name"] == "b"]
    served.issued = [b]
    served.config["listeners"].pop()
    del served.config["plugins"]["more"]
    served.config["resolve"]["stores"] = ["codes"]
    reload(served)
    eventually(lambda: lines_with(served, "c", "more", "other") == [])
    assert "cmpd_transactions_total" in "".join(lines_with(served, "b"))
    served.config, served.issued = with_all, [b, c]
    reload(served)
    assert served.ask(c, "1A0F1-2").status == 200
    m = scraped(served)
    assert m.value("cmpd_instance_answers_total", **found) == 2
    assert m.value("cmpd_transactions_total", peer="c", code="ok") == 2


def test_a_name_that_goes_to_another_plugin_takes_nothing_along(served):
    served.write_codes({"ici": ICI, "content": "one"})
    key = served.peer("b")
    served.start()
    assert scraped(served).value("cmpd_plugin_store_file_codes", name="codes") == 1
    served.config["plugins"]["codes"] = sqlite(served)
    assert run(CMPCTL, "reload", "--dry-run", "--config", served.write()).returncode == 0
    m = scraped(served)
    assert m.value("cmpd_plugin_store_file_codes", name="codes") == 1
    assert "store_sql" not in m.text
    reload(served)
    assert served.ask(key, ICI).status == 404
    eventually(lambda: "store_file" not in metrics(served))
    assert scraped(served).value("cmpd_plugin_store_sql_bad_rows_total", name="codes") == 0


def test_peers_and_their_circuits(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    home.config["admin"] = {"socket": "admin.sock"}
    home.expect_error("circuit")
    b.holds(**{"2B001-1": "one"})
    world.start()
    assert home.scan("2B001-1").status == 200
    assert home.scan("2B001-2").status == 404
    m = scraped(home)
    assert m.value("cmpd_peer_attempts_total", peer="b", result="answered") == 2
    assert m.value("cmpd_peer_in_flight", peer="b") == 0
    assert m.value("cmpd_peer_attempt_duration_seconds_count", peer="b") == 2
    assert m.value("cmpd_wait_duration_seconds_count", step="forward") == 2
    assert circuit(home) == "closed"
    mine = {"interface": "mc-1", "peer": ""}
    assert m.value("cmpd_transactions_total", **mine, verdict="relayed", code="ok") == 1
    assert {name for name in m.types if name.startswith("cmpd_peer")} <= listed()
    b.stop()
    eventually(lambda: home.scan("2B001-1").status >= 500 and circuit(home) == "open")
    m = scraped(home)
    assert m.value("cmpd_peer_attempts_total", peer="b", result="not_sent") >= 1


def circuit(site):
    lines = re.findall(r'cmpd_peer_circuit\{peer="b",.*state="(\w+)"\} 1', metrics(site))
    assert len(lines) == 1
    return lines[0]


DAY = 86400


def left(site, what, /, **labels):
    return scraped(site).value(f"cmpd_{what}_left_seconds", **labels)


def test_certificates_and_revocation_lists(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    home.config["admin"] = {"socket": "admin.sock"}
    crl = home.folder / "crl.pem"
    world.authority.revoke(crl)
    home.entry("b")["tls"]["crl"] = str(crl)
    world.start()
    certificate = x509.load_pem_x509_certificate(
        Path(home.listener["tls"]["certificate"]).read_bytes()
    )
    end = certificate.not_valid_after.replace(tzinfo=timezone.utc).timestamp()
    told = left(home, "certificate", of="listener", name="peers", kind="certificate")
    assert abs(told - (end - time.time())) < 60
    assert left(home, "certificate", of="peer", name="b", kind="ca") > 0
    listed_end = x509.load_pem_x509_crl(crl.read_bytes()).next_update
    listed_end = listed_end.replace(tzinfo=timezone.utc).timestamp()
    told = left(home, "crl", of="peer", name="b", file=str(crl))
    assert abs(told - (listed_end - time.time())) < 60


def test_what_is_under_way_and_what_there_may_be(served):
    begun, until = served.folder / "begun", served.folder / "until"
    files = {"begun": str(begun), "until": str(until), "path": str(served.folder / "ends")}
    served.store("store_async", delay="5m", ici=ICI, **files)
    served.config["limits"] = {"transactions": 7}
    key = served.peer("b")
    served.start()
    m = scraped(served)
    assert m.value("cmpd_transactions_under_way") == 0
    assert m.value("cmpd_limit", of="transactions") == 14
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(served.ask, key, ICI)
        eventually(lambda: scraped(served).value("cmpd_transactions_under_way") == 1)
        grown(begun, 1)
        time.sleep(1)  # longer than a bucket below
        until.touch()
        asked.result()
    m = scraped(served)
    assert m.value("cmpd_transactions_under_way") == 0
    assert m.value("cmpd_wait_duration_seconds_count", step="lookup") == 1
    assert m.value("cmpd_wait_duration_seconds_bucket", step="lookup", le="0.5") == 0


def test_a_key_whose_share_of_the_replay_memory_is_full(served):
    served.config["workers"] = 1
    served.config["replay"] = {"size": "64K", "quota": 1, "when_full": "refuse"}
    key = served.peer("b")
    served.start()
    statuses = [served.ask(key, ICI).status for _ in range(200)]
    refused = statuses.count(429)
    assert 0 < refused < 200
    assert scraped(served).value("cmpd_replay_refused_total") == refused


def test_a_thousand_peers(served):
    """A scrape takes less than 20 ms of a processor; how busy that is meanwhile is others' affair.
    What a sanitizer watches takes some ten times as long, which nobody was promised."""
    for i in range(1000):
        served.config["peers"].append(
            {
                "name": f"peer-{i}",
                "host": f"p{i}.example.net",
                "url": f"https://p{i}.example.net",
                "prefixes": [f"{i + 4096:04X}A"],
                "sign_with": "hmac",
                "allow": {"interfaces": ["mc-3"]},
            }
        )
        served.key(f"peer-{i}", not_after="2099-01-01T00:00:00Z")
    served.peer("b")
    served.start()
    for key in served.issued[:50]:
        assert served.ask(key, ICI).status == 200
    transport = httpx.HTTPTransport(uds=str(served.folder / "admin.sock"))
    client = httpx.Client(transport=transport, base_url="http://cmpd", timeout=PATIENCE)
    texts = [client.get("/metrics").text for _ in range(11)]
    used = [Scrape(text).value("process_cpu_seconds_total") for text in texts]
    took = min(after - before for before, after in zip(used, used[1:]))
    assert texts[0].count("cmpd_peer_circuit{") == 3 * 1000
    print(f"{took * 1000:.1f} ms for {len(texts[0])} octets")
    assert took < (0.2 if SANITIZED else 0.02)


def test_a_daemon_that_does_not_run(served):
    served.write()
    ended = run(CMPCTL, "metrics", "--config", served.folder / "cmpd.yaml")
    assert ended.returncode == 2 and "does the daemon run?" in ended.stderr
    assert run(CMPCTL, "metrics").returncode == 2


# ---- on a listener ----


@pytest.fixture
def scraped_at(served):
    """With a listener of its own, in the clear."""
    served.scrape_port = free_port()
    served.config["listeners"].append(
        {
            "name": "scrapes",
            "bind": f"127.0.0.1:{served.scrape_port}",
            "interfaces": [],
            "metrics": True,
        }
    )
    return served


def over_http(site, path="/metrics", *, method="GET", **how):
    url = f"http://127.0.0.1:{site.scrape_port}{path}"
    return httpx.request(method, url, timeout=PATIENCE, **how)


def test_a_listener_of_their_own(scraped_at):
    busy(scraped_at)
    answer = over_http(scraped_at)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    there, here = Scrape(answer.text), scraped(scraped_at)
    assert there.value("cmpd_requests_total", result="resolved") == 1
    assert set(there.types) == set(here.types)
    accepted = over_http(scraped_at, headers={"accept": "application/openmetrics-text"})
    assert accepted.text.endswith("\n# EOF\n")
    # Nothing else of the admin socket is there, and no scrape is a request.
    assert over_http(scraped_at, "/stats").status_code == 404
    assert over_http(scraped_at, "/reload", method="POST").status_code == 404
    assert over_http(scraped_at, method="HEAD").text == ""
    last = scraped(scraped_at)
    assert last.value("cmpd_requests_total", result="not_found") == 2
    assert last.value("cmpd_requests_total", result="resolved") == 1


def test_beside_interfaces_over_tls_and_only_where_asked_for(served):
    served.start()
    assert served.send(path="/metrics", method="GET").status == 404
    served.listener["metrics"] = True
    assert run(CMPCTL, "reload", "--config", served.write()).returncode == 0
    for http2 in (False, True):
        answer = served.send(path="/metrics", method="GET", http2=http2)
        assert answer.status == 200 and b"cmpd_workers 2\n" in answer.body


def test_a_crowd_of_scrapers_takes_nothing_from_operators(scraped_at):
    scraped_at.start()
    with ThreadPoolExecutor(40) as pool:
        answers = [pool.submit(over_http, scraped_at) for _ in range(400)]
        assert "cmpd_workers" in metrics(scraped_at)
        statuses = {answer.result().status_code for answer in answers}
    assert 200 in statuses and statuses <= {200, 503}
    assert over_http(scraped_at).status_code == 200


def test_a_listener_for_nothing(served):
    served.listener["interfaces"] = []
    ended = run(CMPD, "-t", "-c", served.write())
    assert ended.returncode == 1
    assert "at least one interface is needed, or health or metrics" in ended.stderr
