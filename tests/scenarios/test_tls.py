# SPDX-License-Identifier: Apache-2.0
"""MC-3 and MC-6 run over https only (9.3.2), and over a TLS of today."""
import os
import socket
import ssl

import pytest
from client import connect, receive_all
from daemon import CMPD, run
from patience import PATIENCE

V = ssl.TLSVersion


@pytest.fixture
def served(site):
    site.b = site.peer("b")
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    return site.start()


@pytest.mark.parametrize("version, name", [(V.TLSv1_2, "TLSv1.2"), (V.TLSv1_3, "TLSv1.3")])
@pytest.mark.parametrize("alpn", ["h2", "http/1.1"])
def test_versions_of_today(served, version, name, alpn):
    with connect(
        served.port, served.authority.path, alpn=[alpn], lowest=version, highest=version
    ) as c:
        assert (c.version(), c.selected_alpn_protocol()) == (name, alpn)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [V.TLSv1, V.TLSv1_1], ids=["1.0", "1.1"])
def test_versions_of_yesterday_are_refused(served, version):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(served.port, served.authority.path, lowest=version, highest=version)
    assert served.ask(served.b, "1A0F1-1").status == 200


def test_plain_http_gets_no_answer(served):
    with socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE) as plain:
        plain.sendall(b"GET /mc-3/resolve-ici HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got, closed = receive_all(plain)
    assert closed and b"HTTP/" not in got


def test_the_certificate_is_for_its_names_only(served):
    context = ssl.create_default_context(cafile=str(served.authority.path))
    with socket.create_connection(("127.0.0.1", served.port)) as plain:
        with pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname="b.example.net")


def test_http2_can_be_switched_off(site):
    b = site.peer("b")
    site.listener["http2"] = False
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.start()
    with connect(site.port, site.authority.path, alpn=["h2", "http/1.1"]) as c:
        assert c.selected_alpn_protocol() == "http/1.1"
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
    got, closed = site.exchange(preface)
    assert closed and not got.startswith(b"\0\0")
    assert site.ask(b, "1A0F1-1").status == 200


def test_clients_may_have_to_show_a_certificate(site):
    site.peer("b")
    ca = str(site.authority.path)
    site.listener["tls"] |= {"client_certificate": "required", "client_ca": ca}
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.start()
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        with connect(site.port, site.authority.path) as c:  # TLS 1.3 tells it after the handshake
            c.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert receive_all(c)[0] != b""

    context = ssl.create_default_context(cafile=str(site.authority.path))
    context.load_cert_chain(*map(str, site.authority.issue("b.example.net")))
    for _ in range(2):  # the second one resumes
        with socket.create_connection(("127.0.0.1", site.port)) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as c:
                c.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert b" 404 " in receive_all(c)[0]


def test_clients_may_show_a_certificate(site):
    """Whoever they are, and whoever signed it: it is for auth plugins to judge."""
    b = site.peer("b")
    site.listener["tls"]["client_certificate"] = "optional"
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.start()
    assert site.ask(b, "1A0F1-1").status == 200
    context = ssl.create_default_context(cafile=str(site.authority.path))
    context.load_cert_chain(*map(str, site.authority.issue("b.example.net")))
    with socket.create_connection(("127.0.0.1", site.port)) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as c:
            c.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert b" 404 " in receive_all(c)[0]


@pytest.mark.parametrize("interface", ["mc-3", "mc-6"])
def test_a_listener_without_tls_is_a_configuration_error(site, interface):
    site.peer("b")
    del site.listener["tls"]
    site.listener["interfaces"] = [interface]
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1
    assert "cmpd.yaml:" in ended.stderr and "tls" in ended.stderr.lower()
    assert run(CMPD, "-c", site.folder / "cmpd.yaml").returncode == 1


def test_a_handshake_has_its_time(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.config["limits"] = {"handshake_timeout": "5s"}
    site.peer("b")
    site.start()
    hello = b"\x16\x03\x01\x02\x00\x01"  # what a ClientHello begins with
    for sent in (b"", hello):
        with socket.create_connection(("127.0.0.1", site.port)) as silent:
            silent.sendall(sent)
            assert receive_all(silent) == (b"", True)
    assert site.counter("handshakes", "late") == 2
    with socket.create_connection(("127.0.0.1", site.port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert receive_all(plain)[1]
    with connect(site.port, site.authority.path) as c:
        c.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b" 404 " in receive_all(c)[0]
    assert site.counter("handshakes", "failed") == 1
    assert site.counter("handshakes", "done") == 1


def pem_files(site, authority):
    """(certificate, key) that do not do, by what is said of them."""
    certificate, key = authority.issue("a.example.net")
    other_key = authority.issue("b.example.net")[1]
    rsa, damaged, pipe = (site.folder / name for name in ("rsa", "damaged", "pipe"))
    run("openssl", "genrsa", "-out", rsa, "2048")
    lines = certificate.read_text().splitlines()
    damaged.write_text("\n".join([*lines[:2], "*" + lines[2][1:], *lines[3:]]) + "\n")
    os.mkfifo(pipe)
    return {
        "certificate: cannot use {certificate}: there is no PEM certificate in it": (key, key),
        "certificate: cannot use {certificate}: its PEM text is damaged": (damaged, key),
        "certificate: cannot use {certificate}: it is no regular file": (pipe, key),
        "certificate: cannot use {certificate}: No such file or directory": ("/none", key),
        "key: cannot use {key}: it is not the key of the certificate": (certificate, other_key),
        "key: cannot use {key}: it is not the key of the certificate ": (certificate, rsa),
        "key: cannot use {key}: there is no PEM key in it that OpenSSL can use": (
            certificate,
            certificate,
        ),
        "key: cannot use {key}: it is no regular file": (certificate, pipe),
    }


def test_what_is_wrong_with_a_file_is_said_in_words(site):
    site.peer("b", host="b.example.net", url="https://b.example.net", sign_with="none")
    good = site.listener["tls"]
    peer = site.config["peers"][0]
    for told, (certificate, key) in pem_files(site, site.authority).items():
        told = told.strip().format(certificate=certificate, key=key)
        site.listener["tls"] = {"certificate": str(certificate), "key": str(key)}
        peer["tls"] = {}
        ended = run(CMPD, "-t", "-c", site.write())
        assert ended.returncode == 1 and f"listeners[0].tls.{told}\n" in ended.stderr, ended.stderr
        site.listener["tls"] = good
        peer["tls"] = {"certificate": str(certificate), "key": str(key)}
        ended = run(CMPD, "-t", "-c", site.write())
        words = told.replace(": cannot use ", " ", 1)
        assert ended.returncode == 1 and f"cannot use the {words}\n" in ended.stderr, ended.stderr


@pytest.mark.parametrize("told", ["it is no regular file", "there is no PEM certificate in it"])
def test_what_is_wrong_with_a_file_of_cas(site, told):
    file = site.folder / "ca"
    if "regular" in told:
        os.mkfifo(file)
    else:
        file.write_text("nothing\n")
    site.peer("b", host="b.example.net", url="https://b.example.net", sign_with="none",
              tls={"ca": str(file)})
    site.listener["tls"] |= {"client_ca": str(file), "client_certificate": "required"}
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1
    assert f"listeners[0].tls.client_ca: cannot use {file}: {told}\n" in ended.stderr
    assert f"cannot use the CA {file}: {told}\n" in ended.stderr
