# SPDX-License-Identifier: Apache-2.0
"""A key that has ended is in nobody's memory: neither the secret nor what HMAC makes of it. The
process's memory is searched, all of it that can be read."""
import base64
import hashlib
import time

import pytest
from daemon import CMPCTL, SANITIZED, run
from memory import search, traces
from signing import Key
from stores import eventually
from test_keys import ICI, Open, rfc3339
from world import home_and

# Their memory is terabytes of shadow, and keeps what was freed.
pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory cannot be searched")

LIVE = {
    "the secret (begin)",
    "the inner state (begin)",
    "the inner state (end)",
    "the outer state (begin)",
    "the outer state (end)",
}


@pytest.fixture
def served(site):
    site.config["workers"] = 3
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["limits"] = {"request_timeout": "2m"}  # to idle, on a busy machine
    site.counting()
    return site


def keys(site, *words, **how):
    ended = run(CMPCTL, "keys", *words, "--config", site.folder / "cmpd.yaml", **how)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def found(site, secret):
    return search(site.process.pid, traces(secret))


def found_live(site, secret):
    """The search finds what it looks for."""
    lines = found(site, secret)
    assert LIVE <= {line.split(" at ")[0] for line in lines}, lines


@pytest.mark.parametrize("how", [(), ("--delete",)], ids=["ended", "deleted"])
def test_an_issued_key(served, how):
    b, other = served.peer("b"), served.key("b")
    served.start()
    connections = [Open(served) for _ in range(12)]
    assert [c.resolve(b) for c in connections] == [200] * len(connections)
    found_live(served, b.secret)
    said = keys(served, "revoke", "--id", b.id, *how)
    assert "in force on 3 workers" in said
    assert [c.resolve(b) for c in connections] == [401] * len(connections)
    assert [c.resolve(other) for c in connections] == [200] * len(connections)
    assert found(served, b.secret) == []
    found_live(served, other.secret)


@pytest.mark.parametrize("form", ["secret", "secret_hex", "secret_base64"])
def test_a_key_in_each_form_of_the_file(served, form):
    """Written with an escape, which YAML's reader undoes in a buffer of its own."""
    key = Key("k", "b", secret=b"a-secret-of-32-octets-of-a-test!")
    values = {
        "secret": '"' + key.secret.decode().replace("-of-", "\\x2dof-") + '"',
        "secret_hex": '"' + key.secret.hex().replace("61", "\\x361") + '"',
        "secret_base64": '"' + base64.b64encode(key.secret).decode().replace("=", "\\x3d") + '"',
    }
    served.peer("b")
    served.write()
    served.keep_keyring = True
    path = served.folder / "keys.yaml"
    path.write_text(f"issued:\n- id: k\n  peer: b\n  {form}: {values[form]}\n")
    served.start()
    assert Open(served).resolve(key) == 200
    found_live(served, key.secret)
    keys(served, "revoke", "--id", "k")
    assert Open(served).resolve(key) == 401
    assert found(served, key.secret) == []


def test_a_key_whose_time_has_come(served):
    """Nobody touches the file."""
    end = time.time() + 15
    b = served.peer("b", key={"not_after": rfc3339(end)})
    served.start()
    connections = [Open(served) for _ in range(12)]
    assert [c.resolve(b) for c in connections] == [200] * len(connections)
    found_live(served, b.secret)
    eventually(lambda: found(served, b.secret) == [])
    assert time.time() > end
    assert [c.resolve(b) for c in connections] == [401] * len(connections)


def test_a_received_key(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    home.config["admin"] = {"socket": "admin.sock"}
    b.holds(**{"2B001-1": "one"})
    home.expect_error("no received key is valid now")
    home.expect_error("more requests that could not be signed")
    world.start()
    [key] = home.received
    assert [home.scan("2B001-1").status for _ in range(8)] == [200] * 8
    found_live(home, key.secret)
    keys(home, "revoke", "--id", key.id, "--use", "received")
    assert home.scan("2B001-1").status == 500
    assert found(home, key.secret) == []


def test_a_token_is_known_by_its_hash_only(served):
    served.listener["interfaces"].append("codes")
    reader = served.token("reader")
    served.start()
    assert search(served.process.pid, {"its hash": hashlib.sha256(reader.encode()).digest()}) != []
    assert search(served.process.pid, {"the token": reader.encode()}) == []
    connections = [Open(served) for _ in range(12)]
    assert [c.read(reader) for c in connections] == [200] * len(connections)
    assert "in force on 3 workers" in keys(served, "revoke", "--id", "reader")
    assert [c.read(reader) for c in connections] == [401] * len(connections)
