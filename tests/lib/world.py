# SPDX-License-Identifier: Apache-2.0
"""A network of CMPs on loopback: several cmpd and recipients in Python, keys exchanged (9.3.2)."""
import json
import time

import client
from daemon import CMPCTL, Site, free_port, run, stop_all
from patience import PATIENCE
from recipient import Recipient
from signing import Key


class Node(Site):
    """One cmpd of a world. `ask` speaks to it as a peer does, `scan` as a handset does (MC-1)."""

    def __init__(self, folder, authority, name, host, prefixes):
        super().__init__(folder, authority)
        self.name, self.host = name, host
        self.pseudonym_secret = None
        certificate, key = authority.issue(host, "127.0.0.1")
        self.config["cmp"] = {"host": host} | ({"prefixes": prefixes} if prefixes else {})
        self.config["workers"] = 1
        self.config["admin"] = {"socket": "admin.sock"}
        self.listener["tls"] = {"certificate": str(certificate), "key": str(key)}
        self.handset_port = free_port()
        self.handsets = {
            "name": "handsets",
            "bind": f"127.0.0.1:{self.handset_port}",
            "interfaces": ["mc-1"],
            "source_rate": "10000/s",
            "source_burst": 10000,
        }
        self.config["listeners"].append(self.handsets)

    @property
    def server(self):
        return f"https://127.0.0.1:{self.port}"

    # ---- describing ----

    def entry(self, name, **settings):
        """The peer's entry in the configuration, with these settings added."""
        for entry in self.config["peers"]:
            if entry["name"] == name:
                entry.update(settings)
                return entry
        self.config["peers"].append({"name": name, "allow": {"interfaces": []}, **settings})
        return self.config["peers"][-1]

    def routes(self, **plugins):
        """Appends route plugins, in this order: name={"use": ...}."""
        self.config["plugins"] |= plugins
        self.config["resolve"].setdefault("routes", []).extend(plugins)

    def no_store(self):
        del self.config["plugins"]["codes"]
        self.config["resolve"]["stores"] = []

    def holds(self, **codes):
        """Its code file: ICI = content, or a record without its ICI. `_` stands for a hyphen."""
        records = []
        for ici, what in codes.items():
            record = what if isinstance(what, dict) else {"content": what}
            records.append({"ici": ici.replace("_", "-"), **record})
        self.write_codes(*records)

    def keyring(self):
        ring = super().keyring()
        if self.pseudonym_secret is not None:
            ring["pseudonym_secret"] = self.pseudonym_secret
        return ring

    # ---- asking ----

    def scan(self, ici, *, http2=False, headers=None, method=None, carriage="get", **params):
        """Asks as a handset: no tid, no signature."""
        pairs = {"ici": ici} | params
        tls = "tls" in self.handsets
        url = f"http{'s' if tls else ''}://127.0.0.1:{self.handset_port}/mc-1/resolve-ici"
        return client.send(
            url,
            self.authority.path,
            list(pairs.items()),
            http2=http2,
            headers=headers,
            method=method,
            carriage=carriage,
        )

    def explain(self, ici, *, as_peer=None, **params):
        """`cmpctl explain`: its answer as an object."""
        words = [f"--param={name}={value}" for name, value in params.items()]
        words += ["--as", as_peer] if as_peer else []
        ended = run(
            CMPCTL, "explain", ici, "--json", "--socket", self.folder / "admin.sock", *words
        )
        assert ended.returncode in (0, 1), ended.stderr
        return json.loads(ended.stdout)

    # ---- what it did ----

    def counter(self, owner, name):
        """`cmpctl stats`: what the running daemon has counted so far."""
        ended = run(CMPCTL, "stats", "--json", "--socket", self.folder / "admin.sock")
        assert ended.returncode == 0, ended.stderr
        counters = json.loads(ended.stdout)["counters"]
        return next(c["value"] for c in counters if (c["owner"], c["name"]) == (owner, name))

    def handled(self, ici=None):
        """One log line for every request that it answered, or for those for an ICI."""
        lines = [line for line in self.log() if line["message"] == "request"]
        return [line for line in lines if ici in (None, line.get("ici"))]

    def wait_until_handled(self, count, ici=None):
        """The same, when there are so many: a line comes after its answer."""
        return wait_until_handled([self], count, ici)


