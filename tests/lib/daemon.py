# SPDX-License-Identifier: Apache-2.0
"""A real cmpd in a folder of its own: configuration, keyring, certificate, codes, log."""
import contextlib
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

import client
import guard
import successor
from patience import PATIENCE
from signing import Key, uuid7

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CMPD_BUILD_DIR", ROOT / "build")).resolve()
CMPD = BUILD / "cmpd"
CMPCTL = BUILD / "cmpctl"
PLUGINS = BUILD / "plugins"
TEST_PLUGINS = BUILD / "tests" / "plugins"
SANITIZED = "CMPD_SANITIZE:STRING=\n" not in (BUILD / "CMakeCache.txt").read_text()
SANITIZER_MARKS = ("Sanitizer", "runtime error:")


kept_ports = []  # of the test that runs


def free_port(keep=kept_ports):
    """A port on loopback that nobody else is given, neither by us nor by the kernel, while its
    socket is kept: bound, which is in no server's way that sets SO_REUSEADDR, as all do."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    keep.append(bound)
    return bound.getsockname()[1]


def give_ports_back(kept=kept_ports):
    while kept:
        kept.pop().close()


def _state(thread):
    return (thread / "stat").read_text().rsplit(")", 1)[1].split()[0]


def put_in_place(path, text, mode=0o600):
    """In one step: a daemon that reads it meanwhile has the old or the new, and all of it."""
    new = path.with_name(path.name + ".new")
    new.touch(mode)
    new.write_text(text)
    new.rename(path)


def run(*command, **options):
    """Runs a program to its end and keeps what it says."""
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=3 * PATIENCE, **options)


class Site:
    """Describe it (config, peer, codes), start it, ask it. It is `a.example.net`, prefix 1A0F1."""

    def __init__(self, folder, authority):
        self.folder = folder
        self.authority = authority
        self.process = None
        self.expected_errors = []
        self.port = free_port()
        self.issued, self.received, self.tokens = [], [], []
        self.keep_keyring = False
        self.mute = False  # it cannot say that it is ready
        self.wrapped = []  # a command that runs the one behind it
        self.options = []  # of the command line
        self.environment = {}  # beside the test's own
        self.handed = []  # descriptors that the process is given
        certificate, key = authority.issue("localhost", "127.0.0.1", "::1", "a.example.net")
        self.config = {
            "cmp": {"host": "a.example.net", "prefixes": ["1A0F1"]},
            "workers": 2,
            "plugin_path": [str(PLUGINS), str(TEST_PLUGINS)],
            "log": {"level": "debug", "format": "json"},
            "keys": "keys.yaml",
            "listeners": [
                {
                    "name": "peers",
                    "bind": f"127.0.0.1:{self.port}",
                    "interfaces": ["mc-3", "mc-6"],
                    "authenticate": ["hmac"],
                    "tls": {"certificate": str(certificate), "key": str(key)},
                }
            ],
            "plugins": {
                "hmac": {"use": "auth_hmac"},
                "codes": {"use": "store_file", "path": "codes.ndjson"},
            },
            "resolve": {"stores": ["codes"], "deadline": "30s"},  # be the machine slow
            "peers": [],
        }
        self.write_codes()

    # ---- describing ----

    @property
    def listener(self):
        return self.config["listeners"][0]

    def peer(self, name, *, hash="sha256", key=None, **settings):
        """Adds a peer; returns a key that we issued to it. `key` are options of that key."""
        settings.setdefault("allow", {"interfaces": ["mc-3"]})
        self.config["peers"].append({"name": name, **settings})
        return self.key(name, hash=hash, **(key or {}))

    def key(self, peer, *, id=None, hash="sha256", **options):
        """Issues another key to a peer."""
        made = Key(id or f"{peer}-{len(self.issued) + 1}", peer, hash=hash, options=options)
        self.issued.append(made)
        return made

    def token(self, name, **options):
        """Makes a token of the interface codes; `options` are further members of its row."""
        made = secrets.token_urlsafe(32)
        digest = hashlib.sha256(made.encode()).hexdigest()
        self.tokens.append({"name": name, "sha256": digest, **options})
        return made

    def store(self, use, name="special", **options):
        """Makes this the only store."""
        self.config["plugins"][name] = {"use": use, **options}
        self.config["resolve"]["stores"] = [name]

    def counting(self, **options):
        """Takes the counting store; returns a function that tells how often it was asked."""
        trace = self.folder / "lookups"
        self.store("store_counting", path=str(trace), **options)
        return lambda: trace.stat().st_size

    def write_codes(self, *records, path="codes.ndjson"):
        """Replaces the code file in one step, as an operator should."""
        lines = [r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records]
        put_in_place(self.folder / path, "".join(line + "\n" for line in lines), 0o644)

    def keyring(self):
        rings = {"issued": self.issued, "received": self.received}
        rows = {use: [key.row() for key in ring] for use, ring in rings.items()}
        return rows | {"tokens": self.tokens}

    def write(self):
        """Writes configuration and keyring; returns the configuration's path."""
        if not self.keep_keyring:
            keys = self.folder / "keys.yaml"
            text = json.dumps(self.keyring(), indent=1)
            if not keys.is_file() or keys.read_text() != text:
                if self.process is not None:  # which may see a key before it knows of its peer
                    self.expect_error("there is no such peer: it has to be under peers before")
                put_in_place(keys, text)
        path = self.folder / "cmpd.yaml"
        path.write_text(json.dumps(self.config, indent=1))
        return path

    # ---- running ----

    def start(self):
        path = self.write()
        self.log_path = self.folder / "log"
        with open(self.log_path, "ab") as log:
            before = log.tell() if log.seekable() else 0
            self.process = subprocess.Popen(
                [*self.wrapped, str(CMPD), "-c", str(path), *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | self.environment,
                pass_fds=self.handed,
            )
        guard.keep(self.process)
        self._wait_until_ready(before)
        return self

    def _wait_until_ready(self, before):
        """Every socket is open then, and every worker at its own."""
        deadline = time.monotonic() + PATIENCE
        while not self._is_ready(before):
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                self.expected_errors += [line["message"] for line in self.log("error")]
                raise AssertionError(f"cmpd ended with {code}:\n{self.log_text()}")
            assert time.monotonic() < deadline, f"cmpd does not get ready:\n{self.log_text()}"
            time.sleep(0.01)

    def _is_ready(self, before):
        if self.mute:
            return all(self._listens(listener["bind"]) for listener in self.config["listeners"])
        return b"ready: " in self.log_path.read_bytes()[before:]

    @staticmethod
    def _listens(bind):
        host, port = bind.rsplit(":", 1)
        with socket.socket() as s:
            return s.connect_ex((host, int(port))) == 0

    def signal(self, number):
        self.process.send_signal(number)

    @contextlib.contextmanager
    def frozen(self):
        """Stands still while this lasts. SIGSTOP is for one thread, which stops the others when it
        comes to run: until then they go on."""
        threads = Path(f"/proc/{self.process.pid}/task")
        self.signal(signal.SIGSTOP)
        try:
            deadline = time.monotonic() + PATIENCE
            while {_state(thread) for thread in threads.iterdir()} != {"T"}:
                assert time.monotonic() < deadline, "cmpd does not stand still"
                time.sleep(0.01)
            yield
        finally:
            self.signal(signal.SIGCONT)

    def restart(self, *words):
        """`cmpctl restart`. From now on this is the new process; returns the one before."""
        successor.prepare()
        ended = run(CMPCTL, "restart", "--config", self.folder / "cmpd.yaml", "--json", *words)
        assert ended.returncode == 0, ended.stderr + self.log_text()
        before, self.process = self.process, successor.Successor(json.loads(ended.stdout)["pid"])
        return before

    def wait(self, seconds=PATIENCE):
        """Waits for the end; returns the exit status."""
        status = self.process.wait(timeout=seconds)
        self.process = None
        return status

    def is_asked_by(self, other):
        return f":{self.port}" in json.dumps(other.config)

    def stop(self):
        """Ends cmpd as an operator does, and looks for what should not have happened."""
        if self.process is not None:
            self.signal(signal.SIGTERM)
            try:
                status = self.wait()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                self.process = None
                raise AssertionError(f"cmpd does not stop:\n{self.log_text()}") from None
            assert status == 0, f"cmpd ended with {status}:\n{self.log_text()}"
        self.check_log()

    def check_log(self):
        text = self.log_text()
        for mark in SANITIZER_MARKS:
            assert mark not in text, text
        for line in self.log("error"):
            known = any(words in line["message"] for words in self.expected_errors)
            assert known, f"not expected in the log: {line}"

    def expect_error(self, words):
        """From now on, error lines with these words are what the test is about."""
        self.expected_errors.append(words)

    # ---- the log ----

    def log_text(self):
        path = getattr(self, "log_path", None)
        return path.read_text(errors="replace") if path and path.is_file() else ""

    def log(self, level=None):
        lines = []
        for text in self.log_text().splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if level is None or line["level"] == level:
                lines.append(line)
        return lines

    def log_count(self, words, what):
        """How many lines with these words there are, and how many with those that the log says it
        left out, which it calls `what`. After the stop, when all of them have been told."""
        shown = [line for line in self.log() if words in line["message"]]
        rest = [line for line in self.log() if f"more {what} were not logged" in line["message"]]
        left_out = [int(line["not_logged"]) for line in shown if "not_logged" in line]
        left_out += [int(line["message"].split()[0]) for line in rest]
        return len(shown), len(shown) + sum(left_out)

    def wait_for_log(self, words, seconds=PATIENCE):
        """Waits until a line holds these words; returns it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in self.log():
                if words in json.dumps(line, ensure_ascii=False):
                    return line
            time.sleep(0.02)
        raise AssertionError(f"never logged: {words}\n{self.log_text()}")

    # ---- the counters ----

    def counter(self, owner, name):
        """What the running daemon has counted; it needs an admin socket."""
        ended = run(CMPCTL, "stats", "--config", self.folder / "cmpd.yaml", "--json")
        assert ended.returncode == 0, ended.stderr
        counters = json.loads(ended.stdout)["counters"]
        values = [c["value"] for c in counters if (c["owner"], c["name"]) == (owner, name)]
        assert len(values) == 1, f"{owner} {name}: {values}"
        return values[0]

    # ---- asking ----

    def url(self, path="/mc-3/resolve-ici", host="127.0.0.1", port=None):
        return f"https://{f'[{host}]' if ':' in host else host}:{port or self.port}{path}"

    def send(self, pairs=(), *, path="/mc-3/resolve-ici", host="127.0.0.1", port=None, **how):
        pairs = pairs.items() if isinstance(pairs, dict) else pairs
        return client.send(self.url(path, host, port), self.authority.path, list(pairs), **how)

    def ask(self, key, ici, *, tid=None, written="hex", more=None, **how):
        """Sends a proper signed request for an ICI; `more` are further parameters."""
        return self.send(message(key, ici, tid=tid, written=written, **(more or {})), **how)

    def exchange(self, octets, seconds=PATIENCE):
        return client.exchange(self.port, self.authority.path, octets, seconds)


def message(key, ici, *, tid=None, written="hex", **more):
    """The parameters of a signed request, in Table 19's order."""
    tid = uuid7() if tid is None else tid
    pairs = {"tid": tid, "ici": ici, "user": "user-1"}
    if key is not None:
        pairs |= {"apikeyid": key.id, "signature": key.sign(tid, ici, written)}
    return pairs | more


def stop_all(sites):
    """Who asks before whom he asks: one that is connecting tells, rightly, of the other's end."""
    left, failures = list(sites), []
    while left:
        asked = [s for s in left if any(s.is_asked_by(other) for other in left if other is not s)]
        site = next((s for s in left if s not in asked), left[0])
        left.remove(site)
        try:
            site.stop()
        except AssertionError as failure:
            failures.append(f"{site.folder.name}: {failure}")
    assert not failures, "\n".join(failures)
