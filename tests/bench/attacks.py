#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How partners fare beside each attack: with cmpd, and with nginx and HAProxy as Debian has them.

    tests/bench/attacks.py [--build DIR] [--servers cmpd,nginx,haproxy] [--attacks NAME,...]
                           [--seconds N] [--rate N] [--save FILE] [--label TEXT] [--cmpd PATH]
    tests/bench/attacks.py --table FILE...

Every server runs one thread on the first core; the attack and the partners have the second one. The
partners send signed requests at a steady rate over four h2 connections, each of which is left and
made anew within a second; nginx and HAProxy answer them with a fixed text. The figures are: answers
a second during the attack, the 99th percentile of their time, the most memory that the server held
meanwhile, how long it took after the attack until all was as before. `--save` keeps what was
measured; `--table` writes what was kept as one table.
"""
import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

ICI = "1A0F1-MENU"
PARTNER = "127.0.0.2"
WARM_S, CALM_S, AFTER_S = 1, 1, 2
LARGE = {"ici": "1A0F1-{:04}", "content": "x" * 60000, "content_type": "text"}
LARGE_COUNT = 4  # what one answer may have (limits.codes_answer)
ATTACK_NICE = 5  # the partners share its core, and are not what is measured


def attack_names():
    listed = subprocess.run([str(attack.ATTACK), "--list"], capture_output=True, text=True)
    return [line.split()[0] for line in listed.stdout.splitlines()]


def pinned(core):
    return ["taskset", "-c", str(core)] if os.cpu_count() > 1 else []


class Server:
    """A server in a folder of its own, started."""

    def __init__(self, folder, authority):
        self.folder = folder
        self.port = daemon.free_port()
        self.certificate, self.key_file = authority.issue("localhost", "127.0.0.1")
        self.key = signing.Key("k", "b")
        self.log_path = folder / "log"
        command = self.prepare()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                pinned(0) + command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
            )
        self._wait_until_open()

    def _wait_until_open(self):
        for _ in range(500):
            if self.process.poll() is not None:
                sys.exit(f"{type(self).__name__} ended:\n{self.log_path.read_text()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        sys.exit(f"{type(self).__name__} does not open its port")

    def attack_options(self, name):
        """The port, and options that the attack wants here; none: it is not for this server."""
        return {"port": self.port}

    def log_lines(self):
        return self.log_path.read_bytes().count(b"\n")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Cmpd(Server):
    program = None  # set by the command line

    def listener(self, name, port, *interfaces, **more):
        tls = {"certificate": str(self.certificate), "key": str(self.key_file)}
        where = {"name": name, "bind": f"127.0.0.1:{port}", "interfaces": list(interfaces)}
        return where | {"tls": tls} | more

    def prepare(self):
        site = daemon.Site(self.folder, self)
        self.token = site.token("reader")
        site.issued.append(self.key)
        site.write_codes({"ici": ICI, "content": "https://a.example.net/menu"})
        site.write_codes(
            *[LARGE | {"ici": LARGE["ici"].format(i)} for i in range(LARGE_COUNT)],
            path="large.ndjson",
        )
        self.codes_port = daemon.free_port()
        site.config |= {
            "workers": 1,
            "plugin_path": [str(Path(self.program).parent / "plugins")],
            "log": {"level": "notice"},
            "peers": [{"name": "b"}],
            "listeners": [
                self.listener("peers", self.port, "mc-3", authenticate=["hmac"]),
                self.listener("handsets", daemon.free_port(), "mc-1"),
                self.listener("codes", self.codes_port, "codes"),
            ],
        }
        site.config["plugins"]["large"] = {"use": "store_file", "path": "large.ndjson"}
        site.config["resolve"]["stores"].append("large")
        return [self.program, "-c", str(site.write())]

    def issue(self, *_):
        """A site asks for a certificate of its own; it has the server's."""
        return self.certificate, self.key_file

    def attack_options(self, name):
        if name not in ("unread", "dribble"):
            return {"port": self.port}
        body = self.folder / "lookup.json"
        icis = [LARGE["ici"].format(i) for i in range(LARGE_COUNT)]
        body.write_text(json.dumps({"icis": icis}))
        return {
            "port": self.codes_port,
            "target": "/codes/v1/lookup",
            "header": f"authorization=Bearer {self.token}",
            "body_file": body,
        }


class Nginx(Server):
    def prepare(self):
        conf = self.folder / "nginx.conf"
        conf.write_text(f"""
daemon off;
worker_processes 1;
pid {self.folder}/pid;
error_log {self.folder}/error.log;
events {{ worker_connections 10000; }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{self.port} ssl http2 backlog=4096;
        ssl_certificate {self.certificate};
        ssl_certificate_key {self.key_file};
        default_type application/json;
        location / {{ return 200 '{{"status":"resolved"}}'; }}
    }}
}}
""")
        return ["nginx", "-e", f"{self.folder}/error.log", "-c", str(conf)]


