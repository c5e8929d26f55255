# SPDX-License-Identifier: Apache-2.0
"""`cmpctl log-level`: which lines are logged is changed while the daemon runs, for all workers at
once."""
import json

import pytest
from daemon import CMPCTL, run
from patience import PATIENCE
from stores import eventually
from test_keys import Open

ICI = "1A0F1-1"


@pytest.fixture
def served(site):
    site.config["workers"] = 3
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["log"]["level"] = "notice"
    site.b = site.peer("b")
    site.write_codes({"ici": ICI, "content": "one"})
    return site.start()


def level(site, *words):
    return run(CMPCTL, "log-level", "--socket", site.folder / "admin.sock", *words)


def requests(site):
    return len([line for line in site.log() if line["message"] == "request"])


def test_it_is_in_force_on_all_workers_when_it_answers(served):
    connections = [Open(served) for _ in range(9)]  # of several workers
    for one in connections:
        assert one.resolve(served.b) in (200, 404)
    assert requests(served) == 0
    ended = level(served, "info")
    assert (ended.returncode, ended.stdout) == (0, "info, was notice\n")
    for one in connections:
        assert one.resolve(served.b) in (200, 404)
    eventually(lambda: requests(served) == 9)
    ended = level(served, "error", "--json")
    assert json.loads(ended.stdout) == {"before": "info", "now": "error", "configured": "notice"}
    for one in connections:
        assert one.resolve(served.b) in (200, 404)
    assert requests(served) == 9
    said = [line["message"] for line in served.log() if "the log's level is" in line["message"]]
    assert said == [
        "the log's level is info from now on, and was notice",
        "the log's level is error from now on, and was info",
    ]


def test_the_next_reload_goes_by_the_configuration(served):
    assert level(served).stdout == "notice\n"
    assert level(served, "debug").returncode == 0
    assert level(served).stdout == "debug until the next reload; configured is notice\n"
    ended = run(CMPCTL, "status", "--once", "--interval", "100ms",
                "--socket", served.folder / "admin.sock")
    assert "log debug" in ended.stdout
    assert run(CMPCTL, "reload", "--socket", served.folder / "admin.sock").returncode == 0
    assert level(served).stdout == "notice\n"


def test_a_process_that_takes_over_goes_by_the_configuration(served):
    assert level(served, "debug").returncode == 0
    before = served.restart()
    assert before.wait(PATIENCE) == 0  # until then it may be the one that is asked
    assert level(served).stdout == "notice\n"


def test_what_is_no_level(served):
    ended = level(served, "loud")
    assert ended.returncode == 1
    assert "level: expected error, warning, notice, info or debug" in ended.stderr
    assert level(served).stdout == "notice\n"
