# SPDX-License-Identifier: Apache-2.0
"""Bearer tokens (RFC 6750) that an authorization server vouches for (RFC 7662): the sample plugin
auth_bearer, which is asked before the signatures. What it was shown goes to nobody else."""
import base64
import json
import threading
import time

import pytest
from client import written
from daemon import message
from frames import Http2
from patience import PATIENCE
from recipient import Reply, resolved
from stores import eventually
from world import home_and

ICI = "2B001-1"
GOOD, EXPIRED, STRANGER = "good+token/1=", "expired-token", "stranger-token"
SECRETS = (GOOD, EXPIRED, STRANGER, "good%2Btoken", "hidden-secret")


class Introspection:
    """What the authorization server knows; `server` is a recipient that answers so."""

    def __init__(self, server):
        self.server = server
        self.delay = 0
        self.tokens = {
            GOOD: {"client_id": "client-b", "exp": time.time() + 600},
            EXPIRED: {"client_id": "client-b", "exp": time.time() - 600},
            STRANGER: {"client_id": "somebody"},
        }
        server.answer = self.answer

    def answer(self, request):
        ours = "Basic " + base64.b64encode(b"cmp-a:hidden-secret").decode()
        if request.headers.get("authorization") != ours:
            return Reply(401)
        said = self.tokens.get(request.params["token"])
        told = {"active": True, **said} if said else {"active": False}
        return Reply(body=json.dumps(told).encode(), delay=self.delay)


@pytest.fixture(params=["h2", "http/1.1"])
def wired(world, request):
    """`a` takes tokens from the peer b, and forwards to a recipient; nothing is started yet."""
    hop = world.recipient("hop", protocols=[request.param])
    hop.codes[ICI] = "https://hop.example.net/1"
    home = home_and(world, hop)
    home.key_of_b = home.peer("b")
    home.hop = hop
    home.introspection = Introspection(world.recipient("as", protocols=[request.param]))
    home.config["plugins"]["bearer"] = {
        "use": "auth_bearer",
        "url": f"https://127.0.0.1:{home.introspection.server.port}/introspect",
        "ca": str(world.authority.path),
        "id": "cmp-a",
        "secret": "hidden-secret",
        "clients": [{"client": "client-b", "peer": "b"}],
        "timeout": "30s",
    }
    home.listener["authenticate"] = ["bearer", "hmac"]
    return home


def ask(home, token=None, *, ici=ICI, more=None, **how):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return home.send(message(None, ici, **(more or {})), headers=headers, **how)


def assert_nothing_shown(home):
    """Of no token and no secret anything is in the log."""
    log = home.log_text()
    assert not [secret for secret in SECRETS if secret in log]


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("carriage", ["get", "form", "json"])
def test_a_good_token_and_who_sees_it(wired, http2, carriage):
    wired.start()
    answer = ask(wired, GOOD, http2=http2, carriage=carriage, more={"campaign": "x"})
    assert answer.json["content"] == "https://hop.example.net/1"
    [seen] = wired.hop.requests
    assert "authorization" not in seen.headers
    assert seen.params["campaign"] == "x"
    assert GOOD not in seen.body.decode() + seen.target + json.dumps(seen.headers)
    assert wired.wait_until_handled(1, ICI)[0]["peer"] == "b"
    assert_nothing_shown(wired)


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("carriage", ["get", "form", "json"])
def test_a_token_among_the_parameters(wired, http2, carriage):
    wired.start()
    more = {"campaign": "x", "access_token": GOOD, "device": "y"}
    answer = ask(wired, more=more, http2=http2, carriage=carriage)
    assert answer.status == 200
    [seen] = wired.hop.requests
    contextual = {name: seen.params.get(name) for name in more}
    assert contextual == {"campaign": "x", "access_token": None, "device": "y"}
    assert GOOD not in seen.body.decode() + seen.target + json.dumps(seen.headers)
    assert_nothing_shown(wired)


def test_a_signed_request_needs_no_token(wired):
    wired.start()
    assert wired.ask(wired.key_of_b, ICI).status == 200
    assert wired.introspection.server.requests == []


@pytest.mark.parametrize(
    "token, reason",
    [
        ("unknown-token", "the token is not active"),
        (EXPIRED, "the token has expired"),
        (STRANGER, "the token is of a client that is no peer"),
        ("no token", "the token is malformed"),
    ],
)
def test_bad_tokens(wired, token, reason):
    """One answer for all, and nothing is executed."""
    wired.start()
    answer = ask(wired, token)
    assert (answer.status, answer.code) == (401, "authentication_failed")
    challenges = 'Bearer realm="mc-3", MC-HMAC realm="mc-3"'
    assert answer.headers["www-authenticate"] == challenges
    assert wired.wait_for_log(reason)["plugin"] == "bearer"
    assert wired.hop.requests == []
    assert_nothing_shown(wired)


