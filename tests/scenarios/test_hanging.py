# SPDX-License-Identifier: Apache-2.0
"""A plugin that never answers: what the requestor gets, who is named, and that others are served."""
import contextlib
import re
import signal
import threading

import httpx
from daemon import CMPCTL, run
from test_codes_api import look_up

HANGS = "1A0F1-FAULT"
GOOD = {"ici": "1A0F1-1", "content": "https://one.example/", "content_type": "uri"}


def hanging(site, *, use="store_fault", transactions=100, drain="500ms", **options):
    """Behind the file of codes, which knows one; each request has 300 ms."""
    key = site.peer("b")
    site.write_codes(GOOD)
    site.config["plugins"]["special"] = {"use": use, **options}
    site.config["resolve"] = {"stores": ["codes", "special"], "deadline": "300ms"}
    site.config["limits"] = {"transactions": transactions}
    site.config |= {"workers": 1, "drain": drain, "admin": {"socket": str(site.folder / "admin")}}
    site.start()
    return key


def end(site):
    """The process cannot end cleanly, and does not wait for ever."""
    site.signal(signal.SIGTERM)
    assert site.wait() == 1
    assert site.log()[-1]["message"] == "ending while plugins still hang"


def unavailable(answer):
    return (answer.status, answer.code) == (503, "store_unavailable")


def messages(site, level="warning"):
    return [line["message"] for line in site.log(level)]


def test_what_is_not_answered_is_named_with_its_number_and_time(site):
    key = hanging(site, how="hang")
    for _ in range(2):
        assert unavailable(site.ask(key, HANGS))
    assert site.ask(key, GOOD["ici"]).status == 200
    line = site.wait_for_log("has not answered")
    assert (line["level"], line["area"]) == ("warning", "special")
    # Those that were late when it looked, which may have been the first alone.
    assert re.match("plugin store_fault has not answered [12] operations ", line["message"])
    assert int(line["message"].split()[-2]) >= 3
    assert site.ask(key, GOOD["ici"]).status == 200
    end(site)
    assert "plugin store_fault still hangs: it has not answered 2 operations" in messages(site)


def test_it_has_a_share_and_leaves_the_others_theirs(site):
    key = hanging(site, how="hang", transactions=4)
    for _ in range(3):
        assert unavailable(site.ask(key, HANGS))
    assert site.counter("special", "not_asked") == 0
    for _ in range(5):
        assert unavailable(site.ask(key, HANGS))
        assert site.ask(key, GOOD["ici"]).status == 200
    assert site.counter("special", "not_asked") == 5
    site.wait_for_log("is not asked: it holds 3 transactions of worker 0")
    end(site)


def test_a_batch_of_codes_counts_as_one_that_it_holds(site):
    site.listener["interfaces"].append("codes")
    token = site.token("reader")
    hanging(site, how="hang", transactions=4)
    for not_asked in (0, 0, 0, 3, 6):
        batch = look_up(site, [HANGS, "1A0F1-2", "1A0F1-3"], token=token)
        assert unavailable(batch)
        assert site.counter("special", "not_asked") == not_asked
    end(site)


def test_what_hangs_on_the_pool_is_named_as_well(site):
    key = hanging(site, use="store_blocking", delay="1h", ici=HANGS)
    assert unavailable(site.ask(key, HANGS))
    site.wait_for_log("plugin store_blocking has not answered 1 operations")
    assert site.ask(key, GOOD["ici"]).status == 200
    end(site)
    assert "a thread of the pool is still in lookup of special (store_blocking)" in messages(site)


def test_cmpctl_does_not_wait_for_ever(site):
    site.peer("b")
    site.store("store_fault", how="hang")
    of = ("--config", site.write(), "--store", "special")
    ended = run(CMPCTL, "codes", "get", HANGS, *of)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(
        "cmpctl: store special does not answer, and does not let go when told to\n"
    )


def test_what_comes_back_is_forgotten(site):
    until = site.folder / "until"
    key = hanging(site, use="store_blocking", delay="5m", until=str(until), ici=HANGS)
    assert unavailable(site.ask(key, HANGS))
    site.wait_for_log("has not answered 1 operations")
    until.touch()
    site.wait_for_log("plugin store_blocking has answered the last of them to worker 0")
    site.stop()


def test_a_worker_that_is_held_does_not_hold_up_the_end(site):
    key = hanging(site, how="hold", hold="1h")
    asking = threading.Thread(target=ask_in_vain, args=(site, key))
    asking.start()
    site.wait_for_log("in lookup of special (store_fault)")
    end(site)
    asking.join()
    assert "worker 0 is still in lookup of special (store_fault)" in messages(site)


def ask_in_vain(site, key):
    with contextlib.suppress(httpx.TransportError):
        site.ask(key, HANGS)
