# SPDX-License-Identifier: Apache-2.0
"""The samples that we hand out are good, as they are."""
import json
import re
import shutil

import pytest
from daemon import CMPD, ROOT, run
from world import Node

SAMPLES = ROOT / "etc" / "samples"
CONFIGURATIONS = [ROOT / "etc" / "cmpd.yaml", *sorted(SAMPLES.glob("*.yaml"))]


@pytest.fixture
def installed(tmp_path, authority):
    """A folder with what every sample refers to."""
    certificate, key = authority.issue("a.example.net")
    shutil.copy(certificate, tmp_path / "server.pem")
    shutil.copy(key, tmp_path / "server.key")
    shutil.copy(authority.path, tmp_path / "ca.pem")
    shutil.copy(SAMPLES / "codes.ndjson", tmp_path)
    keys = tmp_path / "keys.yaml"
    keys.write_text("issued: []\nreceived: []\n")
    keys.chmod(0o600)
    return tmp_path


@pytest.mark.parametrize("sample", CONFIGURATIONS, ids=lambda path: path.name)
def test_a_sample_configuration(installed, sample):
    text = sample.read_text().replace("/run/cmpd/", "")
    (installed / sample.name).write_text(text)
    ended = run(CMPD, "-t", "-c", installed / sample.name)
    assert ended.returncode == 0, ended.stderr


def test_the_sample_codes(site):
    b = site.peer("b")
    lines = (SAMPLES / "codes.ndjson").read_text().splitlines()
    site.write_codes(*lines)
    site.start()
    for line in lines:
        record = json.loads(line)
        answer = site.ask(b, record["ici"])
        if record.get("status") == "revoked":
            assert answer.status == 410
        else:
            assert answer.json["content"] == record["content"]


# ---- the samples are one network ----


class Sample(Node):
    """A node that is configured by a sample; only addresses, ports, folders and patience are
    filled in."""

    ports = {}  # of all nodes, by host

    def install(self, sample, *changes):
        self.sample, self.changes = sample, changes
        self.ports[self.host] = self.port
        certificate, key = self.listener["tls"].values()
        shutil.copy(certificate, self.folder / "server.pem")
        shutil.copy(key, self.folder / "server.key")
        shutil.copy(self.authority.path, self.folder / "ca.pem")
        self.handsets["tls"] = self.listener["tls"]  # a sample's handsets come by https
        return self

    def write(self):
        path = super().write()  # the keyring counts
        text = (SAMPLES / self.sample).read_text()
        for old, new in self.changes:
            text = text.replace(old, new)
        text = text.replace("/run/cmpd/", "").replace('"0.0.0.0:443"', f'"127.0.0.1:{self.handset_port}"')
        text = re.sub(r'"0\.0\.0\.0:844\d"', f'"127.0.0.1:{self.port}"', text)
        for host, port in self.ports.items():
            text = re.sub(rf'"https://{re.escape(host)}:\d+', f'"https://127.0.0.1:{port}', text)
        text = text.replace("deadline: 3s", "deadline: 30s")
        text = re.sub(r"( +)sign_with: ", r"\1connect_timeout: 30s\n\g<0>", text)
        path.write_text(text + "workers: 1\nplugin_path: " + json.dumps(self.config["plugin_path"]))
        return path


@pytest.fixture
def network(world):
    Sample.ports = {}

    def node(name, sample, *changes, host=None):
        folder = world.folder / name
        folder.mkdir()
        host = host or f"{name}.example.net"
        made = Sample(folder, world.authority, name, host, [])
        world.nodes.append(made)
        return made.install(sample, *changes)

    a, b = node("a", "home.yaml"), node("b", "resolving.yaml")
    c = node("c", "resolving.yaml", ("b.example.net", "c.example.net"), ("2B001", "3C001"))
    d, mcr = node("d", "split-parent.yaml"), node("mcr", "mcr.yaml")
    child = node("child", "split-child.yaml", host="child.d.example.net")
    for asks, answers in ((a, b), (a, d), (a, mcr), (mcr, b), (mcr, c), (mcr, d), (d, child)):
        world.join(asks, answers)
    a.holds(
        **{
            "1A0F1-OWN": "a",
            "1A0F1-MOVED": {"transferred_to": "b.example.net"},
            "1A0F1-FAR": {"transferred_to": "c.example.net"},
        }
    )
    b.holds(**{"2B001-1": "b", "1A0F1-MOVED": "b too"})
    c.holds(**{"3C001-1": "c", "1A0F1-FAR": "c too"})
    d.holds(**{"4D001-1": "d"})
    child.holds(**{"4D0012-1": "child"})
    world.start()
    return world


def test_the_samples_are_one_network(network):
    home = network.nodes[0]
    for ici, content in {
        "1A0F1-OWN": "a",
        "2B001-1": "b",
        "1A0F1-MOVED": "b too",
        "3C001-1": "c",
        "1A0F1-FAR": "c too",
        "4D001-1": "d",
        "4D0012-1": "child",
    }.items():
        answer = home.scan(ici)
        assert answer.status == 200 and answer.json["content"] == content, (ici, answer.body)
    for ici in ("1A0F1-NONE", "2B001-NONE", "3C001-NONE", "4D0012-NONE", "5E001-NONE"):
        assert home.scan(ici).code == "unknown_ici", ici
    parent = next(node for node in network.nodes if node.name == "d")
    assert parent.scan("4D0012-1").json["content"] == "child"
