# SPDX-License-Identifier: Apache-2.0
"""Revocation lists of peers' and clients' CAs: read again when they change, and an error of that peer
alone when they are over."""
import socket
import ssl

import pytest
from authority import Authority
from client import receive_all
from cryptography import x509
from cryptography.x509.oid import NameOID
from daemon import CMPD, run
from stores import eventually
from world import home_and

ICI, OTHER = "2B001-1", "3C001-1"


@pytest.fixture
def pair(world):
    """Home asks b, of whose CA it has a list, and c, of whose it has none."""
    b, c = world.cmp("b", "2B001"), world.cmp("c", "3C001")
    home = home_and(world, b)
    world.join(home, c, prefixes=["3C001"])
    b.holds(**{ICI: "x"})
    b.config["limits"] = {"request_timeout": "1m"}  # a connection that is open stays open
    c.holds(**{OTHER: "y"})
    home.crl = home.folder / "crl.pem"
    home.entry("b")["tls"]["crl"] = str(home.crl)
    return home, b


def again(node):
    """Its connections are new ones afterwards."""
    node.stop()
    node.start()


def test_a_peer_is_revoked_while_cmpd_runs(world, pair):
    home, b = pair
    world.authority.revoke(home.crl)
    world.start()
    assert home.scan(ICI).status == 200
    world.authority.revoke(home.crl, b.listener["tls"]["certificate"])
    home.wait_for_log("crl.pem has changed: 1 revocation lists")
    assert home.scan(ICI).status == 200  # on the connection that is open
    again(b)
    eventually(lambda: home.scan(ICI).status == 502)
    assert "crl.pem: certificate revoked" in home.wait_for_log("certificate revoked")["message"]
    assert home.scan(OTHER).status == 200
    world.authority.revoke(home.crl)
    eventually(lambda: home.scan(ICI).status == 200)


def test_a_list_that_is_over_is_an_error_of_its_peer(world, pair):
    home, b = pair
    world.authority.revoke(home.crl, hours=-1)
    checked = run(CMPD, "-t", "-c", home.write())
    assert checked.returncode == 0 and "a revocation list in it is over" in checked.stderr
    world.start()
    assert (home.scan(ICI).status, home.scan(OTHER).status) == (502, 200)
    home.wait_for_log("CRL has expired")
    world.authority.revoke(home.crl)
    eventually(lambda: home.scan(ICI).status == 200)


def test_a_ca_without_a_list_is_named(world, pair, tmp_path):
    home, _ = pair
    other = Authority(tmp_path)
    other.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "another CA")])
    other.revoke(home.crl)
    world.start()
    assert (home.scan(ICI).status, home.scan(OTHER).status) == (502, 200)
    home.wait_for_log("there is no revocation list of the CA /CN=cmpd test CA in it")


def test_a_bad_list_leaves_the_old_one(world, pair):
    home, b = pair
    world.authority.revoke(home.crl, b.listener["tls"]["certificate"])
    home.expect_error("no revocation list can be read")
    world.start()
    assert home.scan(ICI).status == 502
    home.crl.write_text("no list\n")
    eventually(lambda: home.scan(ICI).status == 502 and "no revocation list" in home.log_text())
    assert home.scan(ICI).status == 502
    world.authority.revoke(home.crl)
    eventually(lambda: home.scan(ICI).status == 200)


@pytest.mark.parametrize("text", [None, "", "-----BEGIN X509 CRL-----\nno\n-----END X509 CRL-----\n"])
def test_a_list_that_cannot_be_read_stops_the_start(world, pair, text):
    home, b = pair
    if text is not None:
        home.crl.write_text(text)
    checked = run(CMPD, "-t", "-c", home.write())
    assert checked.returncode == 1 and "cannot use the revocation lists" in checked.stderr


def test_a_client_is_revoked_while_cmpd_runs(site):
    crl = site.folder / "crl.pem"
    certificate, key = site.authority.issue("b.example.net")
    site.authority.revoke(crl)
    site.listener["tls"] |= {
        "client_certificate": "required",
        "client_ca": str(site.authority.path),
        "client_crl": str(crl),
    }
    site.start()
    context = ssl.create_default_context(cafile=str(site.authority.path))
    context.load_cert_chain(str(certificate), str(key))

    def is_let_in():
        try:
            with socket.create_connection(("127.0.0.1", site.port)) as plain:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as c:
                    c.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    return b" 404 " in receive_all(c)[0]
        except (ssl.SSLError, ConnectionError):
            return False

    assert is_let_in() and is_let_in()
    site.authority.revoke(crl, certificate)
    eventually(lambda: not is_let_in())
    assert not is_let_in()
    site.authority.revoke(crl)
    eventually(is_let_in)


def test_a_list_needs_its_ca(site):
    site.listener["tls"]["client_crl"] = site.authority.revoke(site.folder / "crl.pem")
    checked = run(CMPD, "-t", "-c", site.write())
    assert checked.returncode == 1 and "client_crl: needs client_ca" in checked.stderr
