# SPDX-License-Identifier: Apache-2.0
"""`cmpctl status` on a terminal: what a person sees, and that the terminal is theirs again however it
ends."""
import os
import signal

import pytest
from daemon import CMPCTL
from patience import PATIENCE
from screen import OTHER_SCREEN, Terminal
from test_status import shown

ICI = "1A0F1-1"


@pytest.fixture
def served(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.b = site.peer("b")
    site.write_codes({"ici": ICI, "content": "one"})
    return site.start()


@pytest.fixture
def watch(served):
    """Opens terminals in which the status is watched."""
    open_ones = []

    def make(*words, **how):
        command = [CMPCTL, "status", "--socket", served.folder / "admin.sock", "--interval", "100ms"]
        open_ones.append(Terminal(*command, *words, **how))
        return open_ones[-1]

    yield make
    for one in open_ones:
        one.close()


def is_whole(text):
    return "serving" in text and "q quits" in text


def test_it_lives_and_q_ends_it(served, watch):
    terminal = watch()
    terminal.until(is_whole)
    assert terminal.lines[-1].endswith("· q quits")
    assert "mc-3" not in terminal.text
    served.ask(served.b, ICI)
    served.ask(served.b, "1A0F1-none")
    terminal.until(lambda text: "mc-3" in text and "unknown_ici" in text)
    shown(served, "drain")
    terminal.until(lambda text: "● draining" in text)
    terminal.press(b"x")
    terminal.press(b"q")
    assert terminal.end() == 0
    assert terminal.is_as_before()
    assert terminal.raw.count(OTHER_SCREEN) == 1


def test_nothing_is_wiped_out_before_it_is_drawn_again(watch):
    """Or it would flicker: each line is drawn over the one that was there."""
    terminal = watch()
    terminal.until(is_whole)
    begun = len(terminal.raw)
    frames = lambda _: terminal.raw.count(b"\033[H", begun) > 3
    terminal.until(frames)
    assert b"\033[2J" not in terminal.raw
    one = terminal.raw[begun:].split(b"\033[H")[2]
    assert one.endswith(b"\033[J") and b"\033[J" not in one[:-3]


@pytest.mark.parametrize("columns, rows", [(40, 10), (80, 24), (200, 60), (20, 3)])
def test_any_size_will_do(watch, columns, rows):
    terminal = watch(columns=columns, rows=rows)
    terminal.until(lambda text: "cmpd" in text)
    assert len(terminal.lines) == rows
    terminal.press(b"q")
    assert terminal.end() == 0


def test_the_size_changes(watch):
    terminal = watch(columns=80, rows=24)
    terminal.until(is_whole)
    terminal.resize(150, 40)
    terminal.until(lambda text: terminal.lines[39].endswith("q quits"))
    terminal.resize(60, 12)
    terminal.until(lambda text: terminal.lines[11].endswith("q quits"))


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGILL"])
def test_a_signal_ends_it_and_gives_the_terminal_back(watch, number):
    terminal = watch()
    terminal.until(is_whole)
    terminal.signal(getattr(signal, number))
    status = terminal.end()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == getattr(signal, number)
    assert terminal.is_as_before()


def test_ctrl_c(watch):
    terminal = watch()
    terminal.until(is_whole)
    terminal.press(b"\x03")
    assert os.WTERMSIG(terminal.end()) == signal.SIGINT
    assert terminal.is_as_before()


def test_it_is_stopped_and_goes_on(watch):
    terminal = watch()
    terminal.until(is_whole)
    terminal.signal(signal.SIGTSTP)
    terminal.until(lambda text: terminal.is_stopped())
    assert terminal.is_as_before()
    terminal.signal(signal.SIGCONT)
    terminal.until(lambda text: terminal.raw.count(OTHER_SCREEN) == 2 and is_whole(text))
    terminal.press(b"q")
    assert terminal.end() == 0 and terminal.is_as_before()


def test_the_daemon_goes_and_comes_back(served, watch):
    terminal = watch()
    terminal.until(is_whole)
    served.stop()
    terminal.until(lambda text: "GONE for" in text and "nobody listens there" in text)
    served.start()
    terminal.until(lambda text: "serving" in text and "restarted: pid" in text)
    assert "GONE" not in terminal.text


def test_another_process_takes_over(served, watch):
    terminal = watch()
    terminal.until(is_whole)
    before = served.process.pid
    old = served.restart()
    words = f"restarted: pid {served.process.pid}, was {before}"
    terminal.until(lambda text: words in text and "serving" in text)
    assert old.wait(PATIENCE) == 0


def test_colours_are_left_out_on_demand(watch):
    plain, coloured = watch(NO_COLOR="1"), watch()
    for terminal in (plain, coloured):
        terminal.until(is_whole)
    assert b"\033[32m" in coloured.raw and b"\033[32m" not in plain.raw and b"\033[1" not in plain.raw


def test_where_there_is_ascii_alone(watch):
    terminal = watch(LC_ALL="C")
    terminal.until(lambda text: "* serving" in text and "q quits" in text)
    assert terminal.raw.isascii()


def test_a_terminal_that_cannot_draw(watch):
    terminal = watch(TERM="dumb")
    assert terminal.end() == 0
    assert b"\033" not in terminal.raw and b"serving" in terminal.raw
