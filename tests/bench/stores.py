#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Signed resolves a second over TLS for each kind of store, beside the store's own look-up rate.

    tests/bench/stores.py [--build DIR] [--codes N] [--uris N] [--stores file,sqlite,postgresql]

cmpd runs one thread on the first core, h2load on the second (one h2 connection, 100 requests at a
time), and PostgreSQL where it finds room. Each walk through the list asks for other codes than the
last request did, so a page or a cached answer helps only when the list is walked again:

    cold     after a restart, the system's page cache emptied (wants root); some seconds
    warm     the list for the second time
    cached   the list for the second time, with `cache:` in front
    raw      the engine through its own library, one thread, no cmpd
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

import resolve

HERE = os.path.dirname(os.path.abspath(__file__))
POSTGRES = os.path.join(HERE, "..", "lib", "postgres.sh")
CLIENT = ["-c", "1", "-m", "100"]
COLD_SECONDS = 5
CACHE = ", cache: {size: 1G, ttl: 1h}"


class File:
    section = "use: store_file, path: codes.ndjson"

    def __init__(self, bench):
        self.bench = bench

    def fill(self):
        return None

    def restart(self):
        pass

    def raw(self):
        told = self.bench.run("tests/bench_store_file", str(self.bench.codes))
        return told.split("look-up: ")[1]

    def close(self):
        pass


class Sqlite(File):
    section = "use: store_sql, url: 'sqlite:codes.db'"

    def fill(self):
        return self.bench.fill()

    def raw(self):
        return self.bench.run("tests/bench_engines", "sqlite:codes.db", str(self.bench.codes)) + "/s"


class Postgresql(Sqlite):
    def __init__(self, bench):
        super().__init__(bench)
        self.folder, port = tempfile.mkdtemp(), resolve.free_port()
        os.chmod(self.folder, 0o755)
        self.server("guard", str(os.getpid()))
        self.server("init", str(port), "fsync = on", "shared_buffers = 2GB", "max_wal_size = 8GB")
        self.server("start")
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        self.section = f"use: store_sql, url: '{self.url}'"

    def server(self, command, *words):
        subprocess.run(["sh", POSTGRES, command, self.folder, *words], check=True)

    def fill(self):
        schema = os.path.join(HERE, "..", "..", "etc", "sql", "postgresql", "001_codes.sql")
        subprocess.run(["psql", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", schema, self.url],
                       check=True, stdout=subprocess.DEVNULL)
        return super().fill()

    def restart(self):
        self.server("stop", "fast")
        self.bench.forget_pages()
        self.server("start")

    def raw(self):
        return self.bench.run("tests/bench_engines", self.url, str(self.bench.codes)) + " a second"

    def close(self):
        self.server("stop", "immediate")
        shutil.rmtree(self.folder)


STORES = {"file": File, "sqlite": Sqlite, "postgresql": Postgresql}


class Bench:
    def __init__(self, build, folder, codes, uris):
        self.build, self.folder, self.codes, self.uris = build, folder, codes, uris
        self.port = resolve.free_port()

    def run(self, program, *words):
        return subprocess.run([f"{self.build}/{program}", *words], cwd=self.folder, check=True,
                              capture_output=True, text=True).stdout.strip()

    def forget_pages(self):
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3")

    def fill(self):
        """Codes imported a second."""
        began = time.monotonic()
        self.run("cmpctl", "codes", "import", "codes.ndjson", "--quiet", "--config", "cmpd.yaml",
                 "--store", "codes")
        return self.codes / (time.monotonic() - began)

    def start(self, store, cache=""):
        resolve.write_config(self.folder, self.port, store.section + cache)
        return resolve.start([f"{self.build}/cmpd", "-c", "cmpd.yaml"], self.port, self.folder)

    def walk(self, process, state, words=None):
        words = words or ["-n", str(self.uris)]
        rate, cpu = resolve.load(self.port, self.folder, CLIENT + words, process)
        print(f"  {state:8}{rate:9.0f}/s {cpu:7.2f} us of CPU each, "
              f"{resolve.memory_kb(process) / 1024:6.0f} MiB", flush=True)

    def cold_and_warm(self, store):
        store.restart()
        self.forget_pages()
        process, took = self.start(store)
        try:
            print(f"  started in {took:.2f} s")
            self.walk(process, "cold", ["-D", str(COLD_SECONDS)])
            resolve.load(self.port, self.folder, CLIENT + ["-n", str(self.uris)], process)
            self.walk(process, "warm")
        finally:
            process.terminate()
            process.wait()

    def cached(self, store):
        process, _ = self.start(store, CACHE)
        try:
            resolve.load(self.port, self.folder, CLIENT + ["-n", str(self.uris)], process)
            self.walk(process, "cached")
        finally:
            process.terminate()
            process.wait()

    def measure(self, name):
        store = STORES[name](self)
        try:
            resolve.write_config(self.folder, self.port, store.section)
            rate = store.fill()
            print(f"{name}, {self.codes} codes"
                  + (f", imported at {rate:.0f}/s" if rate is not None else ""), flush=True)
            self.cold_and_warm(store)
            if name != "file":
                self.cached(store)
            print(f"  raw     {store.raw()}", flush=True)
        finally:
            store.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build"))
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--uris", type=int, default=200_000)
    parser.add_argument("--stores", default=",".join(STORES))
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("stores.py: only root can empty the system's page cache")
    with tempfile.TemporaryDirectory() as folder:
        resolve.write_codes(folder, options.codes)
        resolve.write_requests(folder, options.codes, options.uris)
        resolve.write_certificate(folder)
        bench = Bench(os.path.abspath(options.build), folder, options.codes, options.uris)
        for name in options.stores.split(","):
            bench.measure(name)


if __name__ == "__main__":
    main()
