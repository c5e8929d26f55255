# SPDX-License-Identifier: Apache-2.0
"""A run of these tests that is cut short leaves no server behind."""
import os
import select
import signal
import subprocess
import sys

import guard
import postgres
import pytest
from stores import eventually

# A run with one server: says its number, and goes on until it is killed.
RUN = """
import subprocess, guard
server = subprocess.Popen(["sleep", "100"])
guard.keep(server)
print(server.pid, flush=True)
server.wait()
"""


@pytest.fixture(params=[signal.SIGKILL, signal.SIGTERM])
def cut(request):
    """A run, and a function that cuts it short."""

    def end():
        run.send_signal(request.param)
        run.wait()

    with subprocess.Popen(
        [sys.executable, "-c", RUN],
        env=os.environ | {"PYTHONPATH": os.path.dirname(guard.__file__)},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        yield run, end
        run.kill()


def test_servers(cut):
    run, end = cut
    server = os.pidfd_open(int(run.stdout.readline()))
    end()
    assert select.select([server], [], [], 10)[0], "it still runs"
    os.close(server)


def test_postgresql(cut, tmp_path):
    run, end = cut
    folder = tmp_path / "cmp-postgres"
    folder.mkdir()
    subprocess.run(["sh", postgres.SCRIPT, "guard", folder, str(run.pid)], check=True)
    end()
    eventually(lambda: not folder.exists())
