# SPDX-License-Identifier: Apache-2.0
"""Partners that ask at a steady rate (tests/steady), and how they are served."""
import json
import subprocess

from daemon import BUILD
from patience import PATIENCE

STEADY = BUILD / "tests" / "steady"


class Steady:
    """One key's requests for one ICI. A phase ends when it is asked for."""

    def __init__(self, port, key, ici, **options):
        words = [str(STEADY), "--port", str(port), "--key", key.id, "--ici", ici]
        words += ["--secret", key.secret.hex()]
        for option, value in options.items():
            words += ["--" + option, str(value)]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=PATIENCE)
        self.process.stdout.close()

    def phase(self):
        """Ends a phase; returns its figures."""
        self.process.stdin.write("\n")
        return json.loads(self.process.stdout.readline())