class Haproxy(Server):
    def prepare(self):
        both = self.folder / "both.pem"
        both.write_bytes(self.certificate.read_bytes() + self.key_file.read_bytes())
        conf = self.folder / "haproxy.cfg"
        conf.write_text(f"""
global
    nbthread 1
    maxconn 9900
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend f
    bind 127.0.0.1:{self.port} backlog 4096 ssl crt {both} alpn h2,http/1.1
    http-request return status 200 content-type application/json string '{{"status":"resolved"}}'
""")
        return ["haproxy", "-db", "-f", str(conf)]


SERVERS = {"cmpd": Cmpd, "nginx": Nginx, "haproxy": Haproxy}


def measure(kind, name, folder, authority, options):
    server = SERVERS[kind](folder, authority)
    port = server.port
    try:
        with steady.Steady(
            port, server.key, ICI, source=PARTNER, rate=options.rate, lifetime=500
        ) as partners:
            os.sched_setaffinity(partners.process.pid, {os.cpu_count() - 1})
            time.sleep(WARM_S)
            partners.phase()
            time.sleep(CALM_S)
            calm = partners.phase()
            if calm["answered"] == 0:
                sys.exit(f"{kind} does not answer: {calm}\n{server.log_path.read_text()[-2000:]}")
            memory = attack.Memory(server.process.pid)
            idle_mb, lines = memory.now_mb(), server.log_lines()
            attacker = attack.start(
                name, seconds=options.seconds, **server.attack_options(name)
            )
            os.sched_setaffinity(attacker.pid, {os.cpu_count() - 1})
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, attacker.pid, own + ATTACK_NICE)
            came_of_it = attack.outcome(attacker)
            during = partners.phase()
            alive = server.process.poll() is None
            most_mb = memory.most_mb() if alive else None
            time.sleep(AFTER_S)
            after = partners.phase()
            return {
                "calm": calm,
                "during": during,
                "after": after,
                "idle_mb": idle_mb,
                "most_mb": most_mb,
                "alive": alive,
                "log_lines": server.log_lines() - lines,
                "outcome": came_of_it,
            }
    finally:
        server.stop()


# ---- the table ----


def cell(row):
    if row is None:
        return "–"
    if not row["alive"]:
        return "**it ended**"
    back = row["after"]["recovered_ms"]
    return (
        f"{row['during']['rate']:,.0f}/s, {row['during']['p99_ms']:.0f} ms, "
        f"{row['most_mb']:,.0f} MB, {'not back' if back < 0 else f'{back / 1000:.1f} s'}"
    )


def table(rows):
    labels = list(dict.fromkeys(row["label"] for row in rows))
    names = list(dict.fromkeys(row["attack"] for row in rows))
    found = {(row["attack"], row["label"]): row for row in rows}
    print("| attack | " + " | ".join(labels) + " |")
    print("|---" * (len(labels) + 1) + "|")
    for name in names:
        cells = [cell(found.get((name, label))) for label in labels]
        print(f"| {name} | " + " | ".join(cells) + " |")


def good(row):
    """What is promised: 95 of 100 answers, in twice the time or 25 ms, and well within a second."""
    calm, during = row["calm"], row["during"]
    return (
        row["alive"]
        and during["rate"] >= 0.95 * calm["rate"]
        and during["p99_ms"] <= max(25, 2 * calm["p99_ms"])
        and 0 <= row["after"]["recovered_ms"] < 1000
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default=str(HERE.parents[1] / "build"))
    parser.add_argument("--cmpd", help="another cmpd than the one that was built")
    parser.add_argument("--servers", default="cmpd,nginx,haproxy")
    parser.add_argument("--attacks", help="all by default")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--save", type=Path, help="add what was measured to this file")
    parser.add_argument("--label", help="what cmpd is called in the table")
    parser.add_argument("--table", nargs="+", type=Path, help="only write what was saved")
    options = parser.parse_args()
    os.environ["CMPD_BUILD_DIR"] = os.path.abspath(options.build)
    global attack, daemon, signing, steady
    import attack
    import daemon
    import signing
    import steady
    from authority import Authority

    if options.table:
        table([json.loads(line) for path in options.table for line in path.open()])
        return
    Cmpd.program = os.path.abspath(options.cmpd) if options.cmpd else str(daemon.CMPD)
    rows = []
    for name in options.attacks.split(",") if options.attacks else attack_names():
        for kind in options.servers.split(","):
            with tempfile.TemporaryDirectory() as folder:
                os.chmod(folder, 0o755)  # nginx's worker is another user
                row = measure(kind, name, Path(folder), Authority(Path(folder)), options)
                daemon.give_ports_back()
            label = options.label if kind == "cmpd" and options.label else kind
            row |= {"attack": name, "label": label, "good": good(row)}
            rows.append(row)
            print(f"{name} {label}: {cell(row)}{'' if row['good'] else '  <-- '}", file=sys.stderr)
            if options.save:
                with options.save.open("a") as kept:
                    kept.write(json.dumps(row) + "\n")
    table(rows)


if __name__ == "__main__":
    main()
