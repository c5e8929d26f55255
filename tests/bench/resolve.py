#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Signed resolves a second over TLS, side by side with a bare libh2o handler of equal reply size.

    tests/bench/resolve.py [--build DIR] [--codes N] [--rounds N] [--seconds N]

Both servers run one thread on the first core, h2load on the second; they are measured in turn, and
the ratio of each round is what counts. Every client of h2load walks the list of URIs from its
beginning, so the keys allow identical repeats: the replay memory is asked all the same.
"""

import argparse
import hashlib
import hmac
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
KEYS = 100
PROTOCOLS = {"h2": ["-c", "10", "-m", "20"], "HTTP/1.1": ["--h1", "-c", "64"]}


def ici(i):
    return "1A0F1-%014X" % (i * 2654435761 % (1 << 56))


def content(i):
    return "https://res.example.com/v1/objects/%032x?owner=88.000.%08d" % (i * 7919, i)


def write_codes(folder, codes):
    with open(f"{folder}/codes.ndjson", "w") as f:
        for i in range(codes):
            f.write('{"ici":"%s","content":"%s","content_type":"uri","ttl":3600}\n'
                    % (ici(i), content(i)))


def write_requests(folder, codes, uris):
    """The keyring, and as many signed requests for codes in no order."""
    draw = random.Random(1)
    keys = [("k%06x" % i, "%032x" % draw.getrandbits(128)) for i in range(KEYS)]
    with open(os.open(f"{folder}/keys.yaml", os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
        f.write("issued:\n")
        for i, (name, secret) in enumerate(keys):
            f.write(f'  - {{id: {name}, peer: p{i % 10}, secret: "{secret}", repeat: identical}}\n')
    with open(f"{folder}/uris.txt", "w") as f:
        for i in range(uris):
            name, secret = keys[i % KEYS]
            tid, code = "%08x-0000-7000-8000-%012x" % (i, i * 31), ici(draw.randrange(codes))
            signature = hmac.new(secret.encode(), (tid + code).encode(), hashlib.sha256)
            f.write(f"/mc-3/resolve-ici?tid={tid}&ici={code}&user=u{i % 1000}&apikeyid={name}"
                    f"&signature={signature.hexdigest()}\n")


def write_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
                   check=True, stderr=subprocess.DEVNULL)


def write_config(folder, port, store="use: store_file, path: codes.ndjson", more=""):
    with open(f"{folder}/cmpd.yaml", "w") as f:
        f.write(f"""
cmp: {{host: a.example.net, prefixes: [1A0F1]}}
workers: 1
keys: keys.yaml
replay: {{size: 256M}}
listeners:
  - name: peers
    bind: "127.0.0.1:{port}"
    interfaces: [mc-3]
    authenticate: [hmac]
    tls: {{certificate: cert.pem, key: key.pem}}
plugins:
  hmac: {{use: auth_hmac}}
  codes: {{{store}}}
resolve: {{stores: [codes]}}
{more}
peers:
""")
        for i in range(10):
            f.write(f"  - {{name: p{i}}}\n")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, port, folder):
    began = time.monotonic()
    process = subprocess.Popen(["taskset", "-c", "0"] + command, cwd=folder,
                               stderr=subprocess.PIPE if "cmpd" in command[0] else None, text=True)
    while True:
        if process.poll() is not None:
            sys.exit(f"{command[0]} ended: {process.stderr.read() if process.stderr else ''}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, time.monotonic() - began
        except OSError:
            time.sleep(0.02)


def memory_kb(process):
    with open(f"/proc/{process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def cpu_s(process):
    with open(f"/proc/{process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port, folder, words, process):
    """Answers a second, and microseconds of CPU each."""
    before = cpu_s(process)
    result = subprocess.run(
        ["taskset", "-c", "1", "h2load", "-B", f"https://127.0.0.1:{port}", "-i", "uris.txt"]
        + words, cwd=folder, capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"finished in .*?, ([\d.]+) req/s", result).group(1))
    codes = [int(n) for n in re.search(
        r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", result).groups()]
    if codes[1] or codes[2] or codes[3]:
        sys.exit(f"not every answer was a 200: {result}")
    return rate, (cpu_s(process) - before) / (codes[0] or 1) * 1e6


def sample(port, protocol, folder, seconds, process):
    return load(port, folder, ["-D", str(seconds)] + PROTOCOLS[protocol], process)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--uris", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    with tempfile.TemporaryDirectory() as folder:
        write_codes(folder, options.codes)
        write_requests(folder, options.codes, options.uris)
        write_certificate(folder)
        ours, bare = free_port(), free_port()
        write_config(folder, ours)
        size = len('{"tid":"","ici":"","status":"resolved","content":"","content_type":"uri",'
                   '"ttl":3600}') + 36 + len(ici(0)) + len(content(0))
        cmpd, took = start([f"{build}/cmpd", "-c", "cmpd.yaml"], ours, folder)
        limit, _ = start([f"{build}/tests/bare_h2o", str(bare), "cert.pem", "key.pem", str(size)],
                         bare, folder)
        try:
            print(f"{options.codes} codes: started in {took:.2f} s, {memory_kb(cmpd) / 1024:.0f} MiB")
            for protocol in PROTOCOLS:
                rounds = [(sample(ours, protocol, folder, options.seconds, cmpd),
                           sample(bare, protocol, folder, options.seconds, limit))
                          for _ in range(options.rounds)]
                for name, at in (("cmpd", 0), ("bare libh2o", 1)):
                    print(f"{protocol:9} {name:12} "
                          f"{statistics.median(r[at][0] for r in rounds):9.0f}/s "
                          f"{statistics.median(r[at][1] for r in rounds):6.2f} us of CPU each")
                print(f"{protocol:9} ratio        "
                      f"{statistics.median(r[0][0] / r[1][0] for r in rounds):9.2f}")
        finally:
            for process in (cmpd, limit):
                process.terminate()
                process.wait()


if __name__ == "__main__":
    main()
