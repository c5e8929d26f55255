# SPDX-License-Identifier: Apache-2.0
"""The interface `codes`: other servers read our code records, tools write them; and every answer is
one that etc/openapi/codes.yaml knows."""
import concurrent.futures
import contextlib
import hashlib
import json
import re
import secrets
import sqlite3
import time
from urllib.parse import quote

import client
import pytest
from daemon import CMPCTL, CMPD, ROOT, run
from openapi import Document
from signing import Key, uuid7
from stores import eventually

API = Document(ROOT / "etc" / "openapi" / "codes.yaml")
RECORD, LOOKUP = "/codes/{ici}", "/lookup"

ONE = {"ici": "1A0F1-1", "content": "https://one.example/", "ttl": 60}
PLAIN = [
    ONE,
    {"ici": "1A0F1-2", "content": "Grüße ü€😀 \" \\ / \n", "content_type": "text"},
    {
        "ici": "1A0F1-V",
        "content": "https://v.example/",
        "variants": [
            {"when": {"language": "fr", "age": "18-30"}, "content": "https://v.example/fr"},
            {"when": {"device": "watch"}, "content": "small", "content_type": "text"},
        ],
    },
    {"ici": "1A0F1-T", "transferred_to": "b.example.net"},
    {"ici": "1A0F1-R", "content": "x", "status": "revoked"},
    {"ici": "1A0F1-N", "content": "x", "not_before": "2999-01-01T00:00:00.000Z"},
    {"ici": "1A0F1-E", "content": "x", "not_after": "2001-01-01T00:00:00.000Z"},
]


@pytest.fixture
def codes(site):
    """A site with the interface, a token that reads and one that writes."""
    site.listener["interfaces"].append("codes")
    site.reader = site.token("reader")
    site.writer = site.token("writer", allow=["read", "write"])
    site.write_codes(*PLAIN)
    return site


def ask(site, method, path, *, token=None, key=None, icis=None, headers=None, record=None, **how):
    """One request; signed when a key is given. Fails when the document does not know the answer."""
    headers = dict(headers or {})
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    template = RECORD if path.startswith("/codes/") else LOOKUP
    body = None
    if template == LOOKUP and icis is not None:
        body = json.dumps({"icis": icis}).encode()
    elif record is not None:
        body = json.dumps(record).encode()
    if key is not None:
        tid = headers.setdefault("cmp-tid", uuid7())
        signed = "\n".join(icis) if icis is not None else how.pop("signed")
        headers |= {"cmp-key-id": key.id, "cmp-signature": key.sign(tid, signed)}
    how.setdefault("body", body)
    how.setdefault("content_type", "application/json" if how["body"] is not None else None)
    base = how.pop("base", "/codes/v1")
    answer = client.send(
        site.url(base + path),
        site.authority.path,
        carriage=None,
        method=method.upper(),
        headers=headers,
        **how,
    )
    is_told = method != "head" and not (answer.status == 404 and answer.code == "not_found")
    if is_told:
        API.check(method, template, answer)
    return answer


def get(site, ici, **how):
    if "key" in how:
        how["signed"] = ici
    return ask(site, "get", "/codes/" + quote(ici, safe=""), **how)


def look_up(site, icis, **how):
    return ask(site, "post", "/lookup", icis=icis, **how)


def put(site, record, **how):
    path = "/codes/" + quote(record["ici"], safe="")
    return ask(site, "put", path, record=record, **how)


def delete(site, ici, **how):
    return ask(site, "delete", "/codes/" + quote(ici, safe=""), **how)


# ---- the document ----


def test_the_document_is_good():
    assert API.faults() == []


def test_the_document_takes_what_the_core_takes_and_nothing_else():
    validator = API.validator(API.tree["components"]["schemas"]["Record"])
    for record in PLAIN:
        validator.validate(record)
    for bad in (
        {},
        {"ici": "a"},
        {"ici": "a b", "content": "x"},
        {"ici": "a", "content": ""},
        {"ici": "a", "content": "x", "transferred_to": "b.example.net"},
        {"ici": "a", "content": "x", "ttl": -1},
        {"ici": "a", "content": "x", "status": "gone"},
        {"ici": "a", "content": "x", "more": 1},
        {"ici": "a", "content": "x", "variants": [{"when": {}, "content": "y"}]},
    ):
        assert not validator.is_valid(bad), bad


