# SPDX-License-Identifier: Apache-2.0
"""Our auth_hmac in programs that are no cmpd: the SDK's examples for libcmp-embed."""
import json
import select
import signal
import subprocess
import sys
from urllib.parse import urlencode

import pytest
from daemon import BUILD, ROOT, SANITIZED, free_port, run
from patience import PATIENCE
from signing import Key
from world import DIRECT, TABLE, through

EXAMPLES = ROOT / "sdk/examples/embed"
PLUGINS = BUILD / "plugins"


def keyring(path, *keys):
    path.write_text(json.dumps({"issued": [key.row() for key in keys]}))
    path.chmod(0o600)
    return path


# ---- a small registry ----


class SmallMcr:
    """The example, as a world knows recipients."""

    host, name = "mcr.example.net", "mcr"

    def __init__(self, folder, authority):
        self.folder, self.authority = folder, authority
        self.keys, self.process, self.lines = [], None, []
        self.port = free_port()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def write_keys(self):
        return keyring(self.folder / "mcr-keys.yaml", *self.keys)

    def start(self, *prefixes, program=BUILD / "tests/small_mcr"):
        certificate = self.authority.issue(self.host, "127.0.0.1")
        words = [program, self.port, *certificate, PLUGINS, self.write_keys(), *prefixes]
        self.process = subprocess.Popen(list(map(str, words)), stderr=subprocess.PIPE, text=True)
        self.wait_for("ready")

    def wait_for(self, part):
        while not self.lines or part not in self.lines[-1]:
            assert select.select([self.process.stderr], [], [], PATIENCE)[0], self.lines
            line = self.process.stderr.readline()
            assert line, self.lines
            self.lines.append(line.rstrip("\n"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        _, rest = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, rest


@pytest.fixture
def mcr(tmp_path, authority):
    made = SmallMcr(tmp_path, authority)
    yield made
    if made.process is not None:
        made.stop()


@pytest.fixture
def home(world, mcr):
    """A CMP that asks the registry about what it does not know, and a peer that knows it."""
    home = world.cmp("a", "1A0F1")
    b = world.recipient("b")
    b.codes["2B001-1"] = "https://b.example.net/1"
    world.join(home, b)
    world.join(home, mcr)
    home.routes(direct=DIRECT, table=TABLE, mcr=through(mcr, "lookup"))
    return home


def test_a_daemon_follows_the_referral_of_a_small_registry(home, mcr):
    mcr.start("2B0=c.example.net", "2B001=b.example.net")
    asking = home.peer("asking")
    home.start()
    assert home.ask(asking, "2B001-1").json["content"] == "https://b.example.net/1"
    assert home.ask(asking, "3C001-1").status == 404  # the registry knows nobody
    assert [line for line in mcr.lines if line != "ready"] == []


def test_a_small_registry_rejects_and_takes_new_keys(home, mcr):
    mcr.start("2B001=b.example.net")
    asking = home.peer("asking")
    good, mcr.keys = mcr.keys, [Key("another", "a")]
    mcr.write_keys()
    mcr.process.send_signal(signal.SIGHUP)
    mcr.wait_for("the new keys are in use")
    home.start()
    assert home.ask(asking, "2B001-1").status == 502  # its 401 is the operator's business
    mcr.wait_for("401 authentication_failed: unknown apikeyid")
    mcr.keys = good
    mcr.write_keys()
    mcr.process.send_signal(signal.SIGHUP)
    mcr.wait_for("the new keys are in use")
    assert home.ask(asking, "2B001-1").json["content"] == "https://b.example.net/1"
    (mcr.folder / "mcr-keys.yaml").chmod(0o644)
    mcr.process.send_signal(signal.SIGHUP)
    mcr.wait_for("the keyring is open to others")
    assert home.ask(asking, "2B001-2").status == 404


# ---- verifiers ----

B = Key("k-b", "b")


def query(key, tid, ici, **more):
    pairs = {"tid": tid, "ici": ici, "user": "u", "apikeyid": key.id}
    return urlencode(pairs | {"signature": key.sign(tid, ici)} | more)


QUERIES = {
    query(B, "t-1", "A-1"): "200 b",
    query(B, "t-2", "A-1"): "200 b",
    query(B, "t-1", "A-1") + "&language=de": "409 replayed: it was seen before",
    query(B, "t", "-1A-1", signature=B.sign("t-1", "A-1")): "409 replayed: it was seen before",
    query(B, "t-3", "A-1", signature="00" * 32): "401 authentication_failed: bad signature",
    query(Key("k-c", "c"), "t-4", "A-1"): "401 authentication_failed: unknown apikeyid",
    "ici=A-1": "400 missing_parameter: tid",
    query(B, "t-1", "A-2"): "200 b",
}


def verify(*command):
    ended = run(*command, input="".join(f"{line}\n" for line in QUERIES))
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


def test_a_verifier_for_the_command_line(tmp_path):
    ring = keyring(tmp_path / "ring.yaml", B)
    assert verify(BUILD / "tests/verify", PLUGINS, ring) == list(QUERIES.values())
    ring.chmod(0o640)
    ended = run(BUILD / "tests/verify", PLUGINS, ring)
    assert ended.returncode == 1
    assert "the keyring is open to others" in ended.stderr


@pytest.mark.skipif(SANITIZED, reason="a sanitizer wants to be in the program first")
def test_the_same_from_python(tmp_path):
    ring = keyring(tmp_path / "ring.yaml", B)
    library = BUILD / "libcmp-embed.so.1"
    program = [sys.executable, EXAMPLES / "verify.py", library]
    assert verify(*program, PLUGINS, ring) == list(QUERIES.values())
    ended = run(*program, tmp_path, ring)
    assert ended.returncode == 1
    assert f"no auth_hmac.so in {tmp_path}" in ended.stderr


SAYS_NO = """
#include <cmp/plugin.h>

static cmp_auth_verdict verify(void *instance, void *worker, cmp_op op, cmp_auth_answer *answer)
{
    (void)instance, (void)worker, (void)op, (void)answer;
    return CMP_AUTH_REJECT;
}

static void *create(const cmp_host *host, const void *options, void *previous, cmp_report *report)
{
    (void)options, (void)previous, (void)report;
    return (void *)host;
}

static void destroy(void *instance)
{
    (void)instance;
}

static const cmp_auth_ops ops = {.size = sizeof(ops), .verify = verify};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI, .name = "auth_hmac", .kind = CMP_PLUGIN_AUTH, .version = "1",
    .summary = "Says no, and not why", .create = create, .destroy = destroy, .ops.auth = &ops};
"""


def test_a_rejection_may_come_without_a_reason(tmp_path):
    (tmp_path / "auth_hmac.c").write_text(SAYS_NO)
    plugin, source = tmp_path / "auth_hmac.so", tmp_path / "auth_hmac.c"
    built = run("cc", "-shared", "-fPIC", "-I", ROOT / "include", source, "-o", plugin)
    assert built.returncode == 0, built.stderr
    programs = [[BUILD / "tests/verify"]]
    if not SANITIZED:
        programs.append([sys.executable, EXAMPLES / "verify.py", BUILD / "libcmp-embed.so.1"])
    for program in programs:
        ended = run(*program, tmp_path, keyring(tmp_path / "ring.yaml", B), input="tid=t&ici=A-1\n")
        assert (ended.returncode, ended.stdout, ended.stderr) == (
            0, "401 authentication_failed: \n", ""
        )


@pytest.mark.skipif(SANITIZED, reason="nobody installs what a sanitizer is in")
def test_they_are_built_with_an_installed_sdk(tmp_path, home, mcr):
    """As they were installed, by their own Makefile; the library is found where it is."""
    for component in ("sdk", "runtime"):
        ended = run("cmake", "--install", BUILD, "--component", component, "--prefix", tmp_path / "i")
        assert ended.returncode == 0, ended.stderr
    prefix = (tmp_path / "i").rename(tmp_path / "moved")
    folder = prefix / "share/cmpd/examples/embed"
    ended = run("make", "-C", folder, f"PKG_CONFIG_PATH={prefix}/lib/pkgconfig", "CFLAGS=-O0 -Wall -Werror")
    assert (ended.returncode, ended.stderr) == (0, "")
    ring = keyring(tmp_path / "ring.yaml", B)
    assert verify(folder / "verify", prefix / "lib/cmpd/plugins", ring) == list(QUERIES.values())
    mcr.start("2B001=b.example.net", program=folder / "small_mcr")
    asking = home.peer("asking")
    home.start()
    assert home.ask(asking, "2B001-1").json["content"] == "https://b.example.net/1"
