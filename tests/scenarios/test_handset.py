# SPDX-License-Identifier: Apache-2.0
"""MC-1: a handset asks its Home CMP, without a key; a browser is sent on to where the code leads."""
import socket
import ssl
import uuid

import httpx
import pytest
from client import connect, receive_all
from daemon import CMPD, run
from patience import PATIENCE
from recipient import problem
from world import home_and

OWN = "1A0F1-1"
PAGE = "https://a.example.net/page?x=1&y=2#z"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def home(world):
    home = world.cmp("a", "1A0F1")
    variant = {"when": {"language": "fr"}, "content": "https://a.example.net/fr"}
    home.holds(
        **{
            OWN: {"content": PAGE, "ttl": 42, "variants": [variant]},
            "1A0F1-TEXT": "just words",
            "1A0F1-CARD": "MECARD:N:Example;;",
            "1A0F1-SPLIT": "https://a.example.net/x\r\nset-cookie: evil=1",
            "1A0F1-SCRIPT": {"content": "javascript:alert(1)", "content_type": "uri"},
            "1A0F1-GONE": {"content": "x", "status": "revoked"},
        }
    )
    return home


@pytest.mark.parametrize("carriage", ["get", "form", "json"])
def test_a_handset_gets_json(home, carriage):
    home.start()
    answer = home.scan(OWN, carriage=carriage)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "private, max-age=42"
    body = answer.json
    assert (body["status"], body["content"]) == ("resolved", PAGE)
    assert (body["ici"], body["ttl"]) == (OWN, 42)
    assert uuid.UUID(body["tid"]).version == 7
    assert home.scan(OWN, carriage=carriage).json["tid"] != body["tid"]
    assert home.scan(OWN, carriage=carriage, language="fr").json["language"] == "fr"


def test_head(home):
    home.start()
    whole, head = home.scan(OWN), home.scan(OWN, method="HEAD")
    assert head.status == 200 and head.body == b""
    for name in ("content-type", "content-length", "cache-control"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    "accept, redirected",
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML", True),
        ("text/html;q=0.9,application/json;q=0.8", True),
        ("application/json;q=0.9 , text/html; q=1", True),
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("text/html,application/json", False),
        ("text/html;q=0.1,application/json;q=0.2", False),
        ("text/html;q=0", False),
        ("text/html;q=x", False),
        ("text/htmlx", False),
        ("", False),
    ],
)
def test_a_browser_is_sent_on(home, accept, redirected):
    home.start()
    answer = home.scan(OWN, headers={"accept": accept} if accept is not None else {"accept": "*/*"})
    if redirected:
        assert (answer.status, answer.headers["location"], answer.body) == (302, PAGE, b"")
        assert answer.headers["cache-control"] == "private, max-age=42"
    else:
        assert answer.status == 200 and answer.json["content"] == PAGE
    assert answer.headers["vary"].lower() == "accept, accept-language"


@pytest.mark.parametrize(
    "accept, language, chosen",
    [
        ("fr", {}, "fr"),
        ("FR-ca, en;q=0.9", {}, "fr"),
        ("en;q=0.1, *;q=0.9, fr;q=0.2", {}, "fr"),
        ("en, fr;q=0.9", {}, None),
        ("fr;q=0", {}, None),
        ("*", {}, None),
        ("fr", {"language": "en"}, None),
        ("en", {"language": "fr"}, "fr"),
    ],
)
def test_the_language_that_a_browser_wants(home, accept, language, chosen):
    home.start()
    answer = home.scan(OWN, headers={"accept-language": accept}, **language)
    assert answer.json.get("language") == chosen
    assert answer.headers["vary"].lower() == "accept, accept-language"
    answer = home.scan(OWN, headers={"accept-language": accept, "accept": BROWSER}, **language)
    assert answer.headers["location"] == ("https://a.example.net/fr" if chosen else PAGE)


def test_the_language_goes_on_to_the_next_hop(world, home):
    b = world.recipient("b")
    home.routes(table={"use": "route_prefix"})
    world.join(home, b, prefixes=["2B001"])
    b.codes["2B001-1"] = "https://b.example.net/1"
    home.start()
    assert home.scan("2B001-1", headers={"accept-language": "FR-ca"}).status == 200
    assert b.verified[-1].params["language"] == "fr"


def test_an_operator_may_leave_the_language_to_the_parameter(home):
    home.handsets["accept_language"] = False
    home.start()
    answer = home.scan(OWN, headers={"accept-language": "fr"})
    assert "language" not in answer.json and answer.headers["vary"].lower() == "accept"
    assert home.scan(OWN, language="fr").json["language"] == "fr"


@pytest.mark.parametrize(
    "content, location",
    [
        ("HTTPS://A.EXAMPLE/X", "HTTPS://A.EXAMPLE/X"),
        ("https://a.example/café", "https://a.example/caf%C3%A9"),
        ("https://café.example/?q=ü#é", "https://xn--caf-dma.example/?q=%C3%BC#%C3%A9"),
        ("JavaScript://a.example/%0Aalert(1)", None),
        ("https://a.example/\x85", None),
        ("https://a.example/ x", None),
    ],
)
def test_an_iri_is_sent_as_a_uri(home, content, location):
    home.holds(**{"1A0F1-IRI": content})
    home.start()
    answer = home.scan("1A0F1-IRI", headers={"accept": BROWSER})
    if location is None:
        assert answer.status == 200 and "location" not in answer.headers
    else:
        assert (answer.status, answer.headers["location"]) == (302, location)
    assert home.scan("1A0F1-IRI").json["content"] == content