def test_two_credentials_are_malformed(wired):
    wired.start()
    head = f"GET {{}} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {GOOD}\r\n{{}}\r\n"
    target = "/mc-3/resolve-ici?tid=t-1&ici=2B001-1&user=u"
    twice = head.format(target, f"authorization: Bearer {STRANGER}\r\n")
    got, _ = wired.exchange(twice.encode())
    assert b" 400 " in got and b"malformed" in got
    both = ask(wired, GOOD, more={"access_token": GOOD})
    assert (both.status, both.code) == (401, "authentication_failed")
    assert wired.introspection.server.requests == []
    assert_nothing_shown(wired)


def test_an_authorization_server_that_is_away(wired):
    """It is no judgement of the requestor: 503, come again; and it is good again by itself."""
    wired.expect_error("/introspect: ")
    wired.introspection.server.stop()
    wired.start()
    answer = ask(wired, GOOD)
    assert (answer.status, answer.code) == (503, "authentication_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert wired.hop.requests == []
    assert wired.ask(wired.key_of_b, ICI).status == 200  # who signs is not concerned
    wired.introspection.server.start()
    eventually(lambda: ask(wired, GOOD).status == 200)
    assert_nothing_shown(wired)


def test_an_authorization_server_that_does_not_let_us_ask(wired):
    wired.expect_error("it does not let us ask")
    wired.config["plugins"]["bearer"]["secret"] = "wrong-secret"
    wired.start()
    assert ask(wired, GOOD).code == "authentication_unavailable"
    assert "wrong-secret" not in wired.log_text()


def test_a_slow_authorization_server_holds_up_nobody_else(wired):
    go_on = threading.Event()

    def answer(request):
        assert go_on.wait(PATIENCE)
        return wired.introspection.answer(request)

    wired.introspection.server.answer = answer
    wired.config["plugins"]["bearer"]["timeout"] = "60s"
    wired.config["resolve"]["deadline"] = "60s"
    wired.start()
    answers = []
    waiting = [
        threading.Thread(target=lambda: answers.append(ask(wired, GOOD, timeout=60).status))
        for _ in range(4)
    ]
    for thread in waiting:
        thread.start()
    eventually(lambda: len(wired.introspection.server.requests) == 4)
    for _ in range(5):  # one worker, whose four transactions wait
        assert wired.ask(wired.key_of_b, ICI).status == 200
    assert answers == []
    go_on.set()
    for thread in waiting:
        thread.join()
    assert answers == [200] * 4


def test_who_goes_away_while_it_is_asked(wired):
    """The operation is cancelled; the daemon goes on, and ends in good order."""
    wired.introspection.delay = 30
    wired.start()
    with Http2(wired.port, wired.authority.path) as client:
        target = "/mc-3/resolve-ici?" + written(message(None, ICI).items())
        client.get(target, [("authorization", f"Bearer {GOOD}")])
        eventually(lambda: len(wired.introspection.server.requests) == 1)
    wired.introspection.delay = 0
    assert ask(wired, GOOD).status == 200


def test_a_revoked_token_is_good_no_longer(wired):
    wired.start()
    assert ask(wired, GOOD).status == 200
    del wired.introspection.tokens[GOOD]
    assert ask(wired, GOOD).status == 401


def test_without_it_no_header_field_is_anybodys(wired):
    """A listener whose chain asks for none: two credentials are no matter there, as before."""
    wired.listener["authenticate"] = ["hmac"]
    wired.start()
    answer = ask(wired, GOOD)
    assert answer.status == 401
    assert wired.introspection.server.requests == []
    wired.hop.answer = lambda request: resolved(request)
    signed = message(wired.key_of_b, ICI)
    assert wired.send(signed, headers={"authorization": "Bearer x"}).status == 200
    assert "authorization" not in wired.hop.requests[-1].headers


def test_a_careless_plugin_tells_the_log_nothing(wired):
    """Its lines come without the credentials that it was shown."""
    wired.config["plugins"]["tells"] = {"use": "auth_tells"}
    wired.listener["authenticate"] = ["tells", "bearer", "hmac"]
    wired.start()
    cookie = {"cookie": "session=0123456789"}
    assert ask(wired, GOOD).status == 200
    wired.wait_for_log("told: ***, ***, , ")
    more = {"access_token": GOOD}
    assert wired.send(message(None, ICI, **more), headers=cookie).status == 200
    wired.wait_for_log(", ***, ***")
    assert "0123456789" not in wired.log_text()
    assert_nothing_shown(wired)