# ---- reading ----


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_records_are_given_as_they_are_stored(codes, http2):
    codes.start()
    for record in PLAIN:
        answer = get(codes, record["ici"], token=codes.reader, http2=http2)
        assert (answer.status, answer.json) == (200, record)
        assert answer.headers["cache-control"] == "no-store"
    missing = get(codes, "1A0F1-NONE", token=codes.reader, http2=http2)
    assert (missing.status, missing.code) == (404, "unknown_ici")


def test_several_at_once_in_their_order_and_without_those_that_nobody_holds(codes):
    codes.start()
    icis = [r["ici"] for r in reversed(PLAIN)]
    asked = ["1A0F1-NONE", *icis[:3], "1A0F1-none", *icis[3:]]
    answer = look_up(codes, asked, token=codes.reader)
    assert (answer.status, answer.json) == (200, {"records": PLAIN[::-1]})
    assert look_up(codes, ["1A0F1-NONE"], token=codes.reader).json == {"records": []}


def test_any_visible_character_may_stand_in_an_ici(codes):
    visible = "".join(chr(c) for c in range(0x21, 0x7F))
    records = [{"ici": i, "content": "found"} for i in (visible, "a/b?c#d%41", "x" * 256)]
    codes.write_codes(*records)
    codes.start()
    for record in records:
        assert get(codes, record["ici"], token=codes.reader).json == record
    dots = look_up(codes, [r["ici"] for r in records] + [".", ".."], token=codes.reader)
    assert dots.json == {"records": records}


def test_the_largest_batch(codes):
    records = [{"ici": f"{i:03d}" + "x" * 253, "content": f"c{i}"} for i in range(256)]
    codes.write_codes(*records)
    codes.start()
    answer = look_up(codes, [r["ici"] for r in records], token=codes.reader)
    assert (answer.status, answer.json) == (200, {"records": records})


def test_more_than_one_answer_may_have(codes):
    """One record is always given."""
    records = [{"ici": f"1A0F1-{i}", "content": "x" * 3000} for i in range(4)]
    codes.write_codes(*records)
    codes.config["limits"] = {"codes_answer": "8K"}
    codes.start()
    icis = [r["ici"] for r in records]
    answer = look_up(codes, icis, token=codes.reader)
    assert (answer.status, answer.code) == (413, "answer_too_large")
    assert "8192 octets" in answer.json["detail"]
    for half in (icis[:2], icis[2:]):
        assert look_up(codes, half, token=codes.reader).status == 200
    large = {"ici": "1A0F1-L", "content": "x" * 20000}
    codes.write_codes(*records, large)
    eventually(lambda: get(codes, "1A0F1-L", token=codes.reader).status == 200)
    assert look_up(codes, ["1A0F1-L"], token=codes.reader).json == {"records": [large]}


def test_a_list_without_a_token_is_short(codes):
    """It is read, and its signature checked, before anybody knows who asks."""
    b = codes.peer("b", allow={"interfaces": ["codes"]})
    records = [{"ici": f"1A0F1-{i:03d}" + "x" * 150, "content": "c"} for i in range(60)]
    codes.write_codes(*records)
    codes.start()
    icis = [r["ici"] for r in records]
    answer = look_up(codes, icis, key=b)
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert "8192 octets" in answer.json["detail"]
    for half in (icis[:30], icis[30:]):
        assert look_up(codes, half, key=b).status == 200
    assert look_up(codes, icis, token=codes.reader).json == {"records": records}


def test_a_wrong_token_is_refused_before_its_list_is_read(codes):
    codes.start()
    answer = look_up(codes, None, token="t0ken-of-nobody", body=b"{", content_type="application/json")
    assert (answer.status, answer.code) == (401, "authentication_failed")


def test_head(codes):
    codes.start()
    answer = ask(codes, "head", "/codes/1A0F1-1", token=codes.reader)
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_the_path_is_the_operators(codes):
    codes.listener["paths"] = {"codes": "/records"}
    codes.start()
    assert get(codes, "1A0F1-1", token=codes.reader, base="/records").status == 200
    assert get(codes, "1A0F1-1", token=codes.reader).code == "not_found"


def test_a_listener_that_does_not_offer_it(codes):
    codes.listener["interfaces"].remove("codes")
    codes.start()
    assert get(codes, "1A0F1-1", token=codes.reader).code == "not_found"


