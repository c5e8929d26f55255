# SPDX-License-Identifier: Apache-2.0
"""What systemd hears of the daemon (Type=notify)."""
import pytest
from daemon import CMPD, run
from manager import Manager


@pytest.fixture
def manager(site):
    made = Manager(site.folder / "notify")
    site.environment = made.environment
    return made


def test_a_life(site, manager):
    site.start()
    pid = site.process.pid
    assert manager.hear() == ({"READY": "1"}, pid)
    site.stop()
    assert manager.hear() == ({"STOPPING": "1"}, pid)
    assert manager.heard_all() == []


def test_what_does_not_start_is_not_ready(site, manager):
    site.config["workers"] = "many"
    ended = run(CMPD, "-c", site.write(), env=manager.environment)
    assert ended.returncode == 1
    assert manager.heard_all() == []


def test_a_check_says_nothing(site, manager):
    assert run(CMPD, "-t", "-c", site.write(), env=manager.environment).returncode == 0
    assert manager.heard_all() == []


def test_a_manager_that_is_gone_holds_nothing_up(site, manager):
    manager.socket.close()
    site.start()
    assert site.wait_for_log("the service manager cannot be told")["level"] == "warning"
