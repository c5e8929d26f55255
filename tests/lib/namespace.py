# SPDX-License-Identifier: Apache-2.0
"""A network namespace of the test's own, in which every address of the world is this machine:
whoever sends anything to anybody is seen, and nothing gets out. Needs root."""
import ctypes
import os
import socket
import struct
import subprocess
import threading

from patience import PATIENCE

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PACKET_OUTGOING = 4
TCP, UDP = 6, 17


def _unshare():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare: " + os.strerror(ctypes.get_errno()))
    for command in (
        "ip link set lo up",
        "ip route add local default dev lo",
        "ip -6 route add local default dev lo",
    ):
        subprocess.run(command.split(), check=True, capture_output=True, timeout=PATIENCE)


def run_inside(what):
    """Runs a function on a thread that has the namespace, as have the processes that it starts."""
    outcome = {}

    def inside():
        try:
            _unshare()
            outcome["value"] = what()
        except BaseException as error:  # told where it belongs: to the test
            outcome["error"] = error

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


class Sniffer:
    """All packets that were sent since `packets` was called last, but TCP of some ports."""

    def __init__(self, *ports):
        self.ports = set(ports)
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def packets(self):
        """(protocol, source address, source port, target address, target port) of each."""
        found = []
        while True:
            try:
                frame, where = self.socket.recvfrom(65536)
            except BlockingIOError:
                return found
            if where[2] != PACKET_OUTGOING:
                continue  # the same one, coming in
            packet = self._parse(frame[14:])
            if not (packet[0] == TCP and self.ports & {packet[2], packet[4]}):
                found.append(packet)

    @staticmethod
    def _parse(packet):
        if packet[0] >> 4 == 4:
            size = (packet[0] & 15) * 4
            protocol, family, ends = packet[9], socket.AF_INET, (packet[12:16], packet[16:20])
        else:
            size = 40
            protocol, family, ends = packet[6], socket.AF_INET6, (packet[8:24], packet[24:40])
        source, target = (socket.inet_ntop(family, end) for end in ends)
        ports = struct.unpack("!HH", packet[size : size + 4]) if protocol in (TCP, UDP) else (0, 0)
        return protocol, source, ports[0], target, ports[1]
