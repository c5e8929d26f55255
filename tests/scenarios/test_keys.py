# SPDX-License-Identifier: Apache-2.0
"""Keys come and go without a gap, and the keyring is guarded."""
import http.client
import ssl
import time
from datetime import datetime, timezone
from urllib.parse import urlencode

import pytest
from daemon import CMPCTL, CMPD, message, run
from signing import Key, uuid7
from world import home_and

ICI = "1A0F1-COUNTED"
LONG = "hush-hush-hush-hush"


def rfc3339(at):
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_two_keys_of_a_peer_overlap(site):
    old = site.peer("b", key={"not_after": rfc3339(time.time() + 3600)})
    new = site.key("b", not_before=rfc3339(time.time() - 3600))
    site.counting()
    site.start()
    assert site.ask(old, ICI).status == 200
    assert site.ask(new, ICI).status == 200


def test_a_window_opens_and_closes_while_cmpd_runs(site):
    site.peer("b")
    site.counting()
    site.start()
    then = time.time() + 10
    closing = site.key("b", not_after=rfc3339(then))
    opening = site.key("b", not_before=rfc3339(then))
    site.write()

    def statuses():
        return site.ask(closing, ICI).status, site.ask(opening, ICI).status

    becomes((200, 401), statuses, before=(401, 401))
    time.sleep(max(0, then + 0.2 - time.time()))
    assert statuses() == (401, 200)


# ---- the file changes while cmpd runs ----


SOON = 1  # seconds: a change takes effect within


class Open:
    """One connection that stays open, and says what its requests are answered."""

    def __init__(self, site, path="/mc-3/resolve-ici"):
        context = ssl.create_default_context(cafile=site.authority.path)
        self.connection = http.client.HTTPSConnection("localhost", site.port, context=context)
        self.connection.connect()
        self.socket = self.connection.sock
        self.path = path

    def ask(self, method, path, body=None, headers=()):
        self.connection.request(method, path, body, dict(headers))
        answer = self.connection.getresponse()
        answer.read()
        assert self.connection.sock is self.socket
        return answer.status

    def resolve(self, key):
        form = {"content-type": "application/x-www-form-urlencoded"}
        return self.ask("POST", self.path, urlencode(message(key, ICI)), form.items())

    def read(self, token):
        return self.ask("GET", f"/codes/v1/codes/{ICI}", None, [("authorization", f"Bearer {token}")])


def becomes(status, ask, *, before, seconds=SOON + 20):
    """Until then it is as it was before. (Five seconds more are for a busy machine.)"""
    deadline = time.monotonic() + seconds
    while (now := ask()) != status:
        assert now == before and time.monotonic() < deadline, f"still {now}"
        time.sleep(0.02)


def keys(site, *words, **how):
    ended = run(CMPCTL, "keys", *words, "--keys", site.folder / "keys.yaml", **how)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_revoked_key_is_refused_at_once(site):
    b, other = site.peer("b"), site.key("b")
    site.counting()
    site.start()
    open_one = Open(site)
    assert open_one.resolve(b) == 200
    keys(site, "revoke", "--id", b.id)
    becomes(401, lambda: open_one.resolve(b), before=200)
    assert open_one.resolve(other) == 200
    keys(site, "revoke", "--id", other.id, "--delete")
    becomes(401, lambda: open_one.resolve(other), before=200)


def test_a_new_key_is_good_at_once(site):
    site.peer("b")
    site.counting()
    site.start()
    open_one = Open(site)
    issued = keys(site, "issue", "--peer", "b", "--id", "k-new")
    secret = next(line.split()[1] for line in issued.splitlines() if " apikey " in line)
    new = Key("k-new", "b", secret=secret.encode())
    becomes(200, lambda: open_one.resolve(new), before=401)


def test_tokens_change_at_once(site):
    site.listener["interfaces"].append("codes")
    reader = site.token("reader")
    site.counting()
    site.start()
    open_one = Open(site)
    assert open_one.read(reader) == 200
    keys(site, "revoke", "--id", "reader")
    becomes(401, lambda: open_one.read(reader), before=200)


@pytest.mark.parametrize(
    "text, words",
    [
        ("issued:\n- {id: k, peer: nobody, secret: 0123456789abcdef}\n", "keys.yaml:2:"),
        ("issued: [", "keys.yaml:"),
        ("", "is empty"),
        (None, "cannot be opened"),
    ],
)
def test_a_bad_keyring_leaves_the_old_keys(site, text, words):
    b = site.peer("b")
    site.counting()
    site.expect_error("the keys read before stay in use")
    site.start()
    path = site.folder / "keys.yaml"
    good = path.read_text()
    open_one = Open(site)
    path.write_text(text) if text is not None else path.unlink()
    line = site.wait_for_log("the keys read before stay in use", seconds=SOON + 20)
    assert words in line["message"]
    assert open_one.resolve(b) == 200
    time.sleep(SOON)
    said = [line for line in site.log("error") if "stay in use" in line["message"]]
    assert len(said) == 1
    path.write_text(good.replace('"id": "b-1"', '"id": "b-2"'))
    path.chmod(0o600)
    becomes(401, lambda: open_one.resolve(b), before=200)


