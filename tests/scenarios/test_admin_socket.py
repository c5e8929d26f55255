# SPDX-License-Identifier: Apache-2.0
"""The admin socket's file, from one process to the next: it is its owner's alone."""
import contextlib
import signal
import socket

import pytest
from daemon import CMPCTL, CMPD, message, run
from patience import PATIENCE
from stores import eventually
from test_restart import Kept
from test_shutdown import opens

ICI = "1A0F1-1"


@pytest.fixture
def served(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["drain"] = "1m"
    site.write_codes({"ici": ICI, "content": "x"})
    return site


def serves(site):
    return run(CMPCTL, "stats", "--socket", site.folder / "admin.sock").returncode == 0


def test_who_drains_leaves_the_socket_of_who_follows(served):
    b = served.peer("b")
    served.config["limits"] = {"request_timeout": "1m"}
    served.start()
    before = served.process
    begun = Kept(served, http2=False)
    served.signal(signal.SIGTERM)
    eventually(lambda: not opens(served.port) and not serves(served))
    served.start()
    assert before.poll() is None
    assert begun.ask(message(b, ICI)) == 200
    assert before.wait(PATIENCE) == 0
    assert serves(served)
    served.stop()
    assert not (served.folder / "admin.sock").exists()


def test_who_hangs_keeps_its_socket_and_holds_nobody_up(served):
    """It accepts nothing any more, and as many wait as can."""
    path = served.folder / "admin.sock"
    with contextlib.ExitStack() as open_ones, socket.socket(socket.AF_UNIX) as hangs:
        hangs.bind(str(path))
        hangs.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                waits = open_ones.enter_context(socket.socket(socket.AF_UNIX))
                waits.setblocking(False)
                waits.connect(str(path))
        ended = run(CMPD, "-c", served.write())
        assert ended.returncode == 1
        assert f"cannot bind {path}: Address already in use" in ended.stderr
    assert path.is_socket()
