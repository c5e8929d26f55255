# SPDX-License-Identifier: Apache-2.0
"""systemd, as far as a service hears of it: a socket that messages come to."""
import socket

from patience import PATIENCE


class Manager:
    """Give `environment` to a process, and hear what it says."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(str(path))
        self.environment = {"NOTIFY_SOCKET": str(path)}

    def hear(self, seconds=PATIENCE):
        """The next message that is no status: its fields, and the process that has sent it."""
        self.socket.settimeout(seconds)
        while True:
            octets, control, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12))
            fields = dict(line.split("=", 1) for line in octets.decode().splitlines())
            if set(fields) != {"STATUS"}:
                pid = int.from_bytes(control[0][2][:4], "little")
                return fields, pid

    def heard_all(self):
        """What has come by now, without the senders."""
        messages = []
        while True:
            try:
                messages.append(self.hear(0)[0])
            except BlockingIOError:
                return messages
