#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long a reload takes with a million codes and a thousand peers, and how long it holds a worker.

    tests/bench/reload.py [--build DIR] [--codes N] [--peers N] [--reloads N] [--most-ms N]

Nothing changes in the first half of the reloads, one peer in each of the second half. Ends with 1
when one took longer than --most-ms, or held a worker for longer than 5 ms.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

HELD_MOST_US = 5000


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=str(HERE.parents[1] / "build"))
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--peers", type=int, default=1000)
    parser.add_argument("--reloads", type=int, default=10)
    parser.add_argument("--most-ms", type=int, default=200)
    return parser.parse_args()


def describe(site, codes, peers):
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["log"] = {"level": "notice", "format": "json"}
    site.config["limits"] = {"connections": 1000}
    with open(site.folder / "codes.ndjson", "w") as file:
        for n in range(codes):
            file.write(f'{{"ici":"1A0F1-{n}","content":"https://codes.example/{n}"}}\n')
    for n in range(peers):
        site.peer(
            f"p{n}",
            host=f"p{n}.example.net",
            prefixes=[f"2{n:04X}"],
            url=f"https://p{n}.example.net:8443",
            sign_with="hmac",
            connections=1,
            allow={"interfaces": ["mc-3"]},
        )
    site.config["plugins"]["table"] = {"use": "route_prefix"}
    site.config["resolve"]["routes"] = ["table"]


def main():
    args = parse()
    os.environ["CMPD_BUILD_DIR"] = args.build
    from authority import Authority
    from daemon import Site
    from reload import reload

    good = True
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), Authority(Path(folder)))
        describe(site, args.codes, args.peers)
        site.start()
        try:
            for n in range(args.reloads):
                if n >= args.reloads // 2:
                    site.config["peers"][n]["rate"] = f"{n + 1}/s"
                told = reload(site)
                good = good and told["ms"] <= args.most_ms and told["held_us"] <= HELD_MOST_US
                print(f"{told['ms']} ms, a worker held for {told['held_us']} us, "
                      f"{len(told['changed'])} changed")
        finally:
            site.stop()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
