"""Keys come and go without a gap, and the keyring is guarded."""
import time
from datetime import datetime, timezone

import pytest
from daemon import CMPD, message, run
from signing import uuid7

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
    now = time.time()
    closing = site.peer("b", key={"not_after": rfc3339(now + 6)})
    opening = site.key("b", not_before=rfc3339(now + 6))
    site.counting()
    site.start()
    assert (site.ask(closing, ICI).status, site.ask(opening, ICI).status) == (200, 401)
    time.sleep(max(0, now + 6.2 - time.time()))
    assert (site.ask(closing, ICI).status, site.ask(opening, ICI).status) == (401, 200)


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
