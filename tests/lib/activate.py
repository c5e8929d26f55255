# SPDX-License-Identifier: Apache-2.0
"""Runs a program with sockets that listen already, as systemd does: NAME=FD,... PROGRAM ARGUMENT...
(sd_listen_fds(3)). The descriptors are this process's own."""
import fcntl
import os
import sys

FIRST = 3

if __name__ == "__main__":
    pairs = [pair.split("=") for pair in sys.argv[1].split(",")]
    names = [name for name, _ in pairs]
    aside = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, FIRST + len(pairs)) for _, fd in pairs]
    for number, fd in enumerate(aside, FIRST):
        os.dup2(fd, number)
        os.close(fd)
    os.environ |= {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": str(len(names)),
        "LISTEN_FDNAMES": ":".join(names),
    }
    os.execvp(sys.argv[2], sys.argv[2:])
