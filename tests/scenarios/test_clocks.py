# SPDX-License-Identifier: Apache-2.0
"""Freshness hangs on the clock: one that nobody keeps right, and one of a requestor that is wrong by as
much each time, are said. What waits hangs on another one."""
import os
import signal
import time

import pytest
from daemon import BUILD, CMPCTL, CMPD, SANITIZED, run
from signing import uuid7
from stores import Shelf, ask_until_logged, eventually, postgresql
from test_metrics import scraped

ICI = "1A0F1-COUNTED"
NOBODY = "nobody keeps this machine's clock right"
UNKNOWN = "the kernel does not say whether somebody keeps this machine's clock right"


def kept(yes):
    """None: the kernel does not say."""
    answer = "-" if yes is None else int(yes)
    return ["env", f"LD_PRELOAD={BUILD}/tests/set_clock.so", f"CLOCK_KEPT={answer}"]


preloads = pytest.mark.skipif(SANITIZED, reason="a preloaded library does not go with sanitizers")


@preloads
@pytest.mark.parametrize("yes", [True, False])
def test_whether_the_clock_is_kept(site, yes):
    site.peer("b")
    site.wrapped = kept(yes)
    site.start()
    assert (NOBODY in site.log_text()) == (not yes)
    checked = run(*kept(yes), CMPD, "-t", "-c", site.folder / "cmpd.yaml")
    assert checked.returncode == 0 and (NOBODY in checked.stderr) == (not yes)


@preloads
def test_what_the_kernel_does_not_say_is_not_made_up(site):
    site.peer("b")
    site.config["admin"] = {"socket": "admin.sock"}
    site.wrapped = kept(None)
    site.start()
    assert f"{UNKNOWN}: Operation not permitted" in site.log_text()
    assert NOBODY not in site.log_text()
    assert [name for name in scraped(site).types if name.startswith("cmpd_clock_")] == []
    site.stop()
    assert site.log_text().count(UNKNOWN) == 1


def ask(site, key, by, times):
    return [site.ask(key, ICI, tid=uuid7(at=time.time() + by)).status for _ in range(times)]


@pytest.mark.parametrize(
    "by, max_skew, status, words",
    [
        (60, "5m", 200, "b (key b-1) is ahead of ours by"),
        (-60, "5m", 200, "b (key b-1) is behind ours by"),
        (-60, "10s", 401, "b (key b-1) is behind ours by"),
    ],
)
def test_a_requestor_whose_clock_is_wrong(site, by, max_skew, status, words):
    b = site.peer("b", key={"tid_format": "uuidv7", "max_skew": max_skew})
    c = site.peer("c", key={"tid_format": "uuidv7", "max_skew": "5m"})
    site.config["workers"] = 1
    site.counting()
    site.start()

    def sixteen():
        """Are looked at together, and tell of no clock if one of them was held up."""
        assert ask(site, b, by, 16) == [status] * 16

    ask_until_logged(site, words, sixteen)
    sixteen()  # which is not told again
    assert ask(site, c, 0, 16) == [200] * 16
    message = site.wait_for_log(words)["message"]
    assert abs(int(message.split(" by ")[1].split()[0]) - abs(by)) <= 2
    site.stop()
    assert site.log_text().count("the clock of") == 1


@pytest.fixture
def settable(site):
    """set_back() takes an hour off the clock."""
    clock = site.folder / "clock"
    site.wrapped = ["env", f"LD_PRELOAD={BUILD}/tests/set_clock.so", f"SET_CLOCK={clock}"]
    site.config["workers"] = 1
    site.set_back = lambda by=3600: clock.write_text(str(-by))
    return site


@preloads
def test_what_is_cached_lasts_no_longer_when_the_clock_is_set_back(settable):
    b = settable.peer("b")
    asked = settable.counting(cache={"negative_ttl": "1s"})
    settable.start()
    assert settable.ask(b, "1A0F1-1").status == 404 and asked() == 1
    settable.set_back()
    eventually(lambda: settable.ask(b, "1A0F1-1").status == 404 and asked() == 2)


@preloads
def test_who_may_ask_again_is_told_by_no_clock_that_is_set_back(settable):
    b = settable.peer("b", rate="1/m")
    settable.counting()
    settable.start()
    assert settable.ask(b, ICI).status == 200
    settable.set_back(by=8)
    refused = settable.ask(b, ICI)
    assert refused.status == 429 and int(refused.headers["retry-after"]) <= 60


@preloads
def test_a_process_and_a_configuration_began_once(settable):
    """Whoever sees another number takes it for another process."""
    settable.config["admin"] = {"socket": "admin.sock"}
    settable.start()
    names = ("process_start_time_seconds", "cmpd_configuration_timestamp_seconds")

    def moments():
        m = scraped(settable)
        return [m.value(name) for name in names]

    at_first = moments()
    assert all(abs(at - time.time()) < 60 for at in at_first)
    for _ in range(20):
        assert moments() == at_first
    settable.set_back()
    assert moments() == at_first


@preloads
def test_a_database_that_hangs_is_given_up_when_the_clock_is_set_back(settable, database):
    one = {"connections": 1, "statement_timeout": "5s"}
    shelf = Shelf(settable, postgresql(settable, database) | one)
    settable.config["resolve"]["deadline"] = "1s"
    shelf.take({"ici": ICI, "content": "one"})
    settable.expect_error("the database: ")
    shelf.start()
    eventually(lambda: shelf.content(ICI) == "one")
    of = "select pid from pg_stat_activity where datname = '{}' and query like '%from cmp_codes%'"
    own = " and pid <> pg_backend_pid()"
    [pid] = map(int, database.psql(of.format(database.name) + own).split())
    os.kill(pid, signal.SIGSTOP)
    try:
        assert shelf.content(ICI) == "store_unavailable"  # and an answer is owed
        settable.set_back()
        eventually(lambda: shelf.content(ICI) == "one")
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("by, words", [(90, "s after now"), (-90, "s before now")])
def test_verify_shows_how_far_a_tid_is_from_now(site, by, words):
    b = site.peer("b")
    site.write()
    tid = uuid7(at=time.time() + by)
    words_of = ["verify", "--keys", site.folder / "keys.yaml", "--id", b.id, "--tid", tid]
    words_of += ["--ici", ICI, "--signature", b.sign(tid, ICI)]
    told = run(*kept(True), CMPCTL, *words_of)
    [line] = [line for line in told.stdout.splitlines() if line.startswith("clock:")]
    assert line.endswith(words) and abs(float(line.split()[5]) - 90) < 10
    assert NOBODY not in told.stdout
    assert NOBODY in run(*kept(False), CMPCTL, *words_of).stdout
