#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions that a signed resolve takes, TLS and libh2o included, by callgrind: other work on the
machine does not show in them, so that a few hundred more or less do.

    tests/bench/instructions.py [--build DIR] [--few N] [--many N] [--keep DIR]

What a daemon executes for --many requests less what it does for --few, by the difference of the two
numbers: its start, handshakes and end are in both. --keep leaves callgrind's files there, for
callgrind_annotate. Timers go on meanwhile, and valgrind is slow: 300 instructions are noise. With
keys that have just begun to ask, as here, the replay memory takes 1,400 more than it does later.

Of a build with -O2, 2026-11-26: 32,900 over HTTP/2 (10 connections, 20 requests each at a time),
51,800 over HTTP/1.1 (10 connections).
"""

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import resolve  # noqa: E402

PROTOCOLS = {"h2": ["-c", "10", "-m", "20"], "HTTP/1.1": ["--h1", "-c", "10"]}
CODES, URIS = 20_000, 10_000
MORE = "watchdog: {stall: 1m, stuck_after: 1h}\nlog: {level: warning}"  # valgrind is no plugin's fault


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=str(Path(__file__).resolve().parents[2] / "build"))
    parser.add_argument("--few", type=int, default=500)
    parser.add_argument("--many", type=int, default=3500)
    parser.add_argument("--keep")
    return parser.parse_args()


def start(cmpd, port, folder, out):
    process = subprocess.Popen(
        ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}", cmpd, "-c", "cmpd.yaml"],
        cwd=folder, stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{cmpd} ended with {process.returncode}")


def executed(cmpd, protocol, requests, folder, keep):
    """Instructions of a whole run that answers so many requests."""
    port = resolve.free_port()
    resolve.write_config(folder, port, more=MORE)
    out = Path(keep) / f"callgrind.{protocol.replace('/', '-')}.{requests}"
    process = start(cmpd, port, folder, out)
    try:
        told = subprocess.run(
            ["h2load", "-n", str(requests), "-B", f"https://127.0.0.1:{port}", "-i", "uris.txt",
             *PROTOCOLS[protocol]],
            cwd=folder, capture_output=True, text=True, check=True,
        ).stdout
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert f"{requests} 2xx" in told, told
    return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE).group(1))


def main():
    args = parse()
    cmpd = os.path.abspath(os.path.join(args.build, "cmpd"))
    with tempfile.TemporaryDirectory() as folder:
        keep = os.path.abspath(args.keep or folder)
        os.makedirs(keep, exist_ok=True)
        resolve.write_codes(folder, CODES)
        resolve.write_requests(folder, CODES, URIS)
        resolve.write_certificate(folder)
        for protocol in PROTOCOLS:
            few, many = (executed(cmpd, protocol, n, folder, keep) for n in (args.few, args.many))
            print(f"{protocol:9} {(many - few) / (args.many - args.few):9.0f} instructions a request")


if __name__ == "__main__":
    main()
