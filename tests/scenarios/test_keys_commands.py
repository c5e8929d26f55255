# SPDX-License-Identifier: Apache-2.0
"""What `cmpctl keys` and `cmpctl verify` say when something is in the way: nothing is changed then."""
import hmac
import os
import pwd
import subprocess

import pytest
import yaml
from daemon import CMPCTL, run
from signing import uuid7

SECRET = "ab" * 32
ICI = "1A0F1-COUNTED"


@pytest.fixture
def ring(tmp_path):
    """A keyring with one id as issued and as received, and some windows."""
    path = tmp_path / "keys.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "issued": [
                    {"id": "twice", "peer": "b", "secret_hex": SECRET},
                    {"id": "b-1", "peer": "b", "secret_hex": SECRET},
                    {
                        "id": "later",
                        "peer": "b",
                        "secret_hex": SECRET,
                        "not_before": "2099-01-01T00:00:00Z",
                    },
                    {
                        "id": "ended",
                        "peer": "b",
                        "secret_hex": SECRET,
                        "not_after": "2020-01-01T00:00:00Z",
                    },
                    {"id": "form", "peer": "b", "secret_hex": SECRET, "tid_format": "uuid"},
                ],
                "received": [{"id": "twice", "peer": "b", "secret_hex": SECRET}],
            }
        )
    )
    path.chmod(0o600)
    return path


def revoke(ring, *words, **options):
    return run(CMPCTL, "keys", "revoke", "--keys", ring, *words, **options)


@pytest.mark.parametrize(
    "words, said",
    [
        (["--id", "twice"], '"twice" is both issued and received; say which with --use'),
        (["--id", "nobody"], 'it has no key of the id "nobody"'),
        (["--id", "b-1", "--use", "received"], 'it has no key of the id "b-1"'),
        (["--id", "b-1", "--use", "reissued"], "issued"),
        (["--id", "later"], "is not valid before 2099-01-01T00:00:00"),
        (["--id", "ended"], "ends earlier than that, at 2020-01-01T00:00:00"),
        (["--id", "b-1", "--at", "tomorrow"], "--at"),
        (["--id", "b-1", "--at", "2030-01-01T00:00:00Z", "--delete"], "exclude each other"),
        ([], "--id has to be given"),
    ],
)
def test_what_cannot_be_revoked(ring, words, said):
    before = ring.read_bytes()
    ended = revoke(ring, *words)
    assert ended.returncode == 2 and ended.stdout == ""
    assert said in ended.stderr and SECRET not in ended.stderr
    assert ring.read_bytes() == before


@pytest.mark.parametrize(
    "words, said",
    [
        (["issue", "--id", os.fsdecode(b"k-\xff")], "keys.yaml: id: what was given is no UTF-8"),
        (["issue", "--peer", os.fsdecode(b"\xc3")], "keys.yaml: peer: what was given is no UTF-8"),
        (["token", "--name", os.fsdecode(b"\xff")], "keys.yaml: name: what was given is no UTF-8"),
        (["issue", "--max-skew", "{"], '--max-skew: "{" is no time with its unit from 1s to 1d'),
        (["issue", "--max-skew", "&a 5m"], '--max-skew: "&a 5m" is no time'),
        (["issue", "--max-skew", "2d"], '--max-skew: "2d" is no time'),
    ],
)
def test_what_cannot_be_added(ring, words, said):
    before = ring.read_bytes()
    peer = ["--peer", "b"] if words[0] == "issue" and "--peer" not in words else []
    ended = run(CMPCTL, "keys", *words, "--keys", ring, *peer)
    assert ended.returncode == 2 and ended.stdout == ""
    assert said in ended.stderr and len(ended.stderr.splitlines()) == 1, ended.stderr
    assert ring.read_bytes() == before


@pytest.mark.parametrize("name, said", [
    ("none/k.yaml", "none/k.yaml: the folder that it is to be in does not exist"),
    ("file/k.yaml", "file/k.yaml.lock: Not a directory"),
])
def test_a_keyring_that_cannot_be_there(tmp_path, name, said):
    (tmp_path / "file").write_text("")
    ended = run(CMPCTL, "keys", "issue", "--peer", "b", "--keys", tmp_path / name)
    assert ended.returncode == 2 and ended.stdout == ""
    assert said in ended.stderr