@pytest.mark.parametrize("path", ["", "/", "/codes", "/lookup/", "/codes/a/b", "/other", "x"])
def test_paths_that_are_none(codes, path):
    codes.start()
    answer = client.send(
        codes.url("/codes/v1" + path),
        codes.authority.path,
        carriage=None,
        method="GET",
        headers={"authorization": f"Bearer {codes.reader}"},
    )
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("ici", ["", "%20", "%", "%4", "%zz", "%00", "%C3%BC", "x" * 257])
def test_icis_that_are_none(codes, ici):
    codes.start()
    head = f"GET /codes/v1/codes/{ici} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    octets, _ = codes.exchange(head.encode())
    answer = client.parse(octets)
    assert (answer.status, answer.code, answer.json["parameter"]) == (
        400, "invalid_parameter", "ici")  # fmt: skip
    API.check("get", RECORD, answer)


@pytest.mark.parametrize(
    "body, code",
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b'{"icis":["a"],"icis":["b"]}', "malformed"),
        (b'{"icis":["\xff"]}', "malformed"),
        (b'{"icis":["a\\u0000"]}', "malformed"),
        (b"[]", "malformed"),
        (b"{}", "invalid_parameter"),
        (b'{"icis":{}}', "invalid_parameter"),
        (b'{"icis":["a"],"more":1}', "invalid_parameter"),
        (b'{"icis":[]}', "invalid_parameter"),
        (b'{"icis":[1]}', "invalid_parameter"),
        (b'{"icis":[""]}', "invalid_parameter"),
        (b'{"icis":["a b"]}', "invalid_parameter"),
        (b'{"icis":["%s"]}' % (b"x" * 257), "invalid_parameter"),
        (b'{"icis":["a","b","a"]}', "duplicate_parameter"),
        (json.dumps({"icis": [f"i{i}" for i in range(257)]}).encode(), "invalid_parameter"),
        (b"[" * 100000, "malformed"),
    ],
    ids=lambda v: v[:20].decode("latin-1") if isinstance(v, bytes) else v,
)
def test_questions_that_are_none(codes, body, code):
    codes.start()
    answer = look_up(codes, None, token=codes.reader, body=body, content_type="application/json")
    assert (answer.status, answer.code) == (400, code)


def test_methods_and_media_types(codes):
    codes.start()
    wrong = ask(codes, "put", "/codes/1A0F1-1", token=codes.writer, body=b"{}",
                content_type="text/plain")  # fmt: skip
    assert (wrong.status, wrong.code) == (415, "unsupported_media_type")
    for method, path, allowed in (
        ("PATCH", "/codes/1A0F1-1", "GET, HEAD, PUT, DELETE"),
        ("GET", "/lookup", "POST"),
    ):
        answer = client.send(
            codes.url("/codes/v1" + path), codes.authority.path, carriage=None, method=method
        )
        assert (answer.status, answer.headers["allow"]) == (405, allowed)
    query = get(codes, "1A0F1-1", token=codes.reader, query="a=b")
    assert (query.status, query.code) == (400, "malformed")


def test_a_body_that_is_too_large(codes):
    codes.config["limits"] = {"codes_body": "20K"}
    codes.start()
    large = put(codes, {"ici": "1A0F1-1", "content": "x" * 30000}, token=codes.writer)
    assert (large.status, large.code) == (413, "body_too_large")


def test_unavailable_is_not_unknown(codes):
    trace = codes.folder / "lookups"
    codes.config["plugins"]["down"] = {
        "use": "store_counting", "path": str(trace), "unavailable": True}  # fmt: skip
    codes.config["resolve"]["stores"] = ["codes", "down"]
    codes.start()
    assert get(codes, "1A0F1-1", token=codes.reader).status == 200
    assert get(codes, "1A0F1-NONE", token=codes.reader).code == "store_unavailable"
    assert look_up(codes, ["1A0F1-1", "1A0F1-2"], token=codes.reader).status == 200
    mixed = look_up(codes, ["1A0F1-1", "1A0F1-NONE"], token=codes.reader)
    assert (mixed.status, mixed.code) == (503, "store_unavailable")


def test_a_batch_waits_for_its_stores_and_not_longer_than_the_deadline(codes):
    trace = codes.folder / "trace"
    codes.store("store_async", delay="300ms", path=str(trace))
    codes.start()
    began = time.monotonic()
    icis = ["1A0F1-ASYNC", *(f"1A0F1-{i}" for i in range(100))]
    answer = look_up(codes, icis, token=codes.reader)
    assert [r["ici"] for r in answer.json["records"]] == ["1A0F1-ASYNC"]
    assert 0.3 <= time.monotonic() - began < 100 * 0.3  # it waits for all of them at once


