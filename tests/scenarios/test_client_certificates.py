# SPDX-License-Identifier: Apache-2.0
"""What an auth plugin is shown of a client's certificate: in every version of TLS, in a resumed
session, and never of another connection (tests/plugins/auth_certificate.c)."""
import hashlib
import socket
import ssl

import pytest
from authority import Authority
from client import receive_all, written
from daemon import message

V = ssl.TLSVersion
ICI = "1A0F1-1"


def fingerprint(path):
    der = ssl.PEM_cert_to_DER_cert(path.read_text())
    return hashlib.sha256(der).hexdigest()


@pytest.fixture
def shown(site, tmp_path):
    """b is known by the subject of a certificate of our CA, c by the fingerprint of another's."""
    site.peer("b")
    site.peer("c")
    site.write_codes({"ici": ICI, "content": "x"})
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    site.of_b = site.authority.issue("b.example.net", "192.0.2.7", "2001:db8::7")
    site.of_c = other.issue("c.example.net")
    site.of_nobody = other.issue("b.example.net")  # says that it is b
    site.config["plugins"]["certificate"] = {
        "use": "auth_certificate",
        "holders": [
            {"subject": "CN=b.example.net", "peer": "b"},
            {"sha256": fingerprint(site.of_c[0]), "peer": "c"},
        ],
    }
    site.listener["authenticate"] = ["certificate", "hmac"]
    site.listener["tls"] |= {
        "client_certificate": "optional",
        "client_ca": str(site.authority.path),
    }
    return site


def context_of(site, certificate, version):
    context = ssl.create_default_context(cafile=str(site.authority.path))
    context.minimum_version = context.maximum_version = version
    if certificate:
        context.load_cert_chain(*map(str, certificate))
    return context


def ask(site, context, session=None):
    """One request; its status, the session for the next one, and whether this one was resumed."""
    query = written(message(None, ICI).items())
    with socket.create_connection(("127.0.0.1", site.port)) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as c:
            head = f"GET /mc-3/resolve-ici?{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            c.sendall(head.encode())
            got, _ = receive_all(c)
            return int(got.split()[1]), c.session, c.session_reused


@pytest.mark.parametrize("version", [V.TLSv1_2, V.TLSv1_3], ids=["1.2", "1.3"])
def test_who_is_known_by_his_certificate(shown, version):
    shown.start()
    for certificate, status, peer in [
        (shown.of_b, 200, "b"),
        (shown.of_c, 200, "c"),
        (shown.of_nobody, 401, None),
        (None, 401, None),
    ]:
        context, session = context_of(shown, certificate, version), None
        before = len(shown.log())
        for resumed in (False, True, True):
            got, session, reused = ask(shown, context, session)
            assert (got, reused) == (status, resumed)
        lines = [line for line in shown.log()[before:] if line["message"] == "request"]
        assert [line["peer"] for line in lines] == ([peer] * 3 if peer else [])


def test_what_is_shown(shown):
    shown.start()
    ask(shown, context_of(shown, shown.of_b, V.TLSv1_3))
    names = "3 names, dns b.example.net, ip 192.0.2.7, ip 2001:db8::7"
    shown.wait_for_log("shown: CN=b.example.net, verified, " + names)
    ask(shown, context_of(shown, shown.of_nobody, V.TLSv1_3))
    shown.wait_for_log("shown: CN=b.example.net, not verified, 1 names, dns b.example.net")


def test_a_session_of_another_client_shows_his_certificate_to_nobody(shown):
    """Who has no certificate gets nothing by a ticket of his own, and has nobody else's."""
    shown.start()
    of_b, nobody = context_of(shown, shown.of_b, V.TLSv1_3), context_of(shown, None, V.TLSv1_3)
    assert ask(shown, of_b)[0] == 200
    status, session, _ = ask(shown, nobody)
    assert status == 401
    assert ask(shown, nobody, session)[::2] == (401, True)
    assert ask(shown, of_b)[0] == 200


def test_without_a_certificate_it_is_the_next_ones_turn(shown):
    b = shown.key("b")
    shown.start()
    assert shown.ask(b, ICI).status == 200
    assert shown.ask(b, ICI, http2=True).status == 200


def test_a_listener_that_asks_for_none_shows_none(shown):
    shown.listener["tls"] = {k: v for k, v in shown.listener["tls"].items() if "client" not in k}
    shown.start()
    assert ask(shown, context_of(shown, shown.of_b, V.TLSv1_3))[0] == 401
    assert "shown:" not in shown.log_text()


def test_with_a_large_certificate(shown):
    """More names than are shown: the rest is left out, and the request is answered."""
    names = [f"n{i}.example.net" for i in range(200)]
    certificate = shown.authority.issue(*names)
    shown.start()
    assert ask(shown, context_of(shown, certificate, V.TLSv1_3))[0] == 401
    shown.wait_for_log("shown: CN=n0.example.net, verified, 64 names")
