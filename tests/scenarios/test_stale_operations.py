# SPDX-License-Identifier: Apache-2.0
"""Plugins that use an operation which is over, or which is not theirs: nobody gets another one's
answer by that, and the log names the instance that did it."""
import concurrent.futures
import time

import pytest
from patience import PATIENCE
from signing import uuid7

pytestmark = pytest.mark.threads

REQUESTS, AT_ONCE = 200, 16
OVER = "called complete with an operation that was over"


@pytest.fixture
def stale(site):
    """All on one worker, so that each slot is soon another one's."""
    site.b = site.peer("b")
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["workers"] = 1
    site.expect_error("more stale operations were not logged")
    return site


def ask_many(site, ask, count=REQUESTS):
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, range(count)))


def wait_for_count(site, name, expected, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while site.counter(name, "stale_operations") != expected:
        assert time.monotonic() < deadline, site.counter(name, "stale_operations")
        time.sleep(0.02)


def echoed(site, i):
    ici = f"1A0F1-{i:04}"
    answer = site.ask(site.b, ici)
    return (answer.status, answer.json.get("content")) == (200, f"https://echo.example/{ici}")


def expect_named(site, words, name="special"):
    """Named is who called, by his section in the configuration."""
    assert site.wait_for_log(words)["area"] == name


def test_a_second_completion_is_nobodys_answer(stale):
    stale.store("store_stale", how="twice")
    stale.expect_error(OVER)
    stale.start()
    assert all(ask_many(stale, lambda i: echoed(stale, i)))
    wait_for_count(stale, "special", REQUESTS)
    expect_named(stale, OVER)


def test_a_second_completion_is_not_the_next_stores_answer(stale):
    """The first store knows nothing, and changes its mind while the second one is asked."""
    stale.store("store_stale", how="twice", known=False)
    trace = stale.folder / "trace"
    stale.config["plugins"]["next"] = {
        "use": "store_async", "path": str(trace), "delay": "80ms", "ici": "1A0F1-0001"}
    stale.config["resolve"]["stores"].append("next")
    stale.expect_error(OVER)
    stale.start()
    answers = ask_many(stale, lambda i: stale.ask(stale.b, f"1A0F1-{i % 2:04}"), 60)
    assert [a.status for a in answers] == [404, 200] * 30
    assert {a.json["content"] for a in answers[1::2]} == {"https://async.example/"}
    wait_for_count(stale, "special", 60)
    expect_named(stale, OVER)


def test_a_late_acceptance_lets_nobody_in(stale):
    stale.config["plugins"]["token"] = {"use": "auth_stale"}
    stale.listener["authenticate"] = ["token"]
    stale.write_codes({"ici": "1A0F1-1", "content": "one"})
    stale.expect_error(OVER)
    stale.start()

    def ask(i):
        return stale.send({"tid": uuid7(), "ici": "1A0F1-1", "user": "u",
                           "apikeyid": ("good", "bad")[i % 2]}).status

    assert ask_many(stale, ask) == [200, 401] * (REQUESTS // 2)
    wait_for_count(stale, "token", REQUESTS // 2)
    expect_named(stale, OVER, "token")
    rejected = stale.wait_for_log("rejected: ")
    assert rejected["message"] == "rejected: no good\ntoken"  # one line, as its JSON was read


def test_a_request_is_not_seen_after_its_answer(stale):
    seen = stale.folder / "seen"
    stale.store("store_stale", how="look", seen=str(seen))
    stale.expect_error("with an operation that was over")
    stale.start()
    assert all(ask_many(stale, lambda i: echoed(stale, i), 50))
    wait_for_count(stale, "special", 50 * 10)
    assert seen.read_bytes() == b""
    for service in ("txn_param", "txn_source", "txn_alloc", "op_data"):
        expect_named(stale, f"called {service} with an operation that was over")


def test_another_thread_completes_nothing(stale):
    stale.store("store_stale", how="thread")
    stale.expect_error("called complete on another thread")
    stale.start()
    assert all(ask_many(stale, lambda i: echoed(stale, i)))
    wait_for_count(stale, "special", REQUESTS)
    expect_named(stale, "called complete on another thread than the operation's")


def test_another_instance_completes_nothing(stale):
    """Each request is asked of the thief first, while those before it wait for the lender."""
    stale.store("store_stale", how="lend")
    stale.config["plugins"]["thief"] = {"use": "store_stale", "how": "steal"}
    stale.config["resolve"]["stores"] = ["thief", "special"]
    stale.expect_error("called complete")
    stale.start()
    assert all(ask_many(stale, lambda i: echoed(stale, i)))
    wait_for_count(stale, "thief", REQUESTS)
    assert stale.counter("special", "stale_operations") == 0
    expect_named(stale, "called complete with an operation of another instance", "thief")


def test_what_was_lent_for_a_call_is_nobodys_later(stale):
    stale.store("store_stale", how="write", first="30ms", second="40ms")
    stale.start()
    assert all(ask_many(stale, lambda i: echoed(stale, i)))


def test_who_completes_within_the_call_has_answered(stale):
    stale.store("store_stale", how="inside")
    stale.expect_error("completed, and returned another answer")
    stale.expect_error("more bad answers were not logged")
    stale.start()
    assert all(ask_many(stale, lambda i: echoed(stale, i), 20))
    expect_named(stale, "lookup: completed, and returned another answer after it")
