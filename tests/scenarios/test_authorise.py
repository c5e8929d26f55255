# SPDX-License-Identifier: Apache-2.0
"""Who he is, is known; whether he may ask that, is the operator's word (peers, `allow`, `rate`)."""
import time

import pytest

ICI = "1A0F1-COUNTED"


def test_only_on_the_interfaces_that_the_peer_may_use(site):
    b = site.peer("b", allow={"interfaces": ["mc-3"]})
    child = site.peer("child", allow={"interfaces": ["mc-3", "mc-6"]})
    count = site.counting()
    site.start()
    refused = site.ask(b, ICI, path="/mc-6/resolve-ici")
    assert (refused.status, refused.code) == (403, "not_allowed")
    assert count() == 0
    assert site.ask(b, ICI).status == 200
    assert site.ask(child, ICI, path="/mc-6/resolve-ici").status == 200


def test_an_interface_that_the_listener_lacks_is_not_there(site):
    b = site.peer("b", allow={"interfaces": ["mc-3", "mc-6"]})
    site.listener["interfaces"] = ["mc-3"]
    site.counting()
    site.start()
    answer = site.ask(b, ICI, path="/mc-6/resolve-ici")
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "ici, status",
    [
        ("1A0F1AA-1", 404),
        ("1a0f1aa-1", 404),  # routing prefixes know no case
        ("1A0F1BB", 404),
        ("1A0F1AB-1", 403),
        ("1A0F1", 403),
        ("2B001-1", 403),
    ],
)
def test_only_prefixes_that_the_peer_may_ask_for(site, ici, status):
    b = site.peer("b", allow={"interfaces": ["mc-3"], "prefixes": ["1A0F1AA", "1a0f1bb"]})
    count = site.counting()
    site.start()
    answer = site.ask(b, ici)
    assert answer.status == status
    assert answer.code == ("not_allowed" if status == 403 else "unknown_ici")
    assert count() == (0 if status == 403 else 1)


def test_too_many_requests(site):
    b, c = site.peer("b", rate="1/s"), site.peer("c")
    count = site.counting()
    site.start()
    answers = [site.ask(b, ICI) for _ in range(12)]
    limited = [a for a in answers if a.status == 429]
    assert limited and {a.status for a in answers} == {200, 429}
    for answer in limited:
        assert answer.code == "rate_limited"
        assert int(answer.headers["retry-after"]) >= 1
    assert count() == len(answers) - len(limited)
    assert site.ask(c, ICI).status == 200  # another peer's limit is his own
    time.sleep(int(limited[-1].headers["retry-after"]) + 0.1)
    assert site.ask(b, ICI).status == 200


def test_forged_requests_do_not_use_up_a_peers_rate(site):
    b = site.peer("b", rate="2/s")
    site.counting()
    site.start()
    for _ in range(20):
        assert (
            site.send(
                {"tid": "t", "ici": ICI, "user": "u", "apikeyid": b.id, "signature": "00"}
            ).status
            == 401
        )
    assert site.ask(b, ICI).status == 200


def test_addr_of_another_cmp_is_refused(site):
    """`addr` is a key into the configured peers, and may not lead where the peer may not go."""
    b = site.peer("b")
    site.peer("c", host="c.example.net")
    count = site.counting()
    site.start()
    for addr in ("c.example.net", "stranger.example.net", "localhost.localdomain"):
        answer = site.ask(b, ICI, more={"addr": addr})
        assert (answer.status, answer.code) == (403, "addr_not_allowed"), addr
    assert count() == 0
