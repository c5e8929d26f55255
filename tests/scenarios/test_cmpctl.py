# SPDX-License-Identifier: Apache-2.0
"""cmpctl: keys from the one who issues them to the one who signs, and signatures looked into."""
import datetime
import json
import subprocess
from fractions import Fraction

import pytest
from daemon import CMPCTL, run
from signing import Key, uuid7

ICI = "1A0F1-COUNTED"


def ctl(*words, stdin=None):
    return run(CMPCTL, *words, **({"input": stdin} if stdin is not None else {}))


def issued(ended):
    """What is to be handed over, as the tool has printed it."""
    rows = (line.split(None, 1) for line in ended.stdout.splitlines() if line.startswith("  "))
    return {row[0]: row[1] for row in rows if len(row) == 2}


@pytest.fixture
def joined(site):
    """The whole way of a key: a issues it to b, b takes it in; then cmpd serves with it."""
    site.peer("b")
    site.write()
    site.keys, site.theirs = site.folder / "keys.yaml", site.folder / "of-b.yaml"
    made = ctl("keys", "issue", "--keys", site.keys, "--peer", "b", "--id", "b-new")
    assert made.returncode == 0, made.stderr
    site.apikey = issued(made)["apikey"]
    taken = ctl(
        "keys",
        "import",
        "--keys",
        site.theirs,
        "--peer",
        "a",
        "--id",
        "b-new",
        stdin=site.apikey + "\n",
    )
    assert taken.returncode == 0, taken.stderr
    assert site.keys.stat().st_mode & 0o777 == site.theirs.stat().st_mode & 0o777 == 0o600
    return site


def start_counting(site):
    site.counting()
    site.keep_keyring = True  # the tool has written it
    site.start()


def resolve(site, ici, *words):
    return ctl(
        "resolve",
        f"https://localhost:{site.port}",
        ici,
        "--keys",
        site.theirs,
        "--peer",
        "a",
        "--ca",
        site.authority.path,
        *words,
    )


@pytest.mark.parametrize("header", ["x-key", "=x", "x y=z", "x=a\nb", "x:=1"])
def test_what_is_no_header_field(header):
    ended = run(CMPCTL, "resolve", "https://localhost", "1A0F1-1", "--unsigned", "--header", header)
    assert ended.returncode == 2
    assert "is no NAME=VALUE of a header field" in ended.stderr


@pytest.mark.parametrize("version", ["--http1", "--http2"])
@pytest.mark.parametrize("method", ["get", "form", "json"])
def test_a_key_that_was_handed_over_opens_the_door(joined, method, version):
    start_counting(joined)
    found = resolve(joined, ICI, "--method", method, version, "--param", "language=fr")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["content"] == "https://counted.example/"
    unknown = resolve(joined, "1A0F1-NONE", "--method", method)
    assert unknown.returncode == 1
    assert json.loads(unknown.stdout)["code"] == "unknown_ici"


def test_the_handed_over_key_is_what_python_signs_with(joined):
    start_counting(joined)
    key = Key("b-new", "b", secret=joined.apikey.encode())
    assert joined.ask(key, ICI).status == 200


def test_a_server_that_is_not_verified_is_not_asked(joined):
    start_counting(joined)
    ended = ctl(
        "resolve", f"https://localhost:{joined.port}", ICI, "--keys", joined.theirs, "--peer", "a"
    )
    assert ended.returncode == 2 and ended.stderr


def test_plain_http_is_not_spoken(joined):
    ended = ctl("resolve", "http://localhost:1", ICI, "--keys", joined.theirs, "--peer", "a")
    assert ended.returncode == 2 and "https" in ended.stderr


def test_a_revoked_key_is_refused(joined):
    ended = ctl("keys", "revoke", "--keys", joined.keys, "--id", "b-new")
    assert ended.returncode == 0, ended.stderr
    start_counting(joined)
    assert resolve(joined, ICI).returncode == 1


def test_secrets_are_shown_once(joined):
    listed = ctl("keys", "list", "--keys", joined.keys)
    assert listed.returncode == 0
    assert "b-new" in listed.stdout and "b-1" in listed.stdout
    for ended in (
        listed,
        ctl("keys", "list", "--keys", joined.keys, "--json"),
        ctl("sign", "--keys", joined.theirs, "--id", "b-new", "--tid", "t", "--ici", "i"),
        ctl(
            "resolve",
            "https://localhost:1",
            ICI,
            "--keys",
            joined.theirs,
            "--peer",
            "a",
            "--verbose",
        ),
    ):
        assert joined.apikey not in ended.stdout + ended.stderr


@pytest.mark.parametrize("hash", ["sha256", "sha1", "sha384", "sha512"])
def test_signatures_agree_with_pythons(tmp_path, hash):
    key = Key("k", "b", secret=b"a secret that both sides know")
    file = tmp_path / "secret"
    file.write_bytes(key.secret)
    ours = Key("k", "b", secret=key.secret, hash=hash)
    words = ["--secret-file", file, "--hash", hash, "--tid", "t-1", "--ici", "1A0F1-X"]
    for encoding in ("hex", "base64"):
        made = json.loads(ctl("sign", *words, "--encoding", encoding, "--json").stdout)
        assert made["canonical"] == "t-11A0F1-X" and made["tid_octets"] == 3
        assert made["signature"] == ours.sign("t-1", "1A0F1-X", encoding)
    for written in ("hex", "HEX", "base64", "base64url-unpadded"):
        good = ctl("verify", *words, "--signature", ours.sign("t-1", "1A0F1-X", written))
        assert good.returncode == 0 and "VALID" in good.stdout
    bad = ctl("verify", *words, "--signature", ours.sign("t-2", "1A0F1-X"))
    assert bad.returncode == 1


