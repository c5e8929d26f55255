# SPDX-License-Identifier: Apache-2.0
"""Every error that can come, with its code word and the parameter at fault (RFC 9457)."""
import json

import pytest
from client import FORM, JSON, parse, written
from daemon import message
from signing import uuid7

ICI = "1A0F1-1"
PATH = "/mc-3/resolve-ici"


@pytest.fixture
def b(site):
    site.b = site.peer("b")
    site.write_codes(
        {"ici": ICI, "content": "https://one.example/"},
        {"ici": "1A0F1-REVOKED", "content": "x", "status": "revoked"},
        {"ici": "1A0F1-EXPIRED", "content": "x", "not_after": "2020-01-01T00:00:00Z"},
        {"ici": "1A0F1-TOMORROW", "content": "x", "not_before": "2999-01-01T00:00:00Z"},
        {"ici": "1A0F1-MOVED", "transferred_to": "c.example.net"},
    )
    site.start()
    return site.b


def is_problem(answer, status, code, parameter=None, tid=None):
    assert (answer.status, answer.code) == (status, code), answer.body
    problem = answer.json
    assert problem.get("parameter") == parameter, problem
    assert problem["status"] == status
    assert problem["type"] == f"urn:cmpd:error:{code}"
    assert problem["title"]
    assert tid is None or problem["tid"] == tid
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


# ---- what the stores say ----


@pytest.mark.parametrize(
    "ici, status, code",
    [
        ("1A0F1-NONE", 404, "unknown_ici"),
        ("2B001-NONE", 404, "unknown_ici"),
        ("1A0F1-REVOKED", 410, "gone"),
        ("1A0F1-EXPIRED", 410, "gone"),
        ("1A0F1-TOMORROW", 404, "unknown_ici"),
        ("1A0F1-MOVED", 404, "unknown_ici"),  # no route is configured
    ],
)
@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_icis_without_an_answer(site, b, ici, status, code, http2):
    tid = uuid7()
    is_problem(site.ask(b, ici, tid=tid, http2=http2), status, code, tid=tid)


def test_nothing_is_given_away_about_tomorrow(site, b):
    tomorrow = site.ask(b, "1A0F1-TOMORROW", tid="t").json
    assert tomorrow == site.ask(b, "1A0F1-NONE", tid="t").json


