# SPDX-License-Identifier: Apache-2.0
"""What the log says last when a plugin, or something else, brings the process down."""
import contextlib
import signal

import httpx
import pytest
from daemon import CMPCTL, CMPD, SANITIZED, run


# How it ends, the signal (None: exit status 1), and the words for it.
ENDS = {
    "segv": (signal.SIGSEGV, "signal SIGSEGV in"),
    "overflow": (signal.SIGSEGV, "signal SIGSEGV in"),
    "fpe": (signal.SIGFPE, "signal SIGFPE in"),
    "abort": (signal.SIGABRT, "signal SIGABRT in"),
    "throw": (signal.SIGABRT, "signal SIGABRT in"),
    "exit": (None, "exit was called in"),
    "wild": (signal.SIGSEGV, "signal SIGSEGV in"),
}
SANITIZERS_OWN = ("segv", "overflow", "fpe", "wild")
WHERE = {
    "lookup": "lookup of special (store_fault), on worker ",
    "timer": "a timer of special (store_fault), on worker ",
    "offload": "an offloaded job of special (store_fault), on a thread of the pool",
}


def bring_down(site, how, where):
    """Starts cmpd and asks for what ends it; returns the exit status and the log's lines."""
    if SANITIZED and how in SANITIZERS_OWN:
        pytest.skip("sanitizers have their own last words")
    key = site.peer("b")
    site.store("store_fault", how=how, where=where)
    site.start()
    assert site.ask(key, "1A0F1-GOOD").status == 200
    with contextlib.suppress(httpx.TransportError):  # nobody answers any more
        site.ask(key, "1A0F1-FAULT")
    status = site.wait()
    site.expect_error("the process ends")
    return status, site.log_text().splitlines()


@pytest.mark.parametrize("how", ENDS)
def test_the_last_line_names_the_plugin(site, how):
    number, words = ENDS[how]
    status, lines = bring_down(site, how, "lookup")
    assert status == (1 if number is None else -number)
    assert words in lines[-1]
    assert WHERE["lookup"] in lines[-1]
    assert site.log("error")[-1]["message"].endswith(": the process ends")
    assert len(site.log("error")) == 1


@pytest.mark.parametrize("where", ["timer", "offload"])
def test_it_names_the_callback(site, where):
    _, lines = bring_down(site, "abort", where)
    assert WHERE[where] in lines[-1]


def test_an_answer_that_comes_later_is_read_as_its_plugins_too(site):
    _, lines = bring_down(site, "wild", "timer")
    assert WHERE["lookup"] in lines[-1]


def test_what_the_runtime_said_stands_before_it(site):
    _, lines = bring_down(site, "throw", "lookup")
    assert any("terminate called after throwing" in line for line in lines[:-1])


@pytest.mark.parametrize("how", ["abort", "exit"])
def test_a_check_says_it_as_well(site, how):
    """Where exit(0) would have been the exit status of a good configuration."""
    site.peer("b")
    site.store("store_fault", how=how, where="create")
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == (1 if how == "exit" else -signal.SIGABRT)
    assert "in create of special (store_fault), on the control thread" in ended.stderr


def test_cmpctl_says_it_of_the_stores_that_it_asks(site):
    site.peer("b")
    site.store("store_fault", how="abort")
    of = ("--config", site.write(), "--store", "special")
    ended = run(CMPCTL, "codes", "get", "1A0F1-FAULT", *of)
    assert ended.returncode == -signal.SIGABRT
    last = ended.stderr.splitlines()[-1]
    assert "signal SIGABRT in lookup of special (store_fault), on cmpctl" in last


def test_a_signal_from_outside_is_no_plugins_fault(site):
    site.peer("b")
    site.start()
    site.signal(signal.SIGABRT)
    assert site.wait() == -signal.SIGABRT
    site.expect_error("the process ends")
    assert "signal SIGABRT from another process, on " in site.log_text().splitlines()[-1]


def test_a_stop_says_nothing_of_it(site):
    site.peer("b")
    site.start()
    site.stop()
    assert not site.log("error")
    assert site.log()[-1]["message"] == "stopped"


@pytest.mark.skipif(SANITIZED, reason="sanitizers want no core dumps")
def test_the_core_dump_stays(site):
    with open("/proc/sys/kernel/core_pattern") as pattern:
        if pattern.read(1) in "/|":
            pytest.skip("core dumps go elsewhere on this machine")
    key = site.peer("b")
    site.store("store_fault", how="segv")
    site.wrapped = ["env", f"--chdir={site.folder}", "prlimit", "--core=unlimited"]
    site.start()
    with pytest.raises(httpx.TransportError):
        site.ask(key, "1A0F1-FAULT")
    assert site.wait() == -signal.SIGSEGV
    site.expect_error("the process ends")
    assert list(site.folder.glob("core*"))
