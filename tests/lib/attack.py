# SPDX-License-Identifier: Apache-2.0
"""What strangers do to a server (tests/attack), and how the server fares meanwhile."""
import json
import subprocess
from pathlib import Path

from daemon import BUILD

ATTACK = BUILD / "tests" / "attack"
STRANGER = "127.0.0.66"


def start(name, port, **options):
    """Starts an attack, which ends by itself after `seconds`; the others are its options, too, and
    True is for those without a value."""
    words = [str(ATTACK), name, "--port", str(port)]
    for option, value in ({"source": STRANGER} | options).items():
        words.append("--" + option.replace("_", "-"))
        words += [] if value is True else [str(value)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(process):
    """Waits for its end; returns what came of it."""
    told, wrong = process.communicate(timeout=90)
    assert process.returncode == 0, f"{process.args}: {wrong}"
    return json.loads(told)


class Memory:
    """What a process and its children hold, and the most that they ever held since `restart`."""

    def __init__(self, pid):
        self.pid = pid
        self.restart()

    def _pids(self):
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def _sum_kb(self, field):
        found = 0
        for pid in self._pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(field + ":"):
                    found += int(line.split()[1])
        return found

    def restart(self):
        for pid in self._pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): VmHWM begins anew

    def now_mb(self):
        return self._sum_kb("VmRSS") / 1024

    def most_mb(self):
        return self._sum_kb("VmHWM") / 1024
