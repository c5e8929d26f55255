# SPDX-License-Identifier: Apache-2.0
"""A CMP whose codes are at another server: one cmpd asks another one, which may be down, slow,
wrong, or not what it says."""
import concurrent.futures
import json
import socket
import ssl
import threading
import time

import pytest
from authority import Authority
from client import written
from daemon import CMPD, message, run
from frames import Http2
from signing import Key
from stores import ask_until_logged, eventually

SOON = 15  # seconds: two, and the rest for a busy machine
VARIED = {
    "ici": "1A0F1-V",
    "content": "https://v.example/",
    "variants": [{"when": {"language": "fr"}, "content": "https://v.example/fr"}],
}
CODES = [
    {"ici": "1A0F1-1", "content": "https://one.example/", "ttl": 60},
    {"ici": "1A0F1-U", "content": 'Grüße ü€😀 " \\ \n', "content_type": "text"},
    VARIED,
    {"ici": "1A0F1-R", "content": "x", "status": "revoked"},
    {"ici": "1A0F1-N", "content": "x", "not_before": "2999-01-01T00:00:00Z"},
    {"ici": '1A0F1-"\\', "content": "escaped"},
]


@pytest.fixture
def server(make_site):
    """Holds the codes and gives them away."""
    made = make_site("server")
    made.listener["interfaces"] = ["codes"]
    made.write_codes(*CODES)
    return made


@pytest.fixture
def front(make_site, server):
    """Has no codes of its own. `b` is a peer that asks it."""
    made = make_site("front")
    made.b = made.peer("b")
    made.store(
        "store_remote",
        name="remote",
        url=server.url("/codes/v1"),
        token=server.token("front"),
        tls={"ca": str(server.authority.path)},
        timeout="30s",
    )
    return made


def options(site):
    return site.config["plugins"]["remote"]


def use_cache(site, **settings):
    options(site)["cache"] = {"ttl": "200ms", "negative_ttl": "200ms", **settings}


def answers(site, ici="1A0F1-1"):
    return site.ask(site.b, ici).status


def wait_until(site, status, seconds):
    """How long it takes until the site answers with that status, and then each time: every worker
    has to find its own way back."""
    began = time.monotonic()
    good = []
    while time.monotonic() - began < seconds + 30:
        if answers(site) != status:
            good.clear()
            time.sleep(0.02)
            continue
        good.append(time.monotonic() - began)
        if len(good) == 12:
            return good[0]
    raise AssertionError(f"never {status}:\n{site.log_text()}")


def counted(site, name):
    """A counter of the store, as told at the end."""
    site.stop()
    for line in site.log("notice"):
        words = line["message"].split()
        if words[:2] == ["remote", name]:
            return int(words[2])
    return 0


# ---- it works ----


@pytest.mark.parametrize("http2", ["true", "false"], ids=["http2", "http1"])
def test_codes_of_the_server_are_resolved_here(server, front, http2):
    server.listener["http2"] = http2
    server.start()
    front.start()
    found = front.ask(front.b, "1A0F1-1", tid="t-1")
    assert (found.status, found.json) == (
        200,
        {
            "tid": "t-1",
            "ici": "1A0F1-1",
            "status": "resolved",
            "content": "https://one.example/",
            "content_type": "uri",
            "ttl": 60,
        },
    )
    assert front.ask(front.b, "1A0F1-U").json["content"] == CODES[1]["content"]
    assert front.ask(front.b, '1A0F1-"\\').json["content"] == "escaped"
    assert front.ask(front.b, "1A0F1-NONE").code == "unknown_ici"
    assert front.ask(front.b, "1A0F1-R").code == "gone"
    assert front.ask(front.b, "1A0F1-N").code == "unknown_ici"


def test_variants_are_chosen_here(server, front):
    use_cache(front, ttl="1h")
    server.start()
    front.start()
    for _ in range(2):
        assert front.ask(front.b, "1A0F1-V").json["content"] == "https://v.example/"
        french = front.ask(front.b, "1A0F1-V", more={"language": "fr"}).json
        assert (french["content"], french["language"]) == ("https://v.example/fr", "fr")


def test_the_cache_stands_in_front(server, front):
    front.config["workers"] = 1
    use_cache(front, ttl="1h", negative_ttl="1h")
    server.start()
    front.start()
    for _ in range(5):
        assert answers(front) == 200
        assert answers(front, "1A0F1-NONE") == 404
    assert counted(front, "lookups") == 2


