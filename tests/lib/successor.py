# SPDX-License-Identifier: Apache-2.0
"""The process that follows after a restart. It is the child of the one before, and ours from that
one's end on."""
import ctypes
import functools
import os
import select
import signal
import subprocess
import time

import guard

PR_SET_CHILD_SUBREAPER = 36


@functools.cache
def _adopt_orphans():
    assert ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def prepare():
    """Before the process before ends."""
    _adopt_orphans()


class Successor:
    """What subprocess.Popen has of a process."""

    def __init__(self, pid):
        self.pid, self.returncode = pid, None
        self._fd = os.pidfd_open(pid)
        guard.keep(self)

    def poll(self):
        if self.returncode is None and select.select([self._fd], [], [], 0)[0]:
            self._reap(time.monotonic() + 10)
        return self.returncode

    def wait(self, timeout=None):
        if self.returncode is None:
            if not select.select([self._fd], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("cmpd", timeout)
            self._reap(time.monotonic() + 10)
        return self.returncode

    def _reap(self, deadline):
        """It has ended; but its status is its parent's, and that one may just be ending."""
        while True:
            try:
                self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                os.close(self._fd)
                return
            except ChildProcessError:
                assert time.monotonic() < deadline, "nobody ends before its child"
                time.sleep(0.01)

    def send_signal(self, number):
        if self.returncode is None:
            signal.pidfd_send_signal(self._fd, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)