def wait_until_handled(nodes, count, ici=None, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while True:
        lines = [line for node in nodes for line in node.handled(ici)]
        if len(lines) >= count or time.monotonic() > deadline:
            return lines
        time.sleep(0.02)


class World:
    def __init__(self, folder, authority):
        self.folder, self.authority = folder, authority
        self.nodes, self.recipients = [], []

    def cmp(self, name, *prefixes, host=None):
        """A CMP with a store; its host is NAME.example.net."""
        folder = self.folder / name
        folder.mkdir()
        host = host or f"{name}.example.net"
        node = Node(folder, self.authority, name, host, list(prefixes))
        self.nodes.append(node)
        return node

    def registry(self, name="mcr"):
        """The MCR role by composition: signatures, routes, and no store."""
        node = self.cmp(name)
        node.no_store()
        node.routes(direct={"use": "route_addr"}, table={"use": "route_prefix"})
        return node

    def recipient(self, name, **how):
        """A CMP in Python, already listening."""
        made = Recipient(f"{name}.example.net", self.authority, **how)
        made.name = name
        self.recipients.append(made)
        return made.start()

    def join(self, requestor, recipient, *, interface="mc-3", signed=True, key=None, **settings):
        """Lets `requestor` (a Node) ask `recipient`: entries on both sides, and a key that the
        recipient issues. `settings` are what the requestor's entry has more; `key` are arguments
        of the key."""
        options = key or {}
        issued = None
        if signed:
            secret = Key(f"{requestor.name}-at-{recipient.name}", requestor.name, **options)
            issued = self._issue(secret, requestor, recipient)
        if isinstance(recipient, Node):
            entry = recipient.entry(requestor.name, host=requestor.host)
            entry["allow"].setdefault("interfaces", []).append(interface)
        url = recipient.server if isinstance(recipient, Node) else recipient.url
        way = {
            "host": recipient.host,
            "url": url + f"/{interface}/resolve-ici",
            "sign_with": "hmac" if signed else "none",
            "connect_timeout": "30s",
            "tls": {"ca": str(self.authority.path), "server_name": recipient.host},
        }
        requestor.entry(recipient.name, **(way | settings))
        return issued

    @staticmethod
    def _issue(key, requestor, recipient):
        received_only = {k: v for k, v in key.options.items() if k in ("encoding",)}
        issued_only = {k: v for k, v in key.options.items() if k not in received_only}
        both = {"id": key.id, "secret": key.secret, "hash": key.hash}
        mine = Key(peer=recipient.name, options=received_only, **both)
        theirs = Key(peer=requestor.name, options=issued_only, **both)
        requestor.received.append(mine)
        (recipient.issued if isinstance(recipient, Node) else recipient.keys).append(theirs)
        return theirs

    def start(self):
        for node in self.nodes:
            if node.process is None:
                node.start()
        return self

    def stop(self):
        try:
            stop_all(self.nodes)
        finally:
            for recipient in self.recipients:
                recipient.stop()


DIRECT = {"use": "route_addr"}
TABLE = {"use": "route_prefix"}


def through(registry, mode="relay"):
    return {"use": "route_mcr", "peer": registry.name, "mode": mode}


def home_and(world, recipient, prefixes=("2B001",), **settings):
    """The smallest network: a Home CMP `a`, and one peer that it reaches by prefix."""
    home = world.cmp("a", "1A0F1")
    home.routes(direct=DIRECT, table=TABLE)
    settings.setdefault("prefixes", list(prefixes))
    world.join(home, recipient, **settings)
    return home
