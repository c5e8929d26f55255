# SPDX-License-Identifier: Apache-2.0
"""A terminal: a program runs in it, and what it shows is read as a person would."""
import fcntl
import os
import pty
import resource
import select
import signal
import struct
import termios
import time

import pyte

from patience import PATIENCE

OTHER_SCREEN, FIRST_SCREEN = b"\033[?1049h", b"\033[?1049l"


class Terminal:
    """Rows and columns, and one program. `raw` is all that it has written."""

    def __init__(self, *command, columns=80, rows=24, **environment):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.keyboard, self.line = pty.openpty()  # the line is kept to ask how it is set
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.line)
        self.process = os.fork()
        if self.process == 0:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it is ended by faults, too
            fcntl.ioctl(self.line, termios.TIOCSCTTY, 0)
            for descriptor in range(3):
                os.dup2(self.line, descriptor)
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)  # which who runs the tests may ignore
            settings = {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | environment
            os.execve(command[0], [str(word) for word in command], os.environ | settings)
        self.status = None

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self.keyboard, keys)

    def signal(self, number):
        os.kill(self.process, number)

    def _read(self, seconds):
        """What there is, after a while at most; a terminal gives 4 KiB at a time."""
        while select.select([self.keyboard], [], [], seconds)[0]:
            octets = os.read(self.keyboard, 1 << 16)
            self.raw += octets
            self.stream.feed(octets)
            seconds = 0

    @property
    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self):
        return "\n".join(self.lines)

    def until(self, check, seconds=PATIENCE):
        """Goes on reading until check(text) holds; returns what it says."""
        deadline = time.monotonic() + seconds
        while not (said := check(self.text)):
            assert time.monotonic() < deadline, f"it never shows:\n{self.text}"
            self._read(0.1)
        return said

    def end(self, seconds=PATIENCE):
        """Waits for the program's end; returns its status, as of os.waitpid."""
        deadline = time.monotonic() + seconds
        while self.status is None:
            assert time.monotonic() < deadline, f"it does not end:\n{self.text}"
            self._read(0.05)
            ended, status = os.waitpid(self.process, os.WNOHANG)
            self.status = status if ended else None
        self._read(0)
        return self.status

    def is_stopped(self):
        """Whether it was stopped since it was asked last."""
        self._read(0.05)
        ended, status = os.waitpid(self.process, os.WNOHANG | os.WUNTRACED)
        self._read(0)  # its last words
        return ended != 0 and os.WIFSTOPPED(status)

    def is_as_before(self):
        """The first screen, a cursor, and the line set as it was."""
        given_back = self.raw.rfind(FIRST_SCREEN) > self.raw.rfind(OTHER_SCREEN) >= 0
        shown = self.raw.rfind(b"\033[?25h") > self.raw.rfind(b"\033[?25l")
        return given_back and shown and termios.tcgetattr(self.line) == self.before

    def close(self):
        if self.status is None:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.keyboard)
        os.close(self.line)