def test_a_store_that_cannot_answer_is_not_unknown(site):
    b = site.peer("b")
    site.counting(unavailable=True)
    site.start()
    answer = site.ask(b, ICI)
    is_problem(answer, 503, "store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def test_unless_a_later_store_holds_the_ici(site):
    b = site.peer("b")
    site.counting(unavailable=True)
    site.config["resolve"]["stores"] = ["special", "codes"]
    site.write_codes({"ici": ICI, "content": "x"})
    site.start()
    assert site.ask(b, ICI).status == 200
    assert site.ask(b, "1A0F1-NONE").code == "store_unavailable"


def test_too_many_hops(site, b):
    assert site.ask(b, ICI, more={"count": "7"}).status == 200
    is_problem(site.ask(b, ICI, more={"count": "8"}), 508, "loop_detected", "count")
    is_problem(site.ask(b, ICI, more={"count": "99"}), 508, "loop_detected", "count")


# ---- the message (Table 19) ----


def test_a_mandatory_parameter_is_missing(site, b):
    pairs = message(b, ICI)
    tid = pairs["tid"]
    del pairs["user"]
    is_problem(site.send(pairs), 400, "missing_parameter", "user", tid)
    for name in ("tid", "ici"):
        pairs = message(b, ICI)
        del pairs[name]
        is_problem(site.send(pairs), 400, "missing_parameter", name)


@pytest.mark.parametrize("name", ["tid", "ici", "user"])
def test_an_empty_mandatory_parameter_names_itself(site, b, name):
    pairs = message(b, "" if name == "ici" else ICI, tid="" if name == "tid" else None)
    if name == "user":
        pairs["user"] = ""
    answer = site.send(pairs)
    assert answer.code in ("missing_parameter", "invalid_parameter")
    assert (answer.status, answer.json["parameter"]) == (400, name)


@pytest.mark.parametrize("name", ["tid", "ici", "user", "signature", "language", "addr", "device"])
def test_a_parameter_given_twice(site, b, name):
    pairs = list(
        (message(b, ICI) | {"language": "fr", "addr": "a.example.net", "device": "x"}).items()
    )
    twice = pairs + [(name, dict(pairs)[name])]
    for carriage in ("get", "form"):
        is_problem(site.send(twice, carriage=carriage), 400, "duplicate_parameter", name)
    members = ",".join(f"{json.dumps(k)}:{json.dumps(v)}" for k, v in twice)
    answer = site.send(carriage="json", body=b"{" + members.encode() + b"}")
    is_problem(answer, 400, "duplicate_parameter", name)


def test_an_alias_is_the_same_parameter(site, b):
    pairs = message(b, ICI, income="1") | {"in": "1"}
    answer = site.send(pairs)
    assert (answer.status, answer.code) == (400, "duplicate_parameter")


@pytest.mark.parametrize(
    "name, value",
    [
        ("user", "u" * 257),
        ("user", "tab\there"),
        ("language", "french"),
        ("language", "f"),
        ("language", "f1"),
        ("cc", "USA"),
        ("cc", "1A"),
        ("age", "55-22"),
        ("age", "12years, two months and a day"),
        ("income", "5,00"),
        ("income", "<"),
        ("income", "more than anybody needs"),
        ("gender", "other"),
        ("gender", ""),
        ("count", "-1"),
        ("count", "100"),
        ("count", "1.5"),
        ("count", ""),
        ("addr", "localhost"),
        ("addr", "192.0.2.1"),
        ("addr", "c.example.net:8443"),
        ("addr", "[::1]"),
        ("addr", "a" * 250 + ".net"),
        ("addr", "c.example.net."),
        ("device", "line\nbreak"),
    ],
)
def test_a_value_that_is_not_allowed(site, b, name, value):
    pairs = message(b, ICI) | {name: value}
    is_problem(site.send(pairs), 400, "invalid_parameter", name, pairs["tid"])


@pytest.mark.parametrize(
    "name, value",
    [("tid", "t" * 129), ("tid", "t t"), ("tid", "tü"), ("ici", "i" * 257), ("ici", "1A0F1 1")],
)
def test_a_signed_pair_that_is_not_allowed(site, b, name, value):
    pair = {"tid": uuid7(), "ici": ICI, name: value}
    answer = site.send(message(b, pair["ici"], tid=pair["tid"]))
    assert (answer.status, answer.code, answer.json["parameter"]) == (
        400,
        "invalid_parameter",
        name,
    )


@pytest.mark.parametrize(
    "name, value",
    [
        ("user", "ü" * 128),
        ("language", "FR"),
        ("cc", "gb"),
        ("post", "SW1A 1AA"),
        ("age", "35"),
        ("age", "22-55"),
        ("age", "middle-aged"),
        ("income", "50,000"),
        ("income", "35,000-75,000"),
        ("income", "<30,000"),
        ("income", ">100,000"),
        ("income", "not much"),
        ("gender", "male"),
        ("count", "0"),
        ("device", "a watch, ü"),
        ("x.y_z-1", ""),
    ],
)
def test_a_value_that_is_allowed(site, b, name, value):
    for carriage in ("get", "form", "json"):
        answer = site.ask(b, ICI, more={name: value}, carriage=carriage)
        assert answer.status == 200, answer.body


@pytest.mark.parametrize("name", ["1x", "x" * 65, "a b", "x/y", "ü"])
def test_a_name_that_is_none(site, b, name):
    answer = site.ask(b, ICI, more={name: "x"})
    assert (answer.status, answer.code) == (400, "invalid_parameter")


def test_contextual_information_has_its_bounds(site, b):
    assert site.ask(b, ICI, more={f"c{i}": "x" for i in range(32)}).status == 200
    assert site.ask(b, ICI, more={f"c{i}": "x" for i in range(33)}).status == 400
    assert site.ask(b, ICI, more={"c": "x" * 4095}).status == 200
    assert site.ask(b, ICI, more={"c": "x" * 4096}).status == 400


# ---- its carriage ----


@pytest.mark.parametrize("value", ["%", "%4", "%zz", "%ff", "%00", "%c3%28", "a%0"])
@pytest.mark.parametrize("name", ["user", "device", "tid"])
def test_values_that_cannot_be_decoded(site, b, name, value):
    pairs = message(b, ICI)
    pairs.pop(name, None)
    raw = written(pairs.items()) + f"&{name}={value}"
    request = f"GET {PATH}?{raw} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    got, _ = site.exchange(request.encode())
    for answer in (parse(got), site.send(carriage="form", body=raw.encode())):
        assert answer.status == 400, answer.body
        assert answer.code in ("malformed", "invalid_parameter")
        assert answer.json["parameter"] == name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b'{"tid":1}',
        b'{"tid":null}',
        b'{"tid":{}}',
        b'{"tid":"a"}x',
        b'{"tid":"\xff"}',
        b'{"tid":"a\\u0000b"}',
        b'{"tid":"\\ud800"}',
        b"{" + b'"a":{' * 2000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_bodies_that_are_no_object_of_strings(site, b, body):
    answer = site.send(carriage="json", body=body)
    assert answer.status == 400, answer.body
    assert answer.code in ("malformed", "invalid_parameter")


def test_no_parameters_at_all(site, b):
    is_problem(site.send(query=""), 400, "missing_parameter", "tid")
    is_problem(site.send(carriage="form", body=b""), 400, "missing_parameter", "tid")
    is_problem(site.send(carriage="json", body=b"{}"), 400, "missing_parameter", "tid")


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/jsonx", "application"]
)
def test_a_body_of_another_type(site, b, kind, http2):
    answer = site.send(carriage="form", body=b"tid=1", content_type=kind, http2=http2)
    is_problem(answer, 415, "unsupported_media_type")