def test_a_batch_is_one_transaction_however_many_look_ups_it_takes(codes):
    """Of two, a store that answers later may hold one."""
    codes.store("store_async", path=str(codes.folder / "trace"))
    codes.config |= {"workers": 1, "limits": {"transactions": 2}}
    codes.start()
    for _ in range(3):
        icis = ["1A0F1-ASYNC", *(f"1A0F1-{i}" for i in range(255))]
        assert look_up(codes, icis, token=codes.reader).status == 200


def test_the_deadline_cancels_all_look_ups_of_a_batch(codes):
    trace = codes.folder / "trace"
    codes.store("store_async", delay="20s", path=str(trace))
    codes.config["resolve"]["deadline"] = "400ms"
    codes.start()
    answer = look_up(codes, ["1A0F1-ASYNC", "1A0F1-2", "1A0F1-3"], token=codes.reader)
    assert (answer.status, answer.code) == (503, "store_unavailable")
    deadline = time.monotonic() + 5
    while trace.read_text() != "ccc" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert trace.read_text() == "ccc"


@pytest.mark.threads
def test_many_readers_at_once(codes):
    codes.start()
    icis = [r["ici"] for r in PLAIN]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda i: look_up(codes, icis, token=codes.reader, http2=i % 2), range(64))
        )
    assert all(a.json == {"records": PLAIN} for a in answers)


# ---- who may ----


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", "Basic YTpi", "bearer {reader}x", "{reader}"],
)
def test_without_a_good_token_nothing_is_told(codes, authorization):
    count = codes.counting()
    codes.start()
    headers = {}
    if authorization is not None:
        headers["authorization"] = authorization.format(reader=codes.reader)
    for answer in (
        get(codes, "1A0F1-COUNTED", headers=headers),
        look_up(codes, ["1A0F1-COUNTED"], headers=headers),
        put(codes, ONE, headers=headers),
        delete(codes, "1A0F1-1", headers=headers),
    ):
        assert (answer.status, answer.code) == (401, "authentication_failed")
        assert "Bearer" in answer.headers["www-authenticate"]
    assert count() == 0


def test_a_token_is_never_in_the_log_nor_in_the_file(codes):
    codes.start()
    assert get(codes, "1A0F1-1", token=codes.reader).status == 200
    assert get(codes, "1A0F1-1", token="secret-that-is-wrong").status == 401
    line = codes.wait_for_log('"reader"')
    assert (line["ici"], line["status"]) == ("1A0F1-1", 200)
    for text in (codes.log_text(), (codes.folder / "keys.yaml").read_text()):
        assert codes.reader not in text and "secret-that-is-wrong" not in text


def test_a_token_reads_or_writes_as_it_is_allowed(codes):
    blind = codes.token("blind", allow=["write"])
    old = codes.token("old", not_after="2001-01-01T00:00:00Z")
    codes.start()
    assert put(codes, ONE, token=codes.reader).code == "not_allowed"
    assert delete(codes, "1A0F1-1", token=codes.reader).code == "not_allowed"
    assert get(codes, "1A0F1-1", token=blind).code == "not_allowed"
    assert get(codes, "1A0F1-1", token=old).status == 401


def test_a_peer_that_is_allowed_reads(codes):
    b = codes.peer("b", allow={"interfaces": ["codes"]}, key={"tid_format": "uuidv7"})
    c = codes.peer("c")
    codes.start()
    assert get(codes, "1A0F1-1", key=b).json == ONE
    assert look_up(codes, ["1A0F1-1", "1A0F1-T"], key=b).json == {"records": [ONE, PLAIN[3]]}
    assert get(codes, "1A0F1-1", key=c).code == "not_allowed"
    assert codes.ask(b, "1A0F1-1").code == "not_allowed"  # and nothing but that
    assert put(codes, ONE, key=b, signed="1A0F1-1").code == "not_allowed"
    assert delete(codes, "1A0F1-1", key=b, signed="1A0F1-1").code == "not_allowed"


def test_a_peers_prefixes_and_rate_count_here_too(codes):
    b = codes.peer("b", allow={"interfaces": ["codes"], "prefixes": ["1A0"]}, rate="2/h")
    codes.start()
    assert look_up(codes, ["1A0F1-1", "2B001-1"], key=b).code == "not_allowed"
    statuses = [get(codes, "1A0F1-1", key=b).status for _ in range(2)]
    assert statuses[0] == 200 and statuses[-1] == 429