@pytest.mark.parametrize("ici", ["1A0F1-TEXT", "1A0F1-CARD", "1A0F1-SPLIT", "1A0F1-SCRIPT"])
def test_only_to_pages(home, ici):
    home.start()
    answer = home.scan(ici, headers={"accept": BROWSER})
    assert answer.status == 200 and "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert answer.json["ici"] == ici


def test_a_browser_gets_errors_as_json(home):
    home.start()
    answer = home.scan("1A0F1-NONE", headers={"accept": BROWSER})
    assert (answer.status, answer.code) == (404, "unknown_ici")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert home.scan("1A0F1-GONE").status == 410


def test_a_browser_is_sent_on_to_what_another_cmp_holds(world, home):
    b = world.recipient("b")
    home.routes(table={"use": "route_prefix"})
    world.join(home, b, prefixes=["2B001"])
    b.codes["2B001-1"] = "https://b.example.net/1"
    home.start()
    answer = home.scan("2B001-1", headers={"accept": BROWSER})
    assert (answer.status, answer.headers["location"]) == (302, "https://b.example.net/1")
    assert answer.headers["cache-control"] == "private, max-age=60"


@pytest.mark.parametrize("name", ["tid", "apikeyid", "signature", "addr", "count"])
@pytest.mark.parametrize("carriage", ["get", "json"])
def test_what_only_cmps_say_to_each_other(world, name, carriage):
    b = world.recipient("b")
    home = home_and(world, b)
    home.start()
    values = {"addr": "b.example.net", "count": "0"}
    answer = home.scan("2B001-1", carriage=carriage, **{name: values.get(name, "x")})
    assert (answer.status, answer.code) == (400, "invalid_parameter")
    assert answer.json["parameter"] == name
    assert b.connections == 0


def test_faults_name_the_parameter(home):
    home.start()
    for params, code, parameter in (
        ({"gender": "x"}, "invalid_parameter", "gender"),
        ({"language": "french"}, "invalid_parameter", "language"),
        ({"user": ""}, "missing_parameter", "user"),
    ):
        answer = home.scan(OWN, **params)
        assert answer.status == 400 and answer.json["parameter"] == parameter, answer.body
        assert answer.code in (code, "invalid_parameter")
    with httpx.Client(timeout=PATIENCE) as client:
        url = f"http://127.0.0.1:{home.handset_port}/mc-1/resolve-ici"
        assert client.get(url).json()["parameter"] == "ici"
        assert client.get(url + "?ici=a&ici=b").json()["code"] == "duplicate_parameter"
        assert client.put(url + f"?ici={OWN}").headers["allow"] == "GET, HEAD, POST"


def test_without_a_user_the_next_hop_gets_an_anonymous_one(world):
    b = world.recipient("b")
    home = home_and(world, b)
    b.codes["2B001-1"] = "x"
    home.start()
    for params in ({}, {}, {"user": "token-of-the-client"}):
        assert home.scan("2B001-1", **params).status == 200
    first, second, third = (request.params["user"] for request in b.verified)
    assert first != second and len(first) >= 16
    assert third == "token-of-the-client"


def test_a_busy_next_hop_is_told_to_the_handset(world):
    b = world.recipient("b")
    home = home_and(world, b)
    b.answer = lambda request: problem(503, "overloaded", request, {"retry-after": "3"})
    home.start()
    answer = home.scan("2B001-1")
    assert (answer.status, answer.headers["retry-after"]) == (503, "3")


def test_each_address_has_its_rate(home):
    home.handsets |= {"source_rate": "2/m", "source_burst": 5}
    home.start()
    url = f"http://127.0.0.1:{home.handset_port}/mc-1/resolve-ici?ici={OWN}"

    def ask(source, times):
        transport = httpx.HTTPTransport(local_address=source)
        with httpx.Client(transport=transport, timeout=PATIENCE) as client:
            return [client.get(url) for _ in range(times)]

    answers = ask("127.0.0.2", 12)
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200] * 5 + [429] * 7
    last = answers[-1]
    assert last.json()["code"] == "rate_limited" and int(last.headers["retry-after"]) >= 1
    assert ask("127.0.0.3", 1)[0].status_code == 200
    spoofed = {"x-forwarded-for": "192.0.2.1", "forwarded": "for=192.0.2.1"}
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(transport=transport, timeout=PATIENCE) as client:
        client.get(url)  # the first one of a connection goes before others
        assert client.get(url, headers=spoofed).status_code == 429


