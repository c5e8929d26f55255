#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""For how long one turn of a worker's loop keeps all others waiting when it has thousands of idle
connections, and then each of these happens: nothing, for as long as a few looks at all of them take
(held); their listener goes (gone); all are to leave, by cmpctl drain (leave).

    tests/bench/idle.py [--build DIR] [--connections N] [--protocol h2|http/1.1] [--phases WORDS]
                        [--most-ms N]

Each phase has a daemon of its own, with one worker. It shows how many turns took 2 ms or more (by the
clock: on a machine that has other work, others' time too), and the most that a turn has used of a
processor. Ends with 1 when that was more than --most-ms, and more than while they connected. Both
sides need a descriptor for each connection (ulimit -n).

With 19,500 connections of HTTP/2 the listener's end took one turn 447 ms of a processor when all were
told in it; since some are told in each turn, none uses more than the handshakes before, 13 ms.
"""

import argparse
import os
import select
import signal
import socket
import ssl
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

CLIENTS = 4  # processes
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
LOOKS_S = 4
TOLD = {"held": "nothing happens", "gone": "the listener goes", "leave": "all are to leave"}
FEW = 60  # descriptors that a daemon without them has at most


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=str(HERE.parents[1] / "build"))
    parser.add_argument("--connections", type=int, default=19_500)
    parser.add_argument("--protocol", choices=["h2", "http/1.1"], default="h2")
    parser.add_argument("--phases", default=",".join(TOLD))
    parser.add_argument("--most-ms", type=float, default=5)
    return parser.parse_args()


class Crowd:
    """Clients that connect one after the other and stay, in processes of their own: what they take
    of a processor is not in the way of the one that measures."""

    def __init__(self, port, authority, count, protocol):
        self.pids, self.ready = [], []
        for n in range(CLIENTS):
            share = count // CLIENTS + (n < count % CLIENTS)
            says, told = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(says)
                self._stay(port, authority, share, protocol, told)
                os._exit(0)
            os.close(told)
            self.pids.append(pid)
            self.ready.append(says)
        for says in self.ready:
            assert os.read(says, 1) == b"y", "a client could not connect"

    @staticmethod
    def _stay(port, authority, count, protocol, told):
        os.nice(5)
        tls = ssl.create_default_context(cafile=str(authority.path))
        tls.set_alpn_protocols([protocol])
        open_ones = []
        for _ in range(count):
            plain = socket.create_connection(("127.0.0.1", port), timeout=30)
            one = tls.wrap_socket(plain, server_hostname="localhost")
            if protocol == "h2":
                one.sendall(PREFACE)
            open_ones.append(one)
        os.write(told, b"y")
        poll = select.epoll()  # as a client would: close when the server does
        by_number = {one.fileno(): one for one in open_ones}
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        while by_number:
            for number, _ in poll.poll():
                try:
                    over = by_number[number].recv(4096) == b""
                except ssl.SSLWantReadError:
                    over = False
                except OSError:
                    over = True
                if over:
                    poll.unregister(number)
                    by_number.pop(number).close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for says in self.ready:
            os.close(says)
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def describe(site, daemon, count):
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["workers"] = 1
    site.config["log"] = {"level": "notice", "format": "json"}
    site.config["limits"] = {
        "connections": count + 100, "handshakes": "100000/s", "request_timeout": "10m"
    }
    site.config["drain"] = "2s"
    site.config["watchdog"] = {"stuck_after": "10m"}  # by other work on this machine
    site.listener.update({
        "connections": count + 10, "source_connections": count, "source_connects": "100000/s"
    })
    other = dict(site.listener, name="other", bind=f"127.0.0.1:{daemon.free_port()}",
                 connections=10)
    site.config["listeners"].append(other)
    site.write_codes({"ici": "1A0F1-1", "content": "x"})


def turns(site):
    from reload import stats

    told = stats(site)
    one = next(t for t in told["threads"] if t["thread"] == "worker 0")
    long = next(
        h for h in told["histograms"] if (h["owner"], h["name"]) == ("worker", "long_turn_us")
    )
    return long["count"], one["longest_turn_us"] / 1000, one["longest_turn_used_us"] / 1000


def happens(site, phase):
    from daemon import CMPCTL, run
    from reload import becomes, descriptors, reload

    if phase == "held":
        time.sleep(LOOKS_S)
    elif phase == "gone":
        site.config["listeners"] = [one for one in site.config["listeners"] if one["name"] == "other"]
        reload(site)
    else:
        ended = run(CMPCTL, "drain", "--socket", site.folder / "admin.sock")
        assert ended.returncode == 0, ended.stderr
    if phase != "held":
        becomes(True, lambda: descriptors(site) < FEW, seconds=60)


def measure(site, phase, args):
    count, longest, used = turns(site)
    begun = time.monotonic()
    happens(site, phase)
    took = time.monotonic() - begun
    count_after, longest_after, used_after = turns(site)
    print(f"{args.protocol}, {args.connections} connections, {TOLD[phase]}: {took:.1f} s, "
          f"{count_after - count} long turns; the longest so far {longest:.1f} ms "
          f"({used:.1f} used) before, {longest_after:.1f} ms ({used_after:.1f} used) after")
    return used_after <= max(used, args.most_ms)


def main():
    args = parse()
    os.environ["CMPD_BUILD_DIR"] = args.build
    import daemon
    from authority import Authority

    good = True
    for phase in args.phases.split(","):
        with tempfile.TemporaryDirectory() as folder:
            site = daemon.Site(Path(folder), Authority(Path(folder)))
            describe(site, daemon, args.connections)
            site.start()
            try:
                with Crowd(site.port, site.authority, args.connections, args.protocol):
                    good = measure(site, phase, args) and good
            finally:
                site.stop()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
