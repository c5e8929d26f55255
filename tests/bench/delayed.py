#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many requests a second one connection carries when its ends are far from each other, by what
the kernel may hold of it (receive_buffer). Needs root: it has a network of its own, and a relay in
it that keeps every packet for half of the way there and back."""
import argparse
import collections
import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "lib"))

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--build", required=True, help="where cmpd was built")
parser.add_argument("--way", type=float, default=50, help="milliseconds there and back")
parser.add_argument("--octets", type=int, default=600, help="of a request's body")
parser.add_argument("--seconds", type=int, default=4, help="for each row")
parser.add_argument("sizes", nargs="*", default=["16K", "64K", "256K"])
ARGUMENTS = parser.parse_args()
os.environ["CMPD_BUILD_DIR"] = ARGUMENTS.build

from authority import Authority  # noqa: E402
from daemon import Site  # noqa: E402
from namespace import run_inside  # noqa: E402

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
HERE, THERE = "10.99.0.1", "10.99.0.2"


class Relay(threading.Thread):
    """What is sent to THERE comes from THERE, later: source and target change places, which leaves
    every checksum as it was. So both ends of a connection are here, and each is far from the other."""

    def __init__(self, delay_s):
        super().__init__(daemon=True)
        self.delay_s = delay_s
        self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", b"far0", IFF_TUN | IFF_NO_PI))
        for command in (f"ip addr add {HERE}/24 dev far0", "ip link set far0 up txqueuelen 10000"):
            subprocess.run(command.split(), check=True)

    def run(self):
        waiting = collections.deque()
        while True:
            left = waiting[0][0] - time.monotonic() if waiting else 1
            select.select([self.fd], [], [], max(0, left))
            try:
                while True:
                    packet = os.read(self.fd, 65536)
                    if packet[0] >> 4 == 4:
                        turned = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
                        waiting.append((time.monotonic() + self.delay_s, turned))
            except BlockingIOError:
                pass
            while waiting and waiting[0][0] <= time.monotonic():
                os.write(self.fd, waiting.popleft()[1])


def measure(site, body):
    """Requests that are answered in a second, on one connection with 100 under way."""
    ended = subprocess.run(
        ["h2load", "-c1", "-m100", f"-D{ARGUMENTS.seconds}", "--warm-up-time=1", "-d", str(body)]
        + ["-H", "content-type: application/x-www-form-urlencoded"]
        + [f"https://{THERE}:{site.port}/mc-3/resolve-ici"],
        capture_output=True,
        text=True,
    )
    return float(re.search(r"([\d.]+) req/s", ended.stdout).group(1))


def row(folder, authority, body, size):
    place = folder / size
    place.mkdir()
    site = Site(place, authority)
    site.listener.update(bind=f"{HERE}:{site.port}", receive_buffer=size)
    site.config["workers"] = 1
    site.config["log"]["level"] = "notice"
    site.start()
    try:
        return measure(site, body)
    finally:
        site.stop()


def main():
    Relay(ARGUMENTS.way / 2000).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = Authority(folder)
        body = folder / "body"
        body.write_text("tid=0190a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b&ici=1A0F1-MENU&user=user-1"
                        "&apikeyid=b-1&signature=" + "0" * 64 + "&pad=")  # answered with 401
        with body.open("a") as more:
            more.write("x" * (ARGUMENTS.octets - body.stat().st_size))
        print(f"one connection, HTTP/2, requests of {body.stat().st_size} octets, "
              f"{ARGUMENTS.way:g} ms there and back")
        for size in ARGUMENTS.sizes:
            print(f"receive_buffer {size:>5}: {row(folder, authority, body, size):8.0f}/s", flush=True)


run_inside(main)
