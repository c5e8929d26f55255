"""What strangers and peers cause is logged, but not as often as they cause it: the log says how many
lines it left out, and stays of a size that can be read."""
import pytest
from world import home_and

from daemon import message

ICI = "2B001-1"
ASKED = 100


@pytest.fixture
def guarded(site):
    site.peer("b")
    site.start()
    return site


def test_a_peer_that_is_gone(world):
    b = world.recipient("b")
    home = home_and(world, b)
    world.start()
    b.stop()
    for _ in range(ASKED):
        assert home.scan(ICI).status == 502
    home.wait_for_log("more failures were not logged", 20)  # now that it is quiet
    home.stop()
    shown, all_lines = home.log_count("peer b, 127.0.0.1", "failures")
    assert all_lines == ASKED
    assert shown < ASKED / 2


def test_bad_signatures(guarded):
    forged = message(None, "1A0F1-1", tid="t-1") | {"apikeyid": "b-1", "signature": "00" * 32}
    for _ in range(ASKED):
        assert guarded.send(forged).status == 401
    line = guarded.wait_for_log("more rejections were not logged")
    assert line["source"] == "127.0.0.1"
    guarded.stop()
    shown, all_lines = guarded.log_count("rejected: ", "rejections")
    assert all_lines == ASKED
    assert shown < ASKED / 2


def test_what_was_left_out_is_counted(guarded):
    forged = message(None, "1A0F1-1", tid="t-1") | {"apikeyid": "b-1", "signature": "00" * 32}
    for _ in range(ASKED):
        guarded.send(forged)
    guarded.stop()
    line = guarded.wait_for_log("log not_logged ")
    shown, all_lines = guarded.log_count("rejected: ", "rejections")
    assert int(line["message"].split()[-1]) == all_lines - shown
