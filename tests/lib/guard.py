# SPDX-License-Identifier: Apache-2.0
"""Ends the servers of a run that is cut short, however that happens: a process of its own, which
hears of the run's end by the end of a socket. It holds a descriptor of each server, not a number
that may be another process's by then."""
import functools
import os
import selectors
import signal
import socket
import subprocess
import sys


@functools.cache
def _guard():
    """Started with the first server; what is returned has to live as long as the run."""
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(its.fileno())],
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is not for it
        )
    return ours, process


def keep(process):
    """This one is not to outlive the run."""
    fd = os.pidfd_open(process.pid)
    socket.send_fds(_guard()[0], [b"."], [fd])
    os.close(fd)


def watch(channel):
    """Until the run has ended; returns the descriptors of those that still run."""
    kept = selectors.DefaultSelector()
    kept.register(channel, selectors.EVENT_READ)
    while True:
        for key, _ in kept.select():
            if key.fileobj is not channel:  # this one has ended
                kept.unregister(key.fileobj)
                os.close(key.fileobj)
                continue
            octets, fds, _, _ = socket.recv_fds(channel, 1, 1)
            if not octets:
                return [fd for fd in kept.get_map() if fd != channel.fileno()]
            kept.register(fds[0], selectors.EVENT_READ)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):  # meant for all of a run, by its path
        signal.signal(number, signal.SIG_IGN)
    for left in watch(socket.socket(fileno=int(sys.argv[1]))):
        signal.pidfd_send_signal(left, signal.SIGKILL)