def test_a_body_without_a_type(site, b):
    raw = written(message(b, ICI).items()).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(raw)}\r\n"
    got, _ = site.exchange(head.encode() + b"Connection: close\r\n\r\n" + raw)
    assert b" 415 " in got.split(b"\r\n")[0]


@pytest.mark.parametrize("kind, body", [(FORM, "form"), (JSON, "json")])
@pytest.mark.parametrize("suffix", ["; charset=utf-8", ";charset=UTF-8", " ; x=y"])
def test_a_type_may_carry_parameters_and_any_case(site, b, kind, body, suffix):
    assert site.ask(b, ICI, carriage=body, content_type=kind.upper() + suffix).status == 200


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_another_method(site, b, method, http2):
    answer = site.ask(b, ICI, method=method, http2=http2)
    is_problem(answer, 405, "method_not_allowed")
    allowed = {m.strip() for m in answer.headers["allow"].split(",")}
    assert allowed == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/mc-3",
        "/mc-3/resolve-ici/",
        "/mc-3/resolve-icix",
        "/mc-1/resolve-ici",
        "/MC-3/resolve-ici",
        "//mc-3/resolve-ici",
        "/%00",
    ],
)
def test_another_path(site, b, path):
    answer = site.ask(b, ICI, path=path)
    assert answer.status in (400, 404), answer.body
    assert answer.code in ("not_found", "malformed")


# ---- its size ----


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_sizes_beyond_the_limits(site, http2):
    b = site.peer("b")
    site.config["limits"] = {"body": "4K", "uri": "2K", "headers": 20, "header_size": "8K"}
    site.write_codes({"ici": ICI, "content": "x"})
    site.start()
    how = {"http2": http2}
    fits = site.ask(b, ICI, more={"c": "x" * 3000}, carriage="form", **how)
    assert fits.status == 200
    body = b"c=" + b"x" * 5000
    is_problem(site.send(carriage="form", body=body, **how), 413, "body_too_large")
    if http2:  # httpx does not listen while it sends, and HTTP/1 ends
        body = b"c=" + b"x" * 200_000
        is_problem(site.send(carriage="form", body=body, **how), 413, "body_too_large")
    is_problem(site.ask(b, ICI, more={"c": "x" * 2000}, **how), 414, "uri_too_long")
    many = {f"x-{i}": "y" for i in range(30)}
    is_problem(site.ask(b, ICI, headers=many, **how), 431, "headers_too_large")
    long = {"x-long": "y" * 9000}
    is_problem(site.ask(b, ICI, headers=long, **how), 431, "headers_too_large")
    assert site.ask(b, ICI, **how).status == 200


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize("over", [0, 1], ids=["at the limit", "one more"])
def test_sizes_at_the_limits(site, http2, over):
    """A limit is what is still taken."""
    b = site.peer("b")
    site.config["limits"] = {"body": "4K", "uri": "2K"}
    site.write_codes({"ici": ICI, "content": "x"})
    site.start()

    def filled(size):
        """A request written in exactly so many octets."""
        pairs = message(b, ICI, c="")
        pairs["c"] = "x" * (size - len(written(pairs.items())))
        return pairs

    target = filled(2048 + over - len("/mc-3/resolve-ici?"))
    assert site.send(target, http2=http2).status == (414 if over else 200)
    body = filled(4096 + over)
    assert site.send(body, carriage="form", http2=http2).status == (413 if over else 200)


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_a_body_far_beyond_the_limit(site, b, http2):
    """No body is read to its end only to be refused."""
    body = b"c=" + b"x" * 3_000_000
    try:
        answer = site.send(carriage="form", body=body, http2=http2)
        assert answer.status == 413
    except Exception as failure:  # the connection may be closed under the sender
        assert type(failure).__name__ in ("WriteError", "ReadError", "RemoteProtocolError"), failure
    assert site.ask(b, ICI).status == 200
