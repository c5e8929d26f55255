# SPDX-License-Identifier: Apache-2.0
"""A systemd unit's filter of system calls, put around a command: what it does not let through fails with
EPERM, as there. As a program: the numbers that are refused, then the command."""
import ctypes
import errno
import functools
import os
import re
import struct
import subprocess
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER = 22, 38, 2
LOAD_NUMBER = (0x20, 0, 0, 0)
ALLOW = (0x06, 0, 0, 0x7FFF0000)
REFUSE = (0x06, 0, 0, 0x00050000 | errno.EPERM)


@functools.cache
def members(group):
    """The names of a set of systemd's, and of those within it."""
    said = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    )
    names = [line.strip() for line in said.stdout.splitlines()[1:]]
    return expanded(name for name in names if name and not name.startswith("#"))


def expanded(names):
    return {one for name in names for one in (members(name) if name.startswith("@") else [name])}


def let_through(unit):
    """By name; `unit` is the text of a unit whose first filter says what is allowed."""
    allowed = members("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        names = expanded(line.removeprefix("~").split())
        allowed = allowed - names if line.startswith("~") else allowed | names
    if re.search(r"^ProtectClock=yes$", unit, re.MULTILINE):
        allowed -= members("@clock")
    return allowed


def around(unit):
    """The command to put before another one. Root alone gives files away, as the unit's user cannot."""
    allowed = let_through(unit) | ({"fchown"} if os.geteuid() == 0 else set())
    macros = subprocess.run(
        ["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)$", macros.stdout, re.MULTILINE))
    refused = [number for name, number in numbers.items() if name not in allowed]
    assert refused and len(refused) < len(numbers)
    return [sys.executable, __file__, ",".join(refused)]


def refuse(numbers):
    """From now on, in this process and those that come of it."""
    program = [LOAD_NUMBER]
    for number in numbers:
        program += [(0x15, 0, 1, number), REFUSE]  # when it is equal, the next one; else the one after
    program.append(ALLOW)
    octets = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(octets)))
    libc = ctypes.CDLL(None, use_errno=True)
    for words in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, FILTER, head)):
        if libc.prctl(*words) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    refuse([int(number) for number in sys.argv[1].split(",")])
    os.execvp(sys.argv[2], sys.argv[2:])