def test_what_cannot_be_read_is_not_read_beyond_the_rate(home):
    home.handsets |= {"source_rate": "2/m", "source_burst": 3}
    home.start()
    url = f"http://127.0.0.1:{home.handset_port}/mc-1/resolve-ici"
    with httpx.Client(timeout=PATIENCE) as client:
        kinds = {"content-type": "application/json"}
        answers = [client.post(url, content=b"{", headers=kinds) for _ in range(5)]
    assert [a.status_code for a in answers] == [400] * 3 + [429] * 2


# ---- web pages ----


def varies_by(answer):
    return answer.headers["vary"].lower().replace(" ", "").split(",")


def preflight(home, origin):
    url = f"http://127.0.0.1:{home.handset_port}/mc-1/resolve-ici"
    asks = {"origin": origin, "access-control-request-method": "POST"}
    asks["access-control-request-headers"] = "content-type"
    with httpx.Client(timeout=PATIENCE) as client:
        return client.options(url, headers=asks)


def test_pages_of_some_origins_may_read_answers(home):
    home.handsets["cors"] = ["https://app.example.net"]
    home.start()
    good, bad = "https://app.example.net", "https://app.example.net.evil.example"
    answer = preflight(home, good)
    assert answer.status_code == 204 and answer.content == b""
    assert answer.headers["access-control-allow-origin"] == good
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"].lower() == "content-type"
    assert "access-control-allow-credentials" not in answer.headers
    assert "access-control-allow-origin" not in preflight(home, bad).headers
    for status, ici in ((200, OWN), (404, "1A0F1-NONE")):
        read = home.scan(ici, headers={"origin": good})
        assert (read.status, read.headers["access-control-allow-origin"]) == (status, good)
        assert "origin" in varies_by(read)
        hidden = home.scan(ici, headers={"origin": bad})
        assert hidden.status == status and "access-control-allow-origin" not in hidden.headers
        assert "origin" in varies_by(hidden)  # for caches on the way


def test_pages_of_all_origins_may(home):
    home.handsets["cors"] = ["*"]
    home.start()
    answer = preflight(home, "https://any.example")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_and_by_default_none(home):
    home.start()
    answer = preflight(home, "https://any.example")
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers
    read = home.scan(OWN, headers={"origin": "https://any.example"})
    assert read.status == 200 and "access-control-allow-origin" not in read.headers


def test_cors_is_no_matter_of_mc3(home):
    home.handsets["cors"] = ["*"]
    home.start()
    origin = {"origin": "https://any.example", "access-control-request-method": "GET"}
    answer = home.send((), method="OPTIONS", headers=origin)
    assert answer.status == 405 and "access-control-allow-origin" not in answer.headers


# ---- its listener ----


def alpn(home, offered):
    with connect(home.handset_port, home.authority.path, alpn=offered) as secure:
        return secure.selected_alpn_protocol()


@pytest.mark.parametrize("http2, spoken", [(None, "http/1.1"), (False, "http/1.1"), (True, "h2")])
def test_http2_is_off_for_strangers_unless_it_is_asked_for(home, http2, spoken):
    home.handsets["tls"] = home.listener["tls"]
    if http2 is not None:
        home.handsets["http2"] = http2
    home.start()
    assert alpn(home, ["h2", "http/1.1"]) == spoken
    assert home.scan(OWN, http2=spoken == "h2").json["content"] == PAGE


def test_http2_is_off_where_mc1_shares_a_listener(home):
    home.listener["interfaces"] = ["mc-1", "mc-3"]
    b = home.peer("b")
    home.start()
    with connect(home.port, home.authority.path, alpn=["h2", "http/1.1"]) as secure:
        assert secure.selected_alpn_protocol() == "http/1.1"
    assert home.ask(b, OWN).status == 200
    assert home.send({"ici": OWN}, path="/mc-1/resolve-ici").status == 200


def test_no_http2_without_tls(home):
    """Neither by prior knowledge nor by Upgrade."""
    home.start()
    for opening in (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
        b"GET /mc-1/resolve-ici?ici=1A0F1-1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-"
        b"Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", home.handset_port), timeout=PATIENCE) as plain:
            plain.sendall(opening)
            got = plain.recv(65536)
        assert b"101 " not in got and not got.startswith(b"\0\0")


def test_mc3_is_not_there(home):
    home.start()
    url = f"http://127.0.0.1:{home.handset_port}/mc-3/resolve-ici?tid=1&ici={OWN}&user=u"
    with httpx.Client(timeout=PATIENCE) as client:
        assert client.get(url).json()["code"] == "not_found"


def test_mc1_alone_may_do_without_tls(home):
    home.handsets["interfaces"] = ["mc-1", "mc-3"]
    home.handsets["authenticate"] = ["hmac"]
    ended = run(CMPD, "-t", "-c", home.write())
    assert ended.returncode == 1 and "9.3.2" in ended.stderr


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_with_tls(home, version):
    home.handsets["tls"] = home.listener["tls"]
    home.start()
    with connect(home.handset_port, home.authority.path, lowest=version, highest=version) as c:
        c.sendall(f"GET /mc-1/resolve-ici?ici={OWN} HTTP/1.0\r\n\r\n".encode())
        got, closed = receive_all(c)
    assert closed and PAGE.encode() in got