def test_a_change_at_the_server_is_seen_when_the_cache_lets_go(server, front):
    server.store("store_memory", path="memory")
    writer = server.token("writer", allow=["write"])
    use_cache(front)
    server.start()
    front.start()
    assert answers(front) == 404
    body = json.dumps(CODES[0]).encode()
    put = server.send(
        path="/codes/v1/codes/1A0F1-1",
        carriage=None,
        method="PUT",
        body=body,
        content_type="application/json",
        headers={"authorization": f"Bearer {writer}"},
    )
    assert put.status == 204
    assert wait_until(front, 200, 1) < SOON


def test_the_server_may_stand_behind_a_third_one(server, front, make_site):
    outer = make_site("outer")
    outer.b = outer.peer("b")
    front.listener["interfaces"] = ["codes"]
    outer.store(
        "store_remote",
        name="remote",
        url=front.url("/codes/v1"),
        token=front.token("outer"),
        tls={"ca": str(front.authority.path)},
        timeout="30s",
    )
    for site in (server, front, outer):
        site.start()
    assert outer.ask(outer.b, "1A0F1-U").json["content"] == CODES[1]["content"]
    assert answers(outer, "1A0F1-NONE") == 404
    server.stop()
    front.expect_error("/codes/v1: ")
    outer.expect_error("it answers with status 503")
    assert answers(outer) == 503


def test_records_that_are_too_large_for_one_answer(server, front):
    records = [{"ici": f"1A0F1-{i}", "content": "x" * 3000} for i in range(9)]
    server.write_codes(*records)
    server.config["limits"] = {"codes_answer": "8K"}
    front.config["workers"] = 1
    front.listener["interfaces"].append("codes")
    token = front.token("reader")
    server.start()
    front.start()
    answer = front.send(
        path="/codes/v1/lookup",
        carriage=None,
        method="POST",
        body=json.dumps({"icis": [r["ici"] for r in records]}).encode(),
        content_type="application/json",
        headers={"authorization": f"Bearer {token}"},
    )
    assert (answer.status, answer.json) == (200, {"records": records})
    assert counted(front, "requests") > 4


# ---- who we are ----


def test_a_token_that_is_wrong(server, front):
    options(front)["token"] = "t0ken-of-nobody"
    front.expect_error("it does not let us read (status 401)")
    server.start()
    front.start()
    assert front.ask(front.b, "1A0F1-1").code == "store_unavailable"
    assert "t0ken-of-nobody" not in front.log_text()


def test_a_token_that_may_only_write(server, front):
    options(front)["token"] = server.token("blind", allow=["write"])
    front.expect_error("it does not let us read (status 403)")
    server.start()
    front.start()
    assert front.ask(front.b, "1A0F1-NONE").code == "store_unavailable"


def test_the_token_in_a_file(server, front):
    path = front.folder / "token"
    path.write_text(options(front).pop("token") + "\n")
    options(front)["token_file"] = "token"
    path.chmod(0o644)
    checked = run(CMPD, "-t", "-c", front.write())
    assert checked.returncode == 1 and "is open to others" in checked.stderr
    path.chmod(0o600)
    server.start()
    front.start()
    assert answers(front) == 200


def test_requests_signed_as_a_peer(server, front):
    """With the key that the server issued to us (9.3.2)."""
    issued = server.peer(
        "front", allow={"interfaces": ["codes"]}, key={"tid_format": "uuidv7", "max_skew": "30s"}
    )
    front.peer("server")
    front.received.append(Key(issued.id, "server", secret=issued.secret))
    del options(front)["token"]
    options(front)["peer"] = "server"
    server.start()
    front.start()
    for _ in range(3):
        assert answers(front) == 200
        assert answers(front, "1A0F1-NONE") == 404


def test_a_client_certificate(server, front):
    ca = str(server.authority.path)
    server.listener["tls"] |= {"client_certificate": "required", "client_ca": ca}
    certificate, key = server.authority.issue("a.example.net")
    options(front)["tls"] |= {"certificate": str(certificate), "key": str(key)}
    server.start()
    front.start()
    assert answers(front) == 200


def test_without_the_client_certificate_that_is_demanded(server, front):
    ca = str(server.authority.path)
    server.listener["tls"] |= {"client_certificate": "required", "client_ca": ca}
    front.expect_error("/codes/v1: ")
    server.start()
    front.start()
    assert front.ask(front.b, "1A0F1-1").code == "store_unavailable"


