#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a request costs as the configuration grows: instructions of the server, counted by callgrind.

    tests/bench/scale.py [--build DIR] [--requests N] [--cpu | --counting] [DIMENSION…]

Every dimension is grown alone, with the others as small as they can be; the last column compares
with the first size. Instructions do not depend on what else the machine does, but say nothing of
the caches: --cpu shows microseconds of user and system time in their place, without callgrind.
--counting shows as well which part of them goes into what metrics are made of: 1.1 % of the 48,000 of a
resolve, and 1.3 % of the 102,000 of one that is forwarded (2026-11-26).
"""

import argparse
import hashlib
import hmac
import http.client
import os
import random
import re
import ssl
import subprocess
import sys
import tempfile

import resolve

CODES = 1000
WARM = 200
SIZES = {
    "keys": [1, 100, 10_000],
    "peers": [1, 100, 10_000],
    "prefixes": [1, 100, 10_000, 100_000],
    "allowed": [1, 100, 10_000],
    "links": [1, 100, 10_000],
    "tokens": [1, 100, 10_000],
    "listeners": [1, 10, 100],
    "journal": [0, 1, 2],  # none; with one; with pseudonyms of users
    "log": [0, 100, 1],  # of so many requests one leaves a line; none does
}
JOURNAL = ["", "journal: {path: journal}\n", "journal: {path: journal, pseudonyms: [user]}\n"]


def secret(i):
    return "%032x" % (i * 2654435761 + 1)


def code(i):
    """Known here, or for a dimension that forwards at the next hop."""
    return "2B001-%06X" % i


class World:
    """The files of a server whose configuration has so many of one thing."""

    def __init__(self, folder, dimension, count, upstream):
        self.folder, self.dimension, self.count = folder, dimension, count
        self.port = resolve.free_port()
        self.keys = count if dimension in ("keys", "peers") else 1
        self.peers = count if dimension == "peers" else 1
        self.write_keys()
        self.write_config(upstream)

    def write_keys(self):
        with open(os.open(f"{self.folder}/keys.yaml", os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write("issued:\n")
            for i in range(self.keys):
                f.write(f'  - {{id: k{i}, peer: p{i % self.peers}, secret: "{secret(i)}"}}\n')
            f.write("received:\n")
            f.write('  - {id: k0, peer: next, secret: "%s"}\n' % secret(0))
            if self.dimension == "tokens":
                f.write("tokens:\n")
                for i in range(self.count):
                    digest = hashlib.sha256(f"token-{i:032}".encode()).hexdigest()
                    f.write(f"  - {{name: t{i}, sha256: {digest}}}\n")

    def listeners(self):
        count = self.count if self.dimension == "listeners" else 1
        auth = "vpn, hmac" if self.dimension == "links" else "hmac"
        offers = "mc-3, codes" if self.dimension == "tokens" else "mc-3"
        for i in range(count):
            port = self.port if i == count - 1 else resolve.free_port()
            yield (f"  - {{name: l{i}, bind: '127.0.0.1:{port}', interfaces: [{offers}], "
                   f"authenticate: [{auth}], tls: {{certificate: cert.pem, key: key.pem}}}}\n")

    def plugins(self):
        yield "  hmac: {use: auth_hmac}\n  codes: {use: store_file, path: codes.ndjson}\n"
        if self.dimension == "prefixes":
            yield "  table: {use: route_prefix}\n"
        if self.dimension == "links":
            yield "  vpn:\n    use: auth_vpn\n    links:\n"
            for i in range(self.count - 1):
                yield (f"      - {{source: 10.{i >> 16}.{i >> 8 & 255}.{i & 255}/32, peer: p0}}\n")
            yield "      - {source: 127.0.0.1/32, peer: p0}\n"

    def log(self):
        sample = self.count if self.dimension == "log" else 0
        level = "error" if sample > 0 else "info"
        return (f"log: {{level: error, format: json, "
                f"requests: {{level: {level}, sample: {max(1, sample)}}}}}\n")

    def peer_rows(self):
        allow = "interfaces: [mc-3]"
        if self.dimension == "allowed":
            prefixes = ["2B001"] + ["%08X" % (0xC0000000 + i) for i in range(self.count - 1)]
            allow += f", prefixes: [{', '.join(prefixes)}]"
        for i in range(self.peers):
            yield f"  - {{name: p{i}, allow: {{{allow}}}}}\n"

    def write_config(self, upstream):
        prefixes = self.count if self.dimension == "prefixes" else 1
        texts = ["2B001"] + ["%08X" % (0xC0000000 + i) for i in range(prefixes - 1)]
        with open(f"{self.folder}/cmpd.yaml", "w") as f:
            f.write("cmp: {host: a.example.net, prefixes: [1A0F1]}\nworkers: 1\nkeys: keys.yaml\n"
                    "replay: {size: 64M}\n" + self.log() + "listeners:\n")
            f.writelines(self.listeners())
            f.write(JOURNAL[self.count] if self.dimension == "journal" else "")
            f.write("plugins:\n")
            f.writelines(self.plugins())
            forwards = self.dimension == "prefixes"
            f.write(f"resolve: {{stores: [codes], routes: [{'table' if forwards else ''}]}}\n")
            f.write("peers:\n")
            f.writelines(self.peer_rows())
            f.write(f"  - {{name: next, host: next.example.net, prefixes: [{', '.join(texts)}], "
                    f"url: 'https://localhost:{upstream}', sign_with: hmac, "
                    "tls: {ca: cert.pem}}\n")
        with open(f"{self.folder}/codes.ndjson", "w") as f:
            for i in range(CODES):
                head = "9F" if forwards else ""
                f.write('{"ici":"%s","content":"https://r.example.com/%d","content_type":"uri"}\n'
                        % (head + code(i), i))

    def request(self, draw):
        """Path and headers of the next request, by any key or token there is."""
        ici = code(draw.randrange(CODES))
        if self.dimension == "tokens":
            return (f"/codes/v1/codes/{ici}",
                    {"authorization": f"Bearer token-{draw.randrange(self.count):032}"})
        path = f"/mc-3/resolve-ici?tid={draw.getrandbits(128):032x}&ici={ici}&user=u"
        if self.dimension == "links":
            return path, {}
        key = draw.randrange(self.keys)
        tid = path.split("tid=")[1].split("&")[0]
        mac = hmac.new(secret(key).encode(), (tid + ici).encode(), hashlib.sha256).hexdigest()
        return path + f"&apikeyid=k{key}&signature={mac}", {}


def ask(world, connection, draw, count):
    for _ in range(count):
        path, headers = world.request(draw)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {body.decode()}")


def control(process, command):
    subprocess.run(["callgrind_control", command, str(process.pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


COUNTING = re.compile(r"([\d,]+) \(.*:(counter_add|gauge_\w+|histogram_add|tally_\w+|label_find\w*|"
                      r"clock_now_us|clock_monotonic_us) ")


def show_counting(folder, count):
    """Functions that metrics are made of, and nothing else, with what each of them calls."""
    command = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", f"{folder}/callgrind.out.1"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {name: int(of.replace(",", "")) / count for of, name in COUNTING.findall(told)}
    for name, of in found.items():
        print(f"    {name:24} {of:9.1f}")
    print(f"    {'all':24} {sum(found.values()):9.1f}")


def instructions(process, world, connection, draw, count):
    control(process, "--instr=on")
    ask(world, connection, draw, WARM)
    control(process, "--zero")
    ask(world, connection, draw, count)
    control(process, "--dump")
    if world.counting:
        show_counting(world.folder, count)
    with open(f"{world.folder}/callgrind.out.1") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("totals:")) / count


def microseconds(process, world, connection, draw, count):
    before = resolve.cpu_s(process)
    ask(world, connection, draw, count)
    return (resolve.cpu_s(process) - before) / count * 1e6


def measure(options, dimension, count, upstream, certificate):
    with tempfile.TemporaryDirectory() as folder:
        for name in ("cert.pem", "key.pem"):
            os.symlink(f"{certificate}/{name}", f"{folder}/{name}")
        world = World(folder, dimension, count, upstream)
        world.counting = options.counting
        command = [f"{options.build}/cmpd", "-c", "cmpd.yaml"]
        if not options.cpu:
            command = ["sh", "-c", 'exec "$@" 2>log', "sh", "valgrind", "--tool=callgrind",
                       "--instr-atstart=no", "-q", "--callgrind-out-file=callgrind.out"] + command
        process, took_s = resolve.start(command, world.port, folder)
        try:
            connection = http.client.HTTPSConnection(
                "localhost", world.port, timeout=60,
                context=ssl.create_default_context(cafile=f"{certificate}/cert.pem"))
            draw = random.Random(count)
            ask(world, connection, draw, WARM)
            how = microseconds if options.cpu else instructions
            return how(process, world, connection, draw, options.requests), took_s
        finally:
            process.kill()
            process.communicate()


def start_upstream(folder, options):
    """The next hop: it knows all codes, and what asks has the same key."""
    world = World(folder, "keys", 1, 1)
    return resolve.start([f"{options.build}/cmpd", "-c", "cmpd.yaml"], world.port, folder)[0], world


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=os.path.join(resolve.HERE, "..", "..", "build"))
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--counting", action="store_true")
    parser.add_argument("dimensions", nargs="*", metavar="DIMENSION", help=", ".join(SIZES))
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    unit = "us of CPU" if options.cpu else "instructions"
    with tempfile.TemporaryDirectory() as certificate, tempfile.TemporaryDirectory() as folder:
        resolve.write_certificate(certificate)
        for name in ("cert.pem", "key.pem"):
            os.symlink(f"{certificate}/{name}", f"{folder}/{name}")
        upstream, next_hop = start_upstream(folder, options)
        try:
            for dimension in options.dimensions or SIZES:
                first = None
                for count in SIZES[dimension]:
                    cost, took_s = measure(options, dimension, count, next_hop.port, certificate)
                    first = first or cost
                    print(f"{dimension:10} {count:7}  {cost:9.1f} {unit}  {cost / first * 100 - 100:+6.1f} %"
                          f"   started in {took_s:.2f} s", flush=True)
        finally:
            upstream.terminate()
            upstream.communicate()


if __name__ == "__main__":
    main()
