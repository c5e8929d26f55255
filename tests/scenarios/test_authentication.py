# SPDX-License-Identifier: Apache-2.0
"""Nobody who cannot prove who he is gets anything executed (9.3.2), nor learns why not."""
import time
from datetime import datetime, timedelta, timezone

import pytest
from daemon import message
from signing import WRITTEN, Key, uuid7

ICI = "1A0F1-COUNTED"


def rfc3339(seconds_from_now):
    at = datetime.now(timezone.utc) + timedelta(seconds=seconds_from_now)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("hash", ["sha256", "sha1", "sha384", "sha512"])
def test_every_hash_and_every_way_to_write_a_signature(site, hash):
    b = site.peer("b", hash=hash)
    site.counting()
    site.start()
    for written in WRITTEN:
        for carriage in ("get", "form", "json"):
            answer = site.ask(b, ICI, written=written, carriage=carriage)
            assert answer.status == 200, (written, carriage, answer.body)


def without(pairs, *names):
    return {k: v for k, v in pairs.items() if k not in names}


def bad_requests(keys):
    """Every cause of a failure: (what is wrong, the request's parameters)."""
    b, c = keys["b"], keys["c"]
    good = message(b, ICI)
    truncated = good["signature"][:-2]
    flipped = ("0" if good["signature"][0] != "0" else "1") + good["signature"][1:]
    stranger = Key("nobody", "b", secret=b.secret)
    sha1 = Key(b.id, "b", secret=b.secret, hash="sha1")
    dated = keys["dated"]
    return {
        "no apikeyid": without(message(b, ICI), "apikeyid"),
        "no signature": without(message(b, ICI), "signature"),
        "neither": message(None, ICI),
        "an empty apikeyid": good | {"apikeyid": ""},
        "an empty signature": good | {"signature": ""},
        "an unknown apikeyid": message(stranger, ICI),
        "one digit wrong": good | {"signature": flipped},
        "cut short": good | {"signature": truncated},
        "too long": good | {"signature": good["signature"] + "00"},
        "no hex, no base64": good | {"signature": "*" * 64},
        "another's key": good | {"apikeyid": c.id},
        "another hash": message(sha1, ICI),
        "another tid": good | {"tid": uuid7()},
        "another ici": good | {"ici": ICI + "2"},
        "an expired key": message(keys["expired"], ICI),
        "a key of tomorrow": message(keys["future"], ICI),
        "a tid of the wrong form": message(dated, ICI, tid="f" * 36),
        "a tid too old": message(dated, ICI, tid=uuid7(time.time() - 3600)),
        "a tid of the future": message(dated, ICI, tid=uuid7(time.time() + 3600)),
    }


CAUSES = list(bad_requests({k: Key(k, k) for k in ("b", "c", "expired", "future", "dated")}))


@pytest.fixture
def guarded(site):
    """A site with a counting store and keys of every kind."""
    keys = {"b": site.peer("b"), "c": site.peer("c")}
    keys["expired"] = site.key("b", not_after=rfc3339(-60))
    keys["future"] = site.key("b", not_before=rfc3339(3600))
    keys["dated"] = site.key("b", tid_format="uuidv7", max_skew="5m")
    site.keys = keys
    site.count = site.counting()
    return site.start()


def seen_from_outside(answer):
    """All that a stranger can see, but for the tid that he sent and the time."""
    body = answer.json
    body.pop("tid", None)
    return answer.status, {k: v for k, v in answer.headers.items() if k != "date"}, body


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_every_cause_gets_the_same_401_and_nothing_is_executed(guarded, http2):
    answers = {}
    for cause, pairs in bad_requests(guarded.keys).items():
        for carriage in ("get", "json"):
            answer = guarded.send(pairs, carriage=carriage, http2=http2)
            assert answer.status == 401, (cause, answer.body)
            assert answer.json["tid"] == pairs["tid"]
            answers[cause, carriage] = seen_from_outside(answer)
        assert guarded.count() == 0, cause  # 9.3.2: the rest of the request is not executed
    first = answers["neither", "get"]
    assert all(answer == first for answer in answers.values())
    status, headers, body = first
    assert body["code"] == "authentication_failed"
    assert headers["www-authenticate"] == 'MC-HMAC realm="mc-3"'
    assert headers["content-type"] == "application/problem+json"
    assert headers["cache-control"] == "no-store"

    assert guarded.ask(guarded.keys["b"], ICI).status == 200
    assert guarded.count() == 1  # and the count does count


@pytest.mark.parametrize("cause", CAUSES)
def test_the_operator_learns_the_cause(guarded, cause):
    pairs = bad_requests(guarded.keys)[cause]
    assert guarded.send(pairs).status == 401
    line = guarded.wait_for_log(pairs["tid"])
    assert line["level"] in ("notice", "info")
    assert line.get("reason") or line["message"]


def test_the_log_tells_causes_apart(guarded):
    requests = bad_requests(guarded.keys)
    reasons = set()
    for cause in (
        "neither",
        "an unknown apikeyid",
        "one digit wrong",
        "an expired key",
        "a tid too old",
    ):
        pairs = requests[cause] | {"tid": requests[cause]["tid"]}
        assert guarded.send(pairs).status == 401
        line = guarded.wait_for_log(pairs["tid"])
        reasons.add((line["message"], line.get("reason")))
    assert len(reasons) == 5, reasons


@pytest.mark.parametrize("parameter", ["tid", "ici"])
def test_without_tid_or_ici_there_is_nothing_to_verify(guarded, parameter):
    for pairs in (message(None, ICI), message(guarded.keys["b"], ICI)):
        answer = guarded.send(without(pairs, parameter))
        assert (answer.status, answer.code) == (400, "missing_parameter")
        assert answer.json["parameter"] == parameter
    assert guarded.count() == 0


def test_nothing_is_said_about_the_message_before_it_is_authenticated(guarded):
    b = guarded.keys["b"]
    faulty = {"gender": "neither"}
    assert guarded.send(message(None, ICI) | faulty).status == 401
    assert guarded.send(message(b, ICI) | faulty).json["parameter"] == "gender"
    assert guarded.send(without(message(None, ICI), "user")).status == 401
    assert guarded.send(without(message(b, ICI), "user")).json["parameter"] == "user"
    assert guarded.count() == 0


def test_a_forger_cannot_burn_another_ones_tid(guarded):
    good = message(guarded.keys["b"], ICI)
    assert guarded.send(good | {"signature": "0" * 64}).status == 401
    assert guarded.send(good).status == 200


def test_a_listener_without_hmac_takes_no_signature(site):
    """`authenticate` names the chain: what is not in it does not count."""
    b = site.peer("b")
    site.config["plugins"]["vpn"] = {
        "use": "auth_vpn",
        "links": [{"listener": "peers", "source": ["127.0.0.9/32"], "peer": "b"}],
    }
    site.listener["authenticate"] = ["vpn"]
    count = site.counting()
    site.start()
    assert site.ask(b, ICI).status == 401
    assert count() == 0


def test_a_base64_signature_whose_plus_was_sent_raw(site):
    """A form reads + as a space; the operator is told, the requestor is not."""
    key = site.peer("b")
    site.write_codes({"ici": ICI, "content": "x"})
    site.start()
    tids = iter(uuid7, None)
    request = next(
        m for m in (message(key, ICI, tid=tid, written="base64") for tid in tids)
        if "+" in m["signature"]
    )
    answer = site.send(request | {"signature": request["signature"].replace("+", " ")})
    assert answer.status == 401 and b"%2B" not in answer.body
    assert site.wait_for_log("its + were not sent as %2B")
    assert site.send(request).status == 200