@pytest.mark.parametrize(
    "what, words", [("other CA", "certificate"), ("other name", "hostname mismatch")]
)
def test_a_server_that_is_not_the_one(server, front, what, words, tmp_path):
    if what == "other CA":
        (tmp_path / "other").mkdir()
        options(front)["tls"]["ca"] = str(Authority(tmp_path / "other").path)
    else:
        options(front)["tls"]["server_name"] = "codes.example.net"
    front.expect_error("/codes/v1: ")
    server.start()
    front.start()
    assert front.ask(front.b, "1A0F1-1").code == "store_unavailable"
    assert words in json.dumps(front.log("error"))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"url": "http://127.0.0.1:1/"}, "https"),
        ({"url": "https://"}, "url"),
        ({"peer": "b"}, "exclude each other"),
        ({"token": None}, "the server has to know us"),
        ({"token": None, "peer": "nobody"}, 'there is no peer "nobody"'),
        ({"tls": {"ca": "nowhere.pem"}}, "nowhere.pem"),
        ({"batch": 257}, "from 1 to 256"),
        ({"cache": {"ttl": "0"}}, "ttl"),
    ],
    ids=str,
)
def test_options_that_are_wrong(server, front, change, words):
    options(front).update(change)
    if options(front)["token"] is None:
        del options(front)["token"]
    checked = run(CMPD, "-t", "-c", front.write())
    assert checked.returncode == 1 and words in checked.stderr


# ---- when it does not ----


def test_a_server_that_is_down_is_not_an_unknown_code(server, front):
    front.expect_error("/codes/v1: ")
    front.start()
    for _ in range(10):
        answer = front.ask(front.b, "1A0F1-1")
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert answer.headers["retry-after"]
    assert len(front.log("error")) <= 2  # one for each worker
    server.start()
    assert wait_until(front, 200, 2) < SOON
    assert answers(front, "1A0F1-NONE") == 404


def test_it_is_used_again_within_two_seconds(server, front):
    front.expect_error("/codes/v1: ")
    server.start()
    front.start()
    for _ in range(2):
        assert answers(front) == 200
        server.stop()
        for _ in range(20):
            assert answers(front) == 503
        server.start()
        assert wait_until(front, 200, 2) < SOON
    ask_until_logged(front, "it answers again", lambda: answers(front))


def test_what_is_cached_outlives_the_server(server, front):
    front.config["workers"] = 1
    use_cache(front, serve_stale="1h")
    front.expect_error("/codes/v1: ")
    server.start()
    front.start()
    assert answers(front) == 200
    assert answers(front, "1A0F1-NONE") == 404
    server.stop()
    time.sleep(0.3)  # longer than what it holds is good for
    assert answers(front) == 200
    assert answers(front, "1A0F1-U") == 503
    assert answers(front, "1A0F1-NONE") == 503  # nobody can tell


def test_a_server_that_is_slow(server, front):
    server.store("store_async", delay="10s", path=str(server.folder / "trace"))
    server.config["resolve"]["deadline"] = "30s"
    options(front)["timeout"] = "300ms"
    front.expect_error("/codes/v1: ")
    server.start()
    front.start()
    began = time.monotonic()
    assert front.ask(front.b, "1A0F1-ASYNC").code == "store_unavailable"
    assert 0.25 < time.monotonic() - began < 8


def test_our_own_deadline_comes_first(server, front):
    server.store("store_async", delay="10s", path=str(server.folder / "trace"))
    server.config["resolve"]["deadline"] = "30s"
    options(front)["timeout"] = "20s"
    front.config["resolve"]["deadline"] = "300ms"
    server.start()
    front.start()
    began = time.monotonic()
    assert front.ask(front.b, "1A0F1-ASYNC").code == "store_unavailable"
    assert time.monotonic() - began < 8


def test_the_next_store_is_asked_when_the_server_is_down(server, front):
    front.write_codes(CODES[0])
    front.config["resolve"]["stores"] = ["remote", "codes"]
    front.expect_error("/codes/v1: ")
    front.start()
    assert answers(front) == 200
    assert answers(front, "1A0F1-NONE") == 503


class Liar:
    """A server that takes any request and answers with what it is told to."""

    def __init__(self, authority):
        certificate, key = authority.issue("127.0.0.1")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.octets = b""
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(plain, server_side=True) as connection:
                    connection.settimeout(5)
                    connection.recv(65536)
                    connection.sendall(self.octets)
            except OSError:
                pass

    def close(self):
        self.socket.close()