def test_a_keyring_that_others_can_read_is_not_taken(site):
    b = site.peer("b")
    site.counting()
    site.expect_error("is open to others")
    site.start()
    path = site.folder / "keys.yaml"
    path.chmod(0o644)
    path.write_text(path.read_text())
    site.wait_for_log("is open to others", seconds=SOON + 20)
    assert Open(site).resolve(b) == 200


def test_received_keys_change_at_once(world):
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    b.holds(**{"2B001-1": "one"})
    home.expect_error("no received key is valid now")
    home.expect_error("more requests that could not be signed")
    world.start()

    def scan():
        return home.scan("2B001-1").status

    assert scan() == 200
    [key] = home.received
    keys(home, "revoke", "--id", key.id, "--use", "received", "--delete")
    becomes(500, scan, before=200)
    words = ("import", "--peer", "b", "--id", key.id, "--secret-format", "hex")
    keys(home, *words, input=key.secret.hex())
    becomes(200, scan, before=500)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660])
def test_a_keyring_that_others_can_touch_is_refused(site, mode):
    b = site.peer("b")
    path = site.write()
    (site.folder / "keys.yaml").chmod(mode)
    for words in (["-t"], []):
        ended = run(CMPD, *words, "-c", path)
        said = ended.stdout + ended.stderr
        assert ended.returncode == 1
        assert "keys.yaml" in said and f"{mode:o}" in said
        assert b.secret.hex() not in said


@pytest.mark.parametrize(
    "row, words",
    [
        ({"id": "b-1", "peer": "b", "secret": LONG}, "issued[1].id"),
        ({"id": "k", "peer": "nobody", "secret": LONG}, "issued[1].peer"),
        ({"id": "k", "peer": "b"}, "secret"),
        ({"id": "k", "peer": "b", "secret": ""}, "secret"),
        ({"id": "k", "peer": "b", "secret": "hush-hush", "secret_hex": "00"}, "secret"),
        ({"id": "k", "peer": "b", "secret_hex": "hush-hush"}, "secret_hex"),
        ({"id": "k", "peer": "b", "secret": "hush-hush"}, "16"),
        ({"id": "k", "peer": "b", "secret": LONG, "hash": "md5"}, "sha384"),
        ({"id": "k", "peer": "b", "secret": LONG, "not_after": "soon"}, "not_after"),
        ({"id": "k", "peer": "b", "secret": LONG, "tid_fromat": "uuid"}, "tid_format"),
    ],
)
def test_a_faulty_row_is_named_and_its_secret_is_not(site, row, words):
    site.peer("b")
    site.issued.append(type("Row", (), {"row": lambda self: row})())
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1
    assert "keys.yaml:" in ended.stderr and words in ended.stderr
    assert "hush-hush" not in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    "tid",
    ["t", "3f" * 16, uuid7() + "0", "{" + uuid7()[1:]],
    ids=["short", "no hyphens", "a digit more", "a brace"],
)
def test_a_key_can_fix_the_form_of_the_tid(site, tid):
    b = site.peer("b", key={"tid_format": "uuid"})
    count = site.counting()
    site.start()
    assert site.ask(b, ICI, tid=tid).status == 401
    assert count() == 0
    assert site.ask(b, ICI, tid=uuid7()).status == 200
    assert site.ask(b, ICI, tid="7f9c24e8-3b12-4fef-91e0-5a4f2b4c1d10").status == 200


def test_freshness_comes_from_the_tid(site):
    """The signature covers no time; a uuidv7 tid does (RFC 9562, 5.7)."""
    b = site.peer("b", key={"tid_format": "uuidv7", "max_skew": "30s"})
    count = site.counting()
    site.start()
    now = time.time()
    for offset, status in ((0, 200), (-20, 200), (20, 200), (-40, 401), (40, 401)):
        assert site.ask(b, ICI, tid=uuid7(now + offset)).status == status, offset
    assert site.ask(b, ICI, tid="7f9c24e8-3b12-4fef-91e0-5a4f2b4c1d10").status == 401
    assert count() == 3


def test_a_received_key_verifies_nothing(site):
    """What a peer gave us signs to it; it must not open our own door."""
    site.peer("b")
    theirs = type(site.issued[0])("theirs", "b")
    site.received.append(theirs)
    count = site.counting()
    site.start()
    assert site.send(message(theirs, ICI)).status == 401
    assert count() == 0
