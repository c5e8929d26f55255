# SPDX-License-Identifier: Apache-2.0
"""One suite over every store: what is put into it is what a peer gets, whatever keeps it."""
import json

import client
import pytest
import stores
from stores import Shelf, eventually

PAST, FUTURE = "2001-01-01T00:00:00Z", "2201-01-01T00:00:00.250Z"


class FileShelf(Shelf):
    """Nothing of ours writes this one: the operator replaces the file."""

    def __init__(self, site, section):
        super().__init__(site, section)
        self.records = {}

    def take(self, *records):
        self.records |= {r["ici"]: r for r in records}
        self.site.write_codes(*self.records.values())


class RemoteShelf(Shelf):
    """Its codes are at another cmpd, and are written there."""

    def __init__(self, site, section, server):
        super().__init__(site, section)
        self.server = server

    def codes(self, *words, **how):
        return stores.codes(self.server, *words, **how)

    def start(self):
        self.server.start()
        return super().start()


def shelf_of(name, site, request):
    section = stores.section_of(name, site, request)
    if name == "remote":
        return RemoteShelf(site, section, request.getfixturevalue("codes_server"))
    return (FileShelf if name == "file" else Shelf)(site, section)


@pytest.fixture(params=stores.ALL)
def shelf(request, site):
    return shelf_of(request.param, site, request)


@pytest.fixture(params=["sqlite", "postgresql", "remote"])
def live(request, site):
    """Stores that are written by one program while another one reads."""
    return shelf_of(request.param, site, request)


def test_a_store_without_codes_knows_none(shelf):
    shelf.start()
    for ici in ("1A0F1-1", "1A0F1", "x" * 256):
        answer = shelf.ask(ici)
        assert (answer.status, answer.code) == (404, "unknown_ici")


def test_a_plain_code(shelf):
    shelf.site.config["resolve"]["ttl"] = 77
    shelf.take(
        {"ici": "1A0F1-1", "content": "https://one.example/"},
        {"ici": "1A0F1-2", "content": "BEGIN", "content_type": "vcard", "ttl": 60},
        {"ici": "1A0F1-3", "content": "never kept", "ttl": 0},
        {"ici": "1A0F1-4", "content": "kept for a year", "ttl": 31536000},
    )
    shelf.start()
    assert shelf.ask("1A0F1-1", tid="t-1").json == {
        "tid": "t-1",
        "ici": "1A0F1-1",
        "status": "resolved",
        "content": "https://one.example/",
        "content_type": "uri",
        "ttl": 77,
    }
    answer = shelf.ask("1A0F1-2").json
    assert (answer["content"], answer["content_type"], answer["ttl"]) == ("BEGIN", "vcard", 60)
    assert shelf.ask("1A0F1-3").json["ttl"] == 0
    assert shelf.ask("1A0F1-4").json["ttl"] == 31536000


def test_icis_are_told_apart_octet_by_octet(shelf):
    visible = "".join(chr(c) for c in range(0x21, 0x7F))
    icis = ["1A0F1-a", "1A0F1-A", "1A0F1-a%", "1A0F1-a_", "x" * 256, visible, "0", "00"]
    shelf.take(*[{"ici": ici, "content": f"text {i}"} for i, ici in enumerate(icis)])
    shelf.start()
    for i, ici in enumerate(icis):
        assert shelf.content(ici) == f"text {i}"
    for ici in ("1a0f1-a", "1A0F1-", "1A0F1-a%%", "x" * 255, visible[1:], visible[:-1], "000"):
        assert shelf.content(ici) == "unknown_ici"


CONTENTS = {
    "unicode": "Grüße, Ω, 日本語, 😀, e\u0301, \u2028, \ufeff, \U0010ffff",
    "quotes": "' \" \\ ; -- /* $1 $$ %s \\u0041 \\N \\. {a,b}",
    "controls": "\t\n\r\b\f\x01\x1f\x7f",
    "space": "  around  ",
    "digits": "0012.50",
    "long": "ü€" * 13000,
}


def test_content_comes_back_octet_by_octet(shelf):
    shelf.take(
        *[
            {"ici": f"1A0F1-{name}", "content": content, "content_type": "text"}
            for name, content in CONTENTS.items()
        ]
    )
    shelf.start()
    for name, content in CONTENTS.items():
        for http2 in (False, True):
            assert shelf.ask(f"1A0F1-{name}", http2=http2).json["content"] == content


def test_when_a_code_is_good(shelf):
    dated = {
        "good": {"not_before": PAST, "not_after": FUTURE},
        "since": {"not_before": "2001-01-01T01:00:00+01:00"},
        "until": {"not_after": FUTURE},
        "soon": {"not_before": FUTURE},
        "over": {"not_after": PAST},
        "before-1970": {"not_after": "1969-12-31T23:59:59.999Z"},
        "revoked": {"status": "revoked"},
        "revoked-before": {"status": "revoked", "not_before": PAST, "not_after": FUTURE},
        "active": {"status": "active"},
    }
    shelf.take(*[{"ici": f"1A0F1-{n}", "content": n} | more for n, more in dated.items()])
    shelf.start()
    got = {name: shelf.content(f"1A0F1-{name}") for name in dated}
    assert got == {
        "good": "good",
        "since": "since",
        "until": "until",
        "soon": "unknown_ici",
        "over": "gone",
        "before-1970": "gone",
        "revoked": "gone",
        "revoked-before": "gone",
        "active": "active",
    }