@pytest.fixture
def liar(authority):
    made = Liar(authority)
    yield made
    made.close()


def http(body, status="200 OK", media="application/json"):
    """Whoever asks next is not to find a connection that ends."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


GOOD = b'{"records":[{"ici":"1A0F1-1","content":"x"}]}'
LIES = {
    "nothing": b"",
    "no HTTP": b"\x00\xff garbage\r\n\r\n" * 100,
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": http(GOOD)[:-10],
    "no JSON": http(b"<html>"),
    "HTML": http(GOOD, media="text/html"),
    "an error": http(b"{}", status="500 Oops"),
    "not found": http(b"{}", status="404 Not Found"),
    "a redirect": http(b"", status="302 Found\r\nLocation: https://x.example/"),
    "no frame": http(b'{"ici":"1A0F1-1","content":"x"}'),
    "cut off": http(GOOD[:-1]),
    "another one": http(b'{"records":[{"ici":"1A0F1-2","content":"x"}]}'),
    "twice": http(b'{"records":[%s,%s]}' % ((GOOD[12:-2],) * 2)),
    "a bad record": http(b'{"records":[{"ici":"1A0F1-1","content":7}]}'),
    "invalid UTF-8": http(b'{"records":[{"ici":"1A0F1-1","content":"\xff"}]}'),
    "deep": http(b'{"records":[{"ici":' + b"[" * 50000),
    "too much": http(b'{"records":[{"ici":"1A0F1-1","content":"' + b"x" * 200000 + b'"}]}'),
}


@pytest.mark.parametrize("lie", LIES)
def test_garbage_is_never_an_answer(server, front, liar, lie):
    options(front)["url"] = f"https://127.0.0.1:{liar.port}/codes/v1"
    options(front)["answer_size"] = "100K"
    front.expect_error("/codes/v1: ")
    front.config["workers"] = 1
    front.start()
    for octets, status in ((http(GOOD), 200), (LIES[lie], 503), (http(GOOD), 200)):
        liar.octets = octets
        assert answers(front) == status
    liar.octets = http(b'{"records":[]}')
    assert answers(front) == 404


# ---- under load ----


def test_a_batch_here_is_few_requests_there(server, front):
    records = [{"ici": f"1A0F1-{i}", "content": f"c{i}"} for i in range(200)]
    server.write_codes(*records)
    front.listener["interfaces"] = ["codes"]
    reader = front.token("reader")
    server.start()
    front.start()
    icis = [r["ici"] for r in records]
    answer = front.send(
        path="/codes/v1/lookup",
        carriage=None,
        method="POST",
        body=json.dumps({"icis": icis}).encode(),
        content_type="application/json",
        headers={"authorization": f"Bearer {reader}"},
    )
    assert answer.json == {"records": records}
    assert counted(front, "requests") == 4  # of 64
    assert counted(front, "lookups") == 200


@pytest.mark.threads
def test_requests_that_come_together_are_looked_up_together(server, front):
    server.write_codes(*({"ici": f"1A0F1-{i}", "content": f"c{i}"} for i in range(50)))
    front.config["workers"] = 2
    server.start()
    front.start()
    target = "/mc-3/resolve-ici?"

    def ask_many(_):
        with Http2(front.port, front.authority.path) as connection:
            for _ in range(4):
                streams = [
                    connection.get(target + written(message(front.b, f"1A0F1-{i}").items()))
                    for i in range(50)
                ]
                assert connection.read(*streams)
            return set(connection.status.values())

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert set().union(*pool.map(ask_many, range(4))) == {200}
    assert counted(front, "lookups") == 800
    assert counted(front, "requests") < 600


@pytest.mark.threads
def test_a_server_that_comes_and_goes_under_load(server, front):
    """No wrong answer, ever: what is there is found or not to be told, never absent."""
    front.expect_error("/codes/v1: ")
    server.start()
    front.start()
    over = threading.Event()
    seen = set()

    def ask_on(_):
        while not over.is_set():
            seen.add(answers(front))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(ask_on, i) for i in range(4)]
        try:
            for _ in range(3):
                eventually(lambda: 200 in seen)
                server.stop()
                seen.discard(503)
                eventually(lambda: 503 in seen)
                server.start()
                seen.discard(200)
            eventually(lambda: 200 in seen)
        finally:
            over.set()
        for one in running:
            one.result()
    assert seen == {200, 503}
    eventually(lambda: answers(front) == 200)
