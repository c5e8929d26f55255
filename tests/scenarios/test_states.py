# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, or is about to, brought about one by one, and read from /metrics and /ready as who
watches from outside does, and from `cmpctl status`."""
import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import journal
import pytest
from daemon import CMPCTL, run
from signing import uuid7
from stores import eventually, remote
from test_metrics import circuit, scraped
from test_watchdog import Asking, holding, let_go, listening
from world import home_and

ICI = "1A0F1-1"


@pytest.fixture
def watched(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.listener["health"] = True
    site.write_codes({"ici": ICI, "content": "one"})
    site.b = site.peer("b")
    return site


def ready(site):
    """The status of /ready, and what it says."""
    answer = site.send(path="/ready", method="GET")
    return answer.status, answer.json


def cmpctl(site, *words):
    ended = run(CMPCTL, *words, "--config", site.folder / "cmpd.yaml")
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def status(site):
    return json.loads(cmpctl(site, "status", "--json", "--interval", "100ms"))


def test_a_peer_that_is_down_and_comes_back(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    home.listener["health"] = True
    home.expect_error("circuit")
    b.holds(**{"2B001-1": "one"})
    world.start()
    assert home.scan("2B001-1").status == 200
    assert (circuit(home), ready(home)[1]["peers_down"]) == ("closed", 0)
    b.stop()
    eventually(lambda: home.scan("2B001-1").status >= 500 and circuit(home) != "closed")
    m = scraped(home)
    assert m.value("cmpd_peer_attempts_total", peer="b", result="not_sent") >= 3
    code, said = ready(home)
    assert (code, said["ready"], said["degraded"], said["peers_down"]) == (200, True, True, 1)
    [peer] = [p for p in status(home)["peers"] if p["peer"] == "b"]
    assert peer["servers"][0]["circuit"] != "closed"
    b.start()
    eventually(lambda: circuit(home) == "closed" and ready(home)[1]["peers_down"] == 0)
    assert home.scan("2B001-1").status == 200


def test_a_store_that_is_down_behind_its_cache(watched, codes_server):
    watched.config["plugins"]["far"] = remote(watched, codes_server)
    watched.config["plugins"]["far"]["cache"] = {"ttl": "1s", "serve_stale": "1h"}
    watched.config["resolve"]["stores"] = ["far"]
    codes_server.write_codes({"ici": ICI, "content": "one"})
    codes_server.config["resolve"]["stores"] = ["codes"]
    watched.config["workers"] = 1  # each has a cache of its own
    watched.expect_error("/codes/v1")
    watched.expect_error("circuit")
    codes_server.start()
    watched.start()
    far = {"name": "far", "plugin": "store_remote"}
    assert watched.ask(watched.b, ICI).status == 200
    m = scraped(watched)
    assert m.value("cmpd_instance_answers_total", **far, operation="lookup", verdict="found") == 1
    assert m.value("cmpd_instance_answer_duration_seconds_count", **far) == 1
    assert m.value("cmpd_instance_cache_entries", **far) == 1
    assert 0 < m.value("cmpd_instance_cache_size_bytes", **far) < 2000
    assert m.value("cmpd_instance_cache_stale_total", **far) == 0
    codes_server.stop()

    def is_stale():
        assert watched.ask(watched.b, ICI).status == 200
        return scraped(watched).value("cmpd_instance_cache_stale_total", **far) > 0

    eventually(is_stale)
    m = scraped(watched)
    assert m.value("cmpd_instance_answers_total", **far, operation="lookup", verdict="unavailable") > 0
    assert ready(watched)[0] == 200
    assert status(watched)["counters"]["far"]["cache_stale"] > 0


def test_a_key_that_ends(watched):
    now = time.time()
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 5))
    key = watched.key("b", not_after=end)
    watched.start()

    def left():
        return scraped(watched).value("cmpd_key_left_seconds", use="issued", peer="b", id=key.id)

    assert left() < 6  # a rule warns long before
    assert "b" in json.dumps([end for end in status(watched)["ends"] if end["kind"] == "key"])
    eventually(lambda: left() < 0)
    assert watched.ask(key, ICI).status == 401
    m = scraped(watched)
    assert m.value("cmpd_transactions_total", peer="", code="authentication_failed") == 1
    assert m.value("cmpd_key_last_use_timestamp_seconds", use="issued", id=key.id) < now + 6


def test_when_keys_and_tokens_were_used_last(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    b.holds(**{"2B001-1": "one"})
    token = home.token("reader", allow=["read"])
    home.listener["interfaces"].append("codes")
    world.start()
    key = {"use": "received", "peer": "b", "id": home.received[0].id}
    m = scraped(home)
    assert m.value("cmpd_key_last_use_timestamp_seconds", **key) == 0
    assert m.value("cmpd_token_last_use_timestamp_seconds", name="reader") == 0
    begun = int(time.time())
    assert home.scan("2B001-1").status == 200
    bearer = {"authorization": f"Bearer {token}"}
    assert home.send(path="/codes/v1/codes/1A0F1-1", method="GET", headers=bearer).status == 404
    m = scraped(home)
    assert m.value("cmpd_key_last_use_timestamp_seconds", **key) >= begun
    assert m.value("cmpd_token_last_use_timestamp_seconds", name="reader") >= begun


def test_a_peer_whose_clock_is_ahead(watched):
    watched.start()
    assert watched.ask(watched.b, ICI, tid=uuid7(time.time() + 60)).status == 200
    assert 30 < scraped(watched).value("cmpd_peer_clock_ahead_seconds", peer="b") <= 60
    m = scraped(watched)
    assert m.value("cmpd_clock_kept") in (0, 1)
    assert abs(m.value("cmpd_clock_offset_seconds")) < 1


def test_a_rate_that_is_used_up(watched):
    watched.config["peers"][0]["rate"] = "1/h"
    watched.start()
    statuses = [watched.ask(watched.b, ICI).status for _ in range(30)]
    refused = statuses.count(429)
    assert refused > 0

    def counted():
        m = scraped(watched)
        of_limit = m.value("cmpd_limit_refused_total", of="peer_rate")
        of_code = m.value("cmpd_transactions_total", peer="b", code="rate_limited")
        return of_limit == of_code == refused

    eventually(counted)  # by a worker that had answered before
    assert ready(watched)[1]["ready"] is True
    interfaces = status(watched)["transactions"]["interfaces"]
    [mc3] = [one for one in interfaces if one["interface"] == "mc-3"]
    assert mc3["errors"]["rate_limited"] == refused


def test_limits_that_are_reached(watched):
    """One transaction waits for the one thread that may block; the next finds no room."""
    begun = watched.folder / "begun"
    watched.store("store_blocking", delay="20s", begun=str(begun))
    watched.config["workers"] = 1
    watched.config["limits"] = {"transactions": 1, "blocking_threads": 1}
    watched.config["resolve"]["deadline"] = "15s"
    watched.start()
    m = scraped(watched)
    assert m.value("cmpd_limit", of="transactions") == m.value("cmpd_limit", of="blocking_threads") == 1
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(watched.ask, watched.b, "1A0F1-BLOCKING")
        eventually(lambda: scraped(watched).value("cmpd_limit_used", of="blocking_threads") == 1)
        m = scraped(watched)
        assert m.value("cmpd_limit_used", of="transactions") == 1
        assert m.value("cmpd_instance_under_way", name="special") == 1
        assert m.value("cmpd_limit_used", of="connections") >= 1
        assert watched.ask(watched.b, ICI).code == "overloaded"
        assert scraped(watched).value("cmpd_limit_refused_total", of="transactions") == 1
        assert asked.result().status == 503

    def late():
        return scraped(watched).value("cmpd_instance_late_answers_total", name="special")

    eventually(lambda: late() == 1)
    assert scraped(watched).value("cmpd_instance_under_way", name="special") == 0


def test_a_plugin_that_holds_its_thread(site):
    site.listener["health"] = True
    key = holding(site, stall="50ms", stuck_after="300ms")
    site.expect_error("is stuck in lookup of special")
    assert scraped(site).value("cmpd_ready") == 1
    asking = Asking(site, key)
    site.wait_for_log("is stuck in lookup of special (store_fault)")
    eventually(lambda: listening(site) == 1)  # which comes after the line
    code, said = ready(site)
    m = scraped(site)
    assert (code, said["stuck"], m.value("cmpd_ready")) == (503, True, 0)
    assert m.value("cmpd_instance_stalls_total", name="special") == 1
    held = [v for name, v in m.values.items() if name.startswith("cmpd_thread_held_seconds")]
    assert max(held) >= 0.3
    assert sum(v for name, v in m.values.items() if name.startswith("cmpd_thread_stuck")) == 1
    for _ in range(3):  # whichever worker it is: the other one answers
        told = status(site)
        assert told["ready"] is False
        assert [one["stuck"] for one in told["held"]] == [True]
    assert asking.is_alive()
    let_go(site)
    asking.join()
    site.wait_for_log("moves again")
    eventually(lambda: scraped(site).value("cmpd_ready") == 1)
    assert scraped(site).value("cmpd_instance_longest_stall_seconds", name="special") > 0.3
    assert status(site)["counters"]["special"]["stalls"] == 1


def test_one_that_drains(watched):
    watched.start()
    m = scraped(watched)
    assert (m.value("cmpd_draining"), m.value("cmpd_ready")) == (0, 1)
    cmpctl(watched, "drain")
    m = scraped(watched)
    code, said = ready(watched)
    assert (m.value("cmpd_draining"), m.value("cmpd_ready")) == (1, 0)
    assert (code, said["draining"]) == (503, True)
    assert status(watched)["draining"] is True
    cmpctl(watched, "undrain")
    m = scraped(watched)
    assert (m.value("cmpd_draining"), m.value("cmpd_ready")) == (0, 1)
    assert ready(watched)[0] == 200


def test_a_configuration_that_is_refused(watched):
    watched.start()
    since = scraped(watched).value("cmpd_configuration_timestamp_seconds")
    watched.expect_error("")
    (watched.folder / "cmpd.yaml").write_text(json.dumps(watched.config | {"what": 1}))
    assert run(CMPCTL, "reload", "--socket", watched.folder / "admin.sock").returncode != 0
    watched.write()
    m = scraped(watched)
    assert m.value("cmpd_reloads_refused_total") == 1
    assert m.value("cmpd_configuration_timestamp_seconds") == pytest.approx(since, abs=0.1)
    cmpctl(watched, "reload")
    m = scraped(watched)
    assert m.value("cmpd_reloads_taken_total") == 1
    assert m.value("cmpd_configuration_timestamp_seconds") > since


def test_a_journal_that_falls_behind(watched):
    journal.keep(watched, segment_age="1s")
    watched.expect_error("cannot be written")
    watched.expect_error("could not be written")
    watched.expect_error("are lost")
    watched.start()
    assert watched.ask(watched.b, ICI).status == 200

    def written():
        m = scraped(watched)
        return m.value("cmpd_journal_waiting_bytes") == 0 and m.value("cmpd_journal_records_total") == 1

    eventually(written)
    m = scraped(watched)
    assert m.value("cmpd_journal_behind_seconds") == 0
    assert m.value("cmpd_journal_written_bytes_total") > 100
    folder = journal.folder(watched)  # without it there can be no new segment, as on a full disk
    # Again, when meanwhile a segment was packed into it.
    eventually(lambda: shutil.rmtree(folder, ignore_errors=True) or not folder.exists())

    def behind():
        assert watched.ask(watched.b, ICI).status == 200
        return scraped(watched).value("cmpd_journal_behind_seconds") > 0.5

    eventually(behind)
    m = scraped(watched)
    assert m.value("cmpd_journal_failures_total") > 0
    assert m.value("cmpd_journal_waiting_bytes") > 0
