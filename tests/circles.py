#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds files that include each other in a circle. A source and the header of its name are one:
together they are read, changed and understood. Fails on a circle that is not listed below, and on
a listed one that is gone."""

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
TREES = ["core", "plugins", "include", "sdk"]
# Where the compiler looks.
PATHS = ["core", "include", "sdk", *(f"sdk/{name}/include" for name in ("kit", "test", "embed"))]
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)

# What may stay for now: the members, and why. A circle of some of them is covered, too.
KNOWN = [
    ("plugins/store_sql", "pg pg_lane pg_listener pg_worker", "one worker's client in four files"),
    ("plugins/store_sql", "sqlite sqlite_watch", "the store owns its watch, which tells the store"),
]


def rooms():
    """The files of each room, by its path without the ending."""
    files = {}
    for tree in TREES:
        for path in sorted((TOP / tree).rglob("*.[ch]")):
            files.setdefault(path.relative_to(TOP).with_suffix(""), []).append(path)
    return files


def included(path, name, files):
    """The room that `path` means by `name`; None: not of ours."""
    for folder in [path.parent, *(TOP / folder for folder in PATHS)]:
        room = (folder / name).resolve()
        if room.is_file() and TOP in room.parents:
            return room.relative_to(TOP).with_suffix("")
    return None


def graph():
    files = rooms()
    return {
        room: {
            other
            for path in paths
            for name in INCLUDE.findall(path.read_text())
            if (other := included(path, name, files)) not in (None, room)
        }
        for room, paths in files.items()
    }


def circles(edges):
    """Tarjan's strongly connected components of more than one room."""
    index, low, stack, found = {}, {}, [], []

    def visit(room):
        index[room] = low[room] = len(index)
        stack.append(room)
        for other in sorted(edges.get(room, ())):
            if other not in index:
                visit(other)
                low[room] = min(low[room], low[other])
            elif other in stack:
                low[room] = min(low[room], index[other])
        if low[room] == index[room]:
            at = stack.index(room)
            if len(stack) - at > 1:
                found.append(frozenset(str(member) for member in stack[at:]))
            del stack[at:]

    for room in sorted(edges):
        if room not in index:
            visit(room)
    return found


def main():
    edges = graph()
    found = circles(edges)
    known = [frozenset(f"{folder}/{n}" for n in names.split()) for folder, names, _ in KNOWN]
    new = [circle for circle in found if not any(circle <= listed for listed in known)]
    gone = [listed for listed in known if not any(circle <= listed for circle in found)]
    for circle in new:
        print("These include each other in a circle:", file=sys.stderr)
        for room in sorted(circle):
            others = sorted(str(o) for o in edges[Path(room)] if str(o) in circle)
            print(f"    {room}: {', '.join(others)}", file=sys.stderr)
    for circle in gone:
        print(f"No circle any more: {', '.join(sorted(circle))}; take it off", file=sys.stderr)
    sys.exit(1 if new or gone else 0)


if __name__ == "__main__":
    main()