def test_a_signature_covers_the_list_and_is_good_once(codes):
    b = codes.peer("b", allow={"interfaces": ["codes"]})
    count = codes.counting()
    codes.start()
    icis = ["1A0F1-COUNTED", "1A0F1-2"]
    tid = uuid7()
    headers = {"cmp-tid": tid}
    other = dict(headers, **{"cmp-key-id": b.id, "cmp-signature": b.sign(tid, "\n".join(icis))})
    assert look_up(codes, icis[::-1], headers=other).status == 401
    assert look_up(codes, icis[:1], headers=other).status == 401
    assert count() == 0
    assert look_up(codes, icis, key=b, headers=headers).status == 200
    assert look_up(codes, icis, key=b, headers=headers).code == "replayed"
    assert get(codes, "1A0F1-COUNTED", key=Key(b.id, "b"), headers={"cmp-tid": "t"}).status == 401
    assert count() == 2


@pytest.mark.parametrize("tid", ["", "x" * 129, "a b"])
def test_a_tid_that_is_none(codes, tid):
    codes.start()
    answer = get(codes, "1A0F1-1", token=codes.reader, headers={"cmp-tid": tid})
    assert (answer.status, answer.json.get("parameter")) == (400, "tid")


# ---- writing ----


@pytest.fixture
def writable(codes):
    codes.config["plugins"]["memory"] = {
        "use": "store_memory", "path": "memory", "cache": {"negative_ttl": "1h"}}  # fmt: skip
    codes.config["resolve"]["stores"] = ["codes", "memory"]
    return codes


@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_write_that_takes_longer_than_the_deadline(codes, method):
    """It is answered at the deadline; what the store then says of it is for nobody."""
    path = codes.folder / "codes.db"
    codes.store("store_sql", url=f"sqlite:{path}", busy_timeout="15s")
    codes.config["resolve"] |= {"deadline": "300ms", "writable": "special"}
    codes.expect_error("locked")
    codes.start()
    write = {"put": lambda: put(codes, ONE, token=codes.writer)}
    write["delete"] = lambda: delete(codes, "1A0F1-1", token=codes.writer)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        answer = write[method]()
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert "locked" not in codes.log_text()
        codes.wait_for_log("locked")  # the store has given up
        other.execute("rollback")
    eventually(lambda: write[method]().status in (204, 404))


@pytest.mark.parametrize("http2", [False, True], ids=["http1", "http2"])
def test_a_record_is_put_replaced_and_removed(writable, http2):
    writable.start()
    how = {"token": writable.writer, "http2": http2}
    for record in (dict(r, ici="1A0F1-NEW") for r in PLAIN):
        assert get(writable, "1A0F1-NEW", token=writable.reader).status in (200, 404)
        assert put(writable, record, **how).status == 204
        assert get(writable, "1A0F1-NEW", **how).json == record
    assert delete(writable, "1A0F1-NEW", **how).status == 204
    assert get(writable, "1A0F1-NEW", **how).status == 404
    assert delete(writable, "1A0F1-NEW", **how).code == "unknown_ici"


def test_a_write_reaches_the_caches_of_all_workers(writable):
    b = writable.peer("b")
    writable.config["workers"] = 3
    writable.start()

    def told():  # every connection is another worker's, perhaps
        return {writable.ask(b, "1A0F1-NEW").json.get("content") for _ in range(12)}

    for content in ("first", "second"):
        told()
        record = {"ici": "1A0F1-NEW", "content": content}
        assert put(writable, record, token=writable.writer).status == 204
        eventually(lambda: told() == {content})  # noqa: B023


@pytest.mark.parametrize(
    "record, words",
    [
        ({"ici": "1A0F1-NEW"}, "content: is missing"),
        ({"ici": "1A0F1-NEW", "content": "x", "contents": "y"}, "contents: unknown member"),
        ({"ici": "1A0F1-OTHER", "content": "x"}, "another ICI"),
        ({"ici": "1A0F1-NEW", "content": "x", "ttl": "60"}, "ttl: "),
    ],
)
def test_a_record_that_is_none(writable, record, words):
    writable.start()
    answer = ask(writable, "put", "/codes/1A0F1-NEW", token=writable.writer, record=record)
    assert (answer.status, answer.code) == (400, "invalid_parameter")
    assert words in answer.json["detail"]
    assert get(writable, "1A0F1-NEW", token=writable.writer).status == 404


def test_where_no_store_can_be_written(codes):
    codes.start()
    for answer in (put(codes, ONE, token=codes.writer), delete(codes, "x", token=codes.writer)):
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"