def test_a_transferred_code_without_a_way_to_its_host(shelf):
    shelf.take(
        {"ici": "1A0F1-1", "transferred_to": "b.example.net"},
        {"ici": "1A0F1-2", "transferred_to": "b.example.net", "status": "revoked"},
    )
    shelf.start()
    assert shelf.content("1A0F1-1") == "unknown_ici"
    assert shelf.content("1A0F1-2") == "gone"


def test_variants(shelf):
    shelf.take(
        {
            "ici": "1A0F1-1",
            "content": "https://v.example/",
            "variants": [
                {"when": {"language": "fr", "cc": "CA"}, "content": "Québec"},
                {"when": {"language": "fr"}, "content": "https://v.example/fr"},
                {"when": {"age": "18-30"}, "content": '"young" \\ \'', "content_type": "text"},
                {"when": {"income": ">100,000"}, "content": "rich"},
                {"when": {"x-shop": "7"}, "content": "seven"},
            ],
        },
        {
            "ici": "1A0F1-2",
            "content": "none",
            "variants": [
                {"when": {"x-no": str(i)}, "content": f"{i} " + "y" * 200} for i in range(60)
            ],
        },
    )
    shelf.start()
    for more, content in (
        ({}, "https://v.example/"),
        ({"language": "fr"}, "https://v.example/fr"),
        ({"language": "fr", "cc": "CA"}, "Québec"),
        ({"age": "25"}, '"young" \\ \''),
        ({"income": "150,000"}, "rich"),
        ({"x-shop": "7"}, "seven"),
        ({"x-shop": "8"}, "https://v.example/"),
    ):
        assert shelf.ask("1A0F1-1", more=more).json["content"] == content
    assert shelf.ask("1A0F1-2", more={"x-no": "59"}).json["content"] == "59 " + "y" * 200
    assert shelf.ask("1A0F1-2", more={"x-no": "60"}).json["content"] == "none"


def test_the_cache_changes_no_answer(shelf):
    shelf.site.config["plugins"]["shelf"]["cache"] = {"ttl": "1h", "negative_ttl": "1h"}
    shelf.take(
        {"ici": "1A0F1-1", "content": "Grüße", "content_type": "text", "ttl": 5},
        {"ici": "1A0F1-2", "content": "over", "not_after": PAST},
        {
            "ici": "1A0F1-3",
            "content": "many",
            "variants": [{"when": {"language": "fr"}, "content": "plusieurs"}],
        },
    )
    shelf.start()
    for _ in range(4):
        answer = shelf.ask("1A0F1-1").json
        assert (answer["content"], answer["content_type"], answer["ttl"]) == ("Grüße", "text", 5)
        assert shelf.content("1A0F1-2") == "gone"
        assert shelf.content("1A0F1-3") == "many"
        assert shelf.ask("1A0F1-3", more={"language": "fr"}).json["content"] == "plusieurs"
        assert shelf.content("1A0F1-4") == "unknown_ici"


# ---- writes while it runs ----


def test_a_write_is_seen(live):
    live.start()
    assert live.content("1A0F1-1") == "unknown_ici"
    for content in ("first", "second"):
        ended = live.codes("put", json.dumps({"ici": "1A0F1-1", "content": content}))
        assert ended.returncode == 0, ended.stderr
        eventually(lambda: live.content("1A0F1-1") == content)
    assert live.codes("remove", "1A0F1-1").returncode == 0
    eventually(lambda: live.content("1A0F1-1") == "unknown_ici")
    again = live.codes("remove", "1A0F1-1")
    assert again.returncode == 1 and "does not know 1A0F1-1" in again.stderr


@pytest.mark.parametrize("name", stores.WRITABLE)
def test_what_is_not_there_cannot_be_removed(site, request, name):
    site.listener["interfaces"].append("codes")
    writer = {"authorization": "Bearer " + site.token("writer", allow=["read", "write"])}
    Shelf(site, stores.section_of(name, site, request)).start()

    def send(method, **how):
        url = site.url("/codes/v1/codes/1A0F1-1")
        return client.send(
            url, site.authority.path, carriage=None, method=method, headers=writer, **how
        )

    record = json.dumps({"ici": "1A0F1-1", "content": "x"}).encode()
    for _ in range(2):
        assert send("DELETE").status == 404
        assert send("PUT", body=record, content_type="application/json").status == 204
        assert send("DELETE").status == 204
    assert send("DELETE").status == 404


def test_an_import_is_seen(live):
    live.take({"ici": "1A0F1-old", "content": "old"})
    live.start()
    assert live.content("1A0F1-old") == "old"
    live.take(*[{"ici": f"1A0F1-{i}", "content": f"content {i}"} for i in range(2000)])
    eventually(lambda: live.content("1A0F1-1999") == "content 1999")
    assert live.content("1A0F1-0") == "content 0"
    assert live.content("1A0F1-old") == "old"


def test_an_import_that_fails_changes_nothing(live):
    live.take({"ici": "1A0F1-1", "content": "old"})
    live.start()
    good = [json.dumps({"ici": f"1A0F1-{i}", "content": "new"}) for i in range(3000)]
    ended = live.codes("import", "-", input="\n".join([*good, '{"ici":"1A0F1-9"}', ""]))
    assert ended.returncode == 1
    assert "stdin:3001: content: is missing" in ended.stderr
    assert "nothing was imported" in ended.stderr
    assert live.content("1A0F1-1") == "old"
    assert live.content("1A0F1-2") == "unknown_ici"
    listed = live.codes("list")
    assert listed.stdout == "1A0F1-1\n"
