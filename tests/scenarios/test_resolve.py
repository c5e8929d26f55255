# SPDX-License-Identifier: Apache-2.0
"""A peer asks for an ICI of ours and gets its content: every carriage, HTTP version and address
family, and content that is tailored to the request (Table 19)."""
import json

import pytest

CARRIAGES = ["get", "form", "json"]


@pytest.fixture
def b(site):
    return site.peer("b")


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
@pytest.mark.parametrize("carriage", CARRIAGES)
def test_a_signed_request_is_resolved(site, b, carriage, http2):
    site.write_codes({"ici": "1A0F1-1", "content": "https://one.example/", "ttl": 60})
    site.start()
    answer = site.ask(b, "1A0F1-1", tid="t-1", carriage=carriage, http2=http2)
    assert answer.status == 200
    assert answer.version == ("HTTP/2" if http2 else "HTTP/1.1")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json == {
        "tid": "t-1",
        "ici": "1A0F1-1",
        "status": "resolved",
        "content": "https://one.example/",
        "content_type": "uri",
        "ttl": 60,
    }


def test_ipv6(site, b):
    site.listener["bind"] = [f"127.0.0.1:{site.port}", f"[::1]:{site.port}"]
    site.write_codes({"ici": "1A0F1-1", "content": "https://one.example/"})
    site.start()
    assert site.ask(b, "1A0F1-1", host="::1").status == 200
    assert site.ask(b, "1A0F1-1", host="127.0.0.1").status == 200


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_head_answers_as_get_without_the_body(site, b, http2):
    site.write_codes({"ici": "1A0F1-1", "content": "https://one.example/"})
    site.start()
    get = site.ask(b, "1A0F1-1", tid="tid-of-get-", http2=http2)
    head = site.ask(b, "1A0F1-1", tid="tid-of-head", http2=http2, method="HEAD")
    assert get.status == head.status == 200
    assert head.body == b""
    ignored = {"date", "connection"}
    assert {k: v for k, v in get.headers.items() if k not in ignored} == {
        k: v for k, v in head.headers.items() if k not in ignored
    }


@pytest.mark.parametrize("carriage", CARRIAGES)
def test_any_visible_character_may_stand_in_tid_and_ici(site, b, carriage):
    visible = "".join(chr(c) for c in range(0x21, 0x7F))
    site.write_codes({"ici": visible, "content": "found"})
    site.start()
    answer = site.ask(b, visible, tid=visible[::-1], carriage=carriage)
    assert (answer.status, answer.json["ici"], answer.json["tid"]) == (200, visible, visible[::-1])


def test_content_is_told_as_what_it_is(site, b):
    kinds = {
        "https://x.example/": "uri",
        "mailto:somebody@x.example": None,
        "MECARD:N:Müller;;": None,
        "just text": "text",
    }
    codes = [{"ici": f"1A0F1-{i}", "content": c} for i, c in enumerate(kinds)]
    site.write_codes(*codes, {"ici": "1A0F1-C", "content": "BEGIN", "content_type": "vcard"})
    site.start()
    for code, kind in zip(codes, kinds.values()):
        got = site.ask(b, code["ici"]).json
        assert got["content"] == code["content"]
        assert kind is None or got["content_type"] == kind
    assert site.ask(b, "1A0F1-C").json["content_type"] == "vcard"


def test_content_comes_back_octet_by_octet(site, b):
    content = 'quotes " and \\ and / and \t\n\r\x01 and ü€😀 and \u2028'
    site.write_codes({"ici": "1A0F1-1", "content": content, "content_type": "text"})
    site.start()
    for http2 in (False, True):
        assert site.ask(b, "1A0F1-1", http2=http2).json["content"] == content


def test_the_default_ttl_is_the_operators(site, b):
    site.config["resolve"]["ttl"] = 77
    site.write_codes(
        {"ici": "1A0F1-1", "content": "x"}, {"ici": "1A0F1-2", "content": "x", "ttl": 0}
    )
    site.start()
    assert site.ask(b, "1A0F1-1").json["ttl"] == 77
    assert site.ask(b, "1A0F1-2").json["ttl"] == 0