def test_a_store_that_fails_to_write(writable):
    writable.config["plugins"]["memory"]["fail_commit"] = True
    writable.expect_error("a record could not be written: nothing is ever committed here")
    writable.start()
    record = {"ici": "1A0F1-NEW", "content": "x"}
    assert put(writable, record, token=writable.writer).code == "store_unavailable"
    assert get(writable, "1A0F1-NEW", token=writable.writer).status == 404


def test_the_operator_may_say_which_store_is_written(writable):
    writable.config["plugins"]["other"] = {"use": "store_memory", "path": "other"}
    writable.config["resolve"] |= {"stores": ["memory"], "writable": "other"}
    writable.start()
    record = {"ici": "1A0F1-NEW", "content": "x"}
    assert put(writable, record, token=writable.writer).status == 204
    assert get(writable, "1A0F1-NEW", token=writable.writer).status == 404


# ---- the configuration ----


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda c: c["resolve"].update(writable="codes"), '"codes" (store_file) cannot be written'),
        (lambda c: c["resolve"].update(writable="cods"), 'did you mean "codes"?'),
        (lambda c: c["listeners"][0].update(paths={"codes": "/c/"}), "does not end with a slash"),
        (lambda c: c["listeners"][0].update(paths={"codes": "/mc-3"}), "lies under it"),
        (
            lambda c: c["listeners"].append(
                {"name": "x", "bind": "127.0.0.1:0", "interfaces": ["codes"]}
            ),
            "runs over https only",
        ),
    ],
)
def test_what_is_wrong_is_said(codes, change, words):
    change(codes.config)
    checked = run(CMPD, "-t", "-c", codes.write())
    assert checked.returncode == 1 and words in checked.stderr


@pytest.mark.parametrize(
    "token, words",
    [
        ({"name": "a"}, "sha256: missing"),
        ({"name": "a", "sha256": "00"}, "64 hexadecimal digits"),
        ({"name": "reader", "sha256": "00" * 32}, "same name"),
        ({"name": "a", "sha256": "00" * 32, "allow": "all"}, "read, write"),
        ({"name": "a", "sha256": "00" * 32, "not_after": "later"}, "RFC 3339"),
        ({"name": "a", "token": secrets.token_hex(16)}, "unknown key"),
    ],
)
def test_tokens_that_are_none(codes, token, words):
    codes.tokens.append(token)
    checked = run(CMPD, "-t", "-c", codes.write())
    assert checked.returncode == 1 and words in checked.stderr
    assert "token" not in token or token["token"] not in checked.stderr


def test_a_listener_for_codes_alone_needs_no_authentication_plugin(codes):
    codes.listener["interfaces"] = ["codes"]
    del codes.listener["authenticate"]
    codes.start()
    assert get(codes, "1A0F1-1", token=codes.reader).status == 200
    assert get(codes, "1A0F1-1").status == 401
    assert hashlib.sha256(codes.reader.encode()).hexdigest() in codes.tokens[0]["sha256"]


def test_cmpctl_makes_lists_and_revokes_tokens(codes):
    keys = codes.folder / "keys.yaml"
    codes.write()
    codes.keep_keyring = True
    made = run(CMPCTL, "keys", "token", "--keys", keys, "--name", "site-2", "--allow", "read,write")
    assert made.returncode == 0, made.stderr
    token = re.search(r"token +(\S+)", made.stdout)[1]
    twice = run(CMPCTL, "keys", "token", "--keys", keys, "--name", "site-2")
    assert twice.returncode == 2 and "already" in twice.stderr
    assert token not in keys.read_text()
    listed = json.loads(run(CMPCTL, "keys", "list", "--keys", keys, "--json").stdout)
    assert listed[-1] == {
        "id": "site-2", "use": "token", "allow": ["read", "write"], "state": "valid"}  # fmt: skip
    assert "site-2" in run(CMPCTL, "keys", "list", "--keys", keys).stdout
    codes.start()
    assert get(codes, "1A0F1-1", token=token).status == 200
    assert get(codes, "1A0F1-1", token=codes.reader).status == 200
    codes.stop()
    revoked = run(CMPCTL, "keys", "revoke", "--keys", keys, "--id", "site-2")
    assert revoked.returncode == 0 and "token site-2: valid until" in revoked.stdout
    codes.start()
    assert get(codes, "1A0F1-1", token=token).status == 401
    assert get(codes, "1A0F1-1", token=codes.reader).status == 200