def rows(ring, use):
    return {row["id"]: row for row in yaml.safe_load(ring.read_text())[use] or []}


def test_which_of_two_is_said(ring):
    ended = revoke(ring, "--id", "twice", "--use", "received", "--at", "2030-01-01T00:00:00Z")
    assert ended.returncode == 0, ended.stderr
    assert "2030-01-01" in str(rows(ring, "received")["twice"]["not_after"])
    assert "not_after" not in rows(ring, "issued")["twice"]


def test_a_window_only_shrinks(ring):
    for year in (2031, 2030):
        ended = revoke(ring, "--id", "b-1", "--at", f"{year}-01-01T00:00:00Z")
        assert ended.returncode == 0, ended.stderr
        assert f"{year}-01-01" in str(rows(ring, "issued")["b-1"]["not_after"])
    assert revoke(ring, "--id", "b-1", "--at", "2031-01-01T00:00:00Z").returncode == 2


def test_a_key_that_is_taken_out(ring):
    ended = revoke(ring, "--id", "later", "--delete")
    assert ended.returncode == 0, ended.stderr
    assert "later" not in rows(ring, "issued") and "ended" in rows(ring, "issued")


# ---- the file ----


def test_a_keyring_that_is_not_there(tmp_path):
    ended = revoke(tmp_path / "keys.yaml", "--id", "b-1")
    assert ended.returncode == 2 and "keys.yaml" in ended.stderr
    assert not (tmp_path / "keys.yaml").exists()


@pytest.mark.parametrize("text", ["issued: [", "[]", "issued: {}", "\0"])
def test_a_keyring_that_is_none(ring, text):
    ring.write_text(text)
    ended = revoke(ring, "--id", "b-1")
    assert ended.returncode == 2 and "keys.yaml" in ended.stderr
    assert ring.read_text() == text


def test_a_disk_that_is_full(ring):
    """By the limit of a file's size, which is refused as a full disk is."""
    before = ring.read_bytes()
    ended = subprocess.run(
        ["prlimit", "--fsize=64", CMPCTL, "keys", "revoke", "--keys", ring, "--id", "b-1"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2 and "File too large" in ended.stderr, ended
    assert ring.read_bytes() == before
    assert [name for name in os.listdir(ring.parent) if SECRET[:8] in name] == []
    for path in ring.parent.iterdir():
        assert path == ring or SECRET not in path.read_text(errors="replace")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="root becomes somebody else")
def test_a_folder_that_may_not_be_written(ring):
    nobody = pwd.getpwnam("nobody").pw_uid
    for folder in [ring.parent, *ring.parent.parents][:4]:
        folder.chmod(0o755)
    os.chown(ring, nobody, -1)
    before = ring.read_bytes()
    ended = revoke(ring, "--id", "b-1", user="nobody", group="nogroup", extra_groups=[])
    assert ended.returncode == 2 and "Permission denied" in ended.stderr
    assert ring.read_bytes() == before


# ---- verify ----


def verify(ring, *words):
    return run(CMPCTL, "verify", "--keys", ring, "--tid", uuid7(), "--ici", ICI, *words)


@pytest.mark.parametrize(
    "words, said",
    [
        (["--id", "b-1"], "--signature has to be given"),
        (["--id", "b-1", "--signature", "00", "--at", "noon"], "--at"),
        (["--id", "nobody", "--signature", "00"], "nobody"),
    ],
)
def test_what_cannot_be_verified(ring, words, said):
    ended = verify(ring, *words)
    assert ended.returncode == 2 and said in ended.stderr


def test_a_tid_of_another_form_than_the_key_demands(ring):
    signature = hmac.new(bytes.fromhex(SECRET), f"t-1{ICI}".encode(), "sha256").hexdigest()
    told = ["--id", "form", "--tid", "t-1", "--ici", ICI, "--signature", signature]
    ended = run(CMPCTL, "verify", "--keys", ring, *told)
    assert ended.returncode == 1 and "the key demands tid_format uuid" in ended.stdout