VARIED = {
    "ici": "1A0F1-V",
    "content": "https://v.example/",
    "variants": [
        {"when": {"language": "fr", "cc": "CA"}, "content": "https://v.example/quebec"},
        {"when": {"language": "fr"}, "content": "https://v.example/fr"},
        {"when": {"cc": "GB", "post": "SW1"}, "content": "https://v.example/westminster"},
        {"when": {"age": "18-30"}, "content": "https://v.example/young"},
        {"when": {"income": ">100,000"}, "content": "https://v.example/rich"},
        {"when": {"gender": "female"}, "content": "https://v.example/hers"},
        {"when": {"device": "watch"}, "content": "small", "content_type": "text"},
    ],
}


@pytest.mark.parametrize(
    "more, content, language",
    [
        ({}, "https://v.example/", None),
        ({"language": "de"}, "https://v.example/", None),
        ({"language": "fr"}, "https://v.example/fr", "fr"),
        ({"language": "FR"}, "https://v.example/fr", "fr"),
        ({"language": "fr", "cc": "ca"}, "https://v.example/quebec", "fr"),
        ({"cc": "GB", "post": "SW1A 1AA"}, "https://v.example/westminster", None),
        ({"cc": "GB", "post": "N1"}, "https://v.example/", None),
        ({"age": "25"}, "https://v.example/young", None),
        ({"age": "20-25"}, "https://v.example/young", None),
        ({"age": "25-35"}, "https://v.example/", None),
        ({"age": "young", "cc": "GB"}, "https://v.example/", None),
        ({"income": "150,000"}, "https://v.example/rich", None),
        ({"in": "150,000"}, "https://v.example/rich", None),
        ({"income": "50,000"}, "https://v.example/", None),
        ({"gender": "female"}, "https://v.example/hers", None),
        ({"gender": "male"}, "https://v.example/", None),
        ({"device": "watch"}, "small", None),
        ({"device": "Watch"}, "https://v.example/", None),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_the_first_variant_that_matches_wins(site, b, more, content, language):
    site.write_codes(VARIED)
    site.start()
    got = site.ask(b, "1A0F1-V", more=more).json
    assert (got["content"], got.get("language")) == (content, language)


def test_paths_are_the_operators(site, b):
    site.listener["paths"] = {"mc-3": "/resolve"}
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.start()
    assert site.ask(b, "1A0F1-1", path="/resolve").status == 200
    assert site.ask(b, "1A0F1-1").code == "not_found"


def test_stores_are_asked_in_order_and_the_first_that_knows_decides(site, b):
    site.write_codes({"ici": "1A0F1-1", "content": "first"})
    site.write_codes(
        {"ici": "1A0F1-1", "content": "second"},
        {"ici": "1A0F1-2", "content": "second"},
        path="more.ndjson",
    )
    site.config["plugins"]["more"] = {"use": "store_file", "path": "more.ndjson"}
    site.config["resolve"]["stores"] = ["codes", "more"]
    site.start()
    assert site.ask(b, "1A0F1-1").json["content"] == "first"
    assert site.ask(b, "1A0F1-2").json["content"] == "second"


def test_icis_are_compared_octet_by_octet(site, b):
    site.write_codes({"ici": "1A0F1-abc", "content": "lower"})
    site.start()
    assert site.ask(b, "1A0F1-abc").status == 200
    assert site.ask(b, "1A0F1-ABC").status == 404
    assert site.ask(b, "1a0f1-abc").status == 404


def test_an_addr_that_names_us_is_dropped(site, b):
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.start()
    assert site.ask(b, "1A0F1-1", more={"addr": "a.example.net"}).status == 200
    assert site.ask(b, "1A0F1-1", more={"addr": "A.Example.NET"}).status == 200