@pytest.mark.parametrize(
    "at, why",
    [
        ("2026-01-31T23:59:59.999Z", "the key is not valid before 2026-02-01T00:00:00.000Z"),
        ("2026-02-01T00:00:00Z", None),
        ("2026-03-01T00:00:00Z", None),
        ("2026-03-01T00:00:00.001Z", "the key has expired at 2026-03-01T00:00:00.000Z"),
    ],
)
def test_verify_heeds_the_keys_window(site, at, why):
    window = {"not_before": "2026-02-01T00:00:00Z", "not_after": "2026-03-01T00:00:00Z"}
    key = site.peer("b", key=window)
    site.write()
    words = ["verify", "--keys", site.folder / "keys.yaml", "--id", key.id, "--tid", "t"]
    words += ["--ici", "i", "--signature", key.sign("t", "i"), "--at", at]
    told = ctl(*words)
    assert told.returncode == (0 if why is None else 1)
    assert told.stdout.splitlines()[0] == ("VALID" if why is None else "INVALID")
    assert why is None or why in told.stdout
    as_json = json.loads(ctl(*words, "--json").stdout)
    assert as_json["valid"] == (why is None) and as_json["signature_matches"] is True
    assert as_json.get("key_window") == why


@pytest.mark.parametrize(
    "skew_ms, why",
    [(-60_000, None), (-60_001, "max_skew"), (60_000, None), (60_001, "max_skew")],
)
def test_verify_heeds_the_age_of_a_tid(site, skew_ms, why):
    key = site.peer("b", key={"tid_format": "uuidv7", "max_skew": "1m"})
    site.write()
    now = 1_795_500_000_000
    tid = uuid7(Fraction(now + skew_ms, 1000))
    at = datetime.datetime.fromtimestamp(now / 1000, datetime.timezone.utc)
    words = ["verify", "--keys", site.folder / "keys.yaml", "--id", key.id, "--tid", tid]
    words += ["--ici", "i", "--signature", key.sign(tid, "i"), "--at", at.isoformat()]
    told = ctl(*words, "--json")
    assert told.returncode == (0 if why is None else 1)
    assert (why or "") in json.loads(told.stdout).get("tid_format", "")


def test_the_boundary_is_shown(tmp_path):
    file = tmp_path / "secret"
    file.write_text("a secret that both sides know")
    ended = ctl("sign", "--secret-file", file, "--tid", "ab", "--ici", "c")
    assert "ab|c" in ended.stdout


@pytest.mark.parametrize(
    "hint, text",
    [
        ("sha1", lambda key: Key("k", "b", secret=key.secret, hash="sha1").sign("t", "i")),
        ("ici", lambda key: key.sign("i", "t")),
    ],
)
def test_a_likely_cause_is_named(tmp_path, hint, text):
    key = Key("k", "b", secret=b"a secret that both sides know")
    file = tmp_path / "secret"
    file.write_bytes(key.secret)
    ended = ctl(
        "verify", "--secret-file", file, "--tid", "t", "--ici", "i", "--signature", text(key)
    )
    assert ended.returncode == 1
    assert hint in ended.stdout.lower()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["resolv"],
        ["sign", "--tdi", "x"],
        ["keys"],
        ["keys", "isue"],
        ["resolve", "https://localhost:1"],
        ["keys", "list"],
        ["stats"],
        ["stats", "--config", "cmpd.yaml", "--socket", "admin.sock"],
    ],
)
def test_a_wrong_command_line(words):
    ended = ctl(*words)
    assert ended.returncode == 2 and ended.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["sign", "--help"],
        ["verify", "--help"],
        ["resolve", "--help"],
        ["stats", "--help"],
        ["keys", "--help"],
        ["keys", "issue", "--help"],
    ],
)
def test_help(words):
    ended = ctl(*words)
    assert ended.returncode == 0 and "Usage" in ended.stdout


def test_two_who_issue_at_once_lose_nothing(tmp_path):
    keys = tmp_path / "keys.yaml"
    making = [
        subprocess.Popen(
            [str(CMPCTL), "keys", "issue", "--keys", str(keys), "--peer", "b", "--id", f"k-{i}"],
            stdout=subprocess.DEVNULL,
        )
        for i in range(10)
    ]
    assert [m.wait() for m in making] == [0] * 10
    listed = json.loads(ctl("keys", "list", "--keys", keys, "--json").stdout)
    assert json.dumps(listed).count('"k-') == 10


def test_a_fresh_tid_each_time(joined):
    """Our own tids are UUIDv7: a key that asks for them takes the tool's."""
    made = ctl(
        "keys",
        "issue",
        "--keys",
        joined.keys,
        "--peer",
        "b",
        "--id",
        "dated",
        "--tid-format",
        "uuidv7",
        "--max-skew",
        "1m",
    )
    ctl(
        "keys",
        "import",
        "--keys",
        joined.theirs,
        "--peer",
        "a",
        "--id",
        "dated",
        "--not-before",
        "2020-01-01T00:00:00Z",
        stdin=issued(made)["apikey"] + "\n",
    )
    start_counting(joined)
    for _ in range(3):
        assert resolve(joined, ICI).returncode == 0
    stale = resolve(joined, ICI, "--tid", uuid7(1_700_000_000))
    assert stale.returncode == 1
