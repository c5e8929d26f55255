# SPDX-License-Identifier: Apache-2.0
"""Asking a running cmpd to take its configuration anew, and looking at what it keeps."""
import json
import os
import time

from daemon import CMPCTL, run
from patience import PATIENCE


def reload(site, *words, good=True, socket="admin.sock"):
    """Writes the site's files as they are described now, and has cmpd take them. Returns what it
    said: as an object, or what is wrong as lines."""
    path = site.write()
    ended = run(CMPCTL, "reload", "--json", "--socket", site.folder / socket, *words)
    if good:
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)
    assert ended.returncode == 1, f"it was taken: {ended.stdout}"
    folder = f"{path.parent}/"
    return [line.replace(folder, "") for line in ended.stderr.splitlines()]


def stats(site, socket="admin.sock"):
    ended = run(CMPCTL, "stats", "--json", "--socket", site.folder / socket)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def gauge(site, name, owner="generations", **how):
    gauges = stats(site, **how)["gauges"]
    values = [g["value"] for g in gauges if (g["owner"], g["name"]) == (owner, name)]
    assert len(values) == 1, values
    return values[0]


def becomes(wanted, look, seconds=PATIENCE):
    """Waits until `look()` returns what is wanted."""
    deadline = time.monotonic() + seconds
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, f"still {found}, not {wanted}"
        time.sleep(0.02)


def resident_kib(site):
    with open(f"/proc/{site.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def descriptors(site):
    return len(os.listdir(f"/proc/{site.process.pid}/fd"))
