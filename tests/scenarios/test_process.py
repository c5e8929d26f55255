# SPDX-License-Identifier: Apache-2.0
"""The process in its surroundings: closed standard descriptors, and signals that mean nothing."""
import os
import signal
from pathlib import Path

import pytest
from daemon import CMPCTL, CMPD, run
from reload import becomes

CLOSINGS = ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]
ICI = "1A0F1-1"


def target(site, descriptor):
    return os.readlink(f"/proc/{site.process.pid}/fd/{descriptor}")


@pytest.mark.parametrize("closing", CLOSINGS)
def test_closed_standard_descriptors_lead_nowhere(site, closing):
    """Else a socket becomes one of them: standard error was the first loop's epoll descriptor."""
    b = site.peer("b")
    site.write_codes({"ici": ICI, "content": "x"})
    site.wrapped = ["sh", "-c", f'exec "$@" {closing}', "sh"]
    site.mute = "2>&-" in closing
    site.start()
    assert site.ask(b, ICI).status == 200
    for descriptor in range(2):
        where = target(site, descriptor)
        assert where == "/dev/null" or where.startswith("/") and Path(where).exists(), where
    assert target(site, 2).startswith("pipe:")  # what libraries write there is looked at first


def test_a_tool_without_standard_descriptors(site):
    """What it has to say does not end up in the file that it writes."""
    for program in (CMPD, CMPCTL):
        ended = run("sh", "-c", f'exec "{program}" --help <&- 2>&-')
        assert ended.returncode == 0 and ended.stdout.startswith("Usage:")


def test_threads_can_be_told_apart(site):
    """By top -H, a debugger, or perf. The process goes on under its own name."""
    site.config["workers"] = 2
    site.config["limits"] = {"blocking_threads": 2}
    site.config["journal"] = {"path": "journal"}
    site.write_codes({"ici": ICI, "content": "x"})
    site.start()
    folder = Path(f"/proc/{site.process.pid}")
    threads = ["w0", "w1", "journal", "offload", "offload", "watchdog"]
    becomes(  # one that nobody has needed yet may not have run
        sorted(["cmpd", *(f"cmpd/{thread}" for thread in threads)]),
        lambda: sorted(task.read_text().strip() for task in folder.glob("task/*/comm")),
    )
    assert (folder / "comm").read_text() == "cmpd\n"


@pytest.mark.parametrize(
    "number",
    [signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE, signal.SIGIO, signal.SIGXFSZ],
)
def test_signals_that_mean_nothing(site, number):
    b = site.peer("b")
    site.write_codes({"ici": ICI, "content": "x"})
    site.start()
    site.signal(number)
    if number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
        site.wait_for_log(f"signal {int(number)} changes nothing")
    assert site.ask(b, ICI).status == 200
    site.signal(signal.SIGTERM)
    assert site.wait() == 0
