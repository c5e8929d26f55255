# SPDX-License-Identifier: Apache-2.0
"""Certificates that are renewed while cmpd runs: new connections get them, open ones go on, and what
does not fit changes nothing. Of both sides: where cmpd serves, and where it asks peers."""
import os
import shutil
import socket
import ssl

import pytest
from authority import Authority
from client import connect, parse, receive_all, written
from daemon import message, put_in_place
from frames import Http2
from reload import reload
from stores import eventually
from world import home_and

ICI, THEIRS = "1A0F1-1", "2B001-1"
RENEWED = "new connections go by its certificate files"


def replace(new, at):
    """In one step."""
    os.rename(shutil.copy(new, f"{at}.new"), at)


class Pair:
    """A certificate and its key under names that stay."""

    def __init__(self, folder, certificate, key, name="own"):
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self.put(certificate, key)

    def put(self, certificate=None, key=None):
        """Each in one step, and with no time in between."""
        both = [(key, self.key), (certificate, self.certificate)]
        ready = [(shutil.copy(new, f"{at}.new"), at) for new, at in both if new is not None]
        for beside, at in ready:
            os.rename(beside, at)

    @property
    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text())

    @property
    def names(self):
        return {"certificate": str(self.certificate), "key": str(self.key)}


@pytest.fixture
def served(site):
    """b asks; the certificate's files are site.pair, and names are what it is for."""
    site.b = site.peer("b")
    site.write_codes({"ici": ICI, "content": "x"})
    tls = site.listener["tls"]
    site.pair = Pair(site.folder, tls["certificate"], tls["key"])
    tls |= site.pair.names
    return site


def issue(site, **how):
    return site.authority.issue("localhost", "127.0.0.1", "a.example.net", **how)


def shown(site):
    with connect(site.port, site.authority.path) as c:
        return c.getpeercert(binary_form=True)


def target(site):
    return "/mc-3/resolve-ici?" + written(message(site.b, ICI).items())


def ask_on(site, connection):
    """Over HTTP/1.1, on a connection that stays open."""
    connection.sendall(f"GET {target(site)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    got = b""
    while b"\r\n\r\n" not in got or not got.endswith(b"}"):
        got += connection.recv(65536)
    return parse(got)


def lines(site, words, level=None):
    return [line for line in site.log(level) if words in line["message"]]


@pytest.mark.threads
def test_new_connections_get_the_new_certificate(served):
    served.start()
    before = shown(served)
    with connect(served.port, served.authority.path) as old, Http2(
        served.port, served.authority.path
    ) as old2:
        served.pair.put(*issue(served))
        eventually(lambda: shown(served) == served.pair.der)
        # On every worker: no handshake shows the old one any more.
        assert {shown(served) for _ in range(20)} == {served.pair.der} != {before}
        assert ask_on(served, old).status == 200
        stream = old2.get(target(served))
        assert old2.read(stream) and old2.status[stream] == 200
    assert served.ask(served.b, ICI).status == 200
    served.wait_for_log("peers: " + RENEWED)


def test_again_and_again(served):
    served.start()
    for _ in range(5):
        served.pair.put(*issue(served))
        eventually(lambda: shown(served) == served.pair.der)
        assert served.ask(served.b, ICI).status == 200
    eventually(lambda: len(lines(served, RENEWED)) == 5)


def test_a_pair_that_does_not_fit(served):
    served.expect_error("listeners[0].tls.key: cannot use")
    served.start()
    before = served.pair.der
    new, key = issue(served)
    served.pair.put(new)
    said = served.wait_for_log("listeners[0].tls.key")["message"]
    assert f"cannot use {served.pair.key}: " in said
    assert "what was read before stays in use" in said
    assert shown(served) == before
    assert served.ask(served.b, ICI).status == 200
    served.pair.put(key=key)
    eventually(lambda: shown(served) == served.pair.der)
    assert len(lines(served, "cannot use")) == 1


def test_what_is_wrong_is_said_once_for_each_change(served):
    served.expect_error("listeners[0].tls")
    served.start()
    before = served.pair.der
    served.pair.certificate.write_text("no certificate\n")
    eventually(lambda: len(lines(served, "listeners[0].tls.certificate", "error")) == 1)
    served.pair.certificate.unlink()
    eventually(lambda: len(lines(served, "listeners[0].tls.certificate", "error")) == 2)
    assert "No such file" in lines(served, "listeners[0].tls.certificate")[1]["message"]
    served.pair.key.unlink()
    eventually(lambda: len(lines(served, "listeners[0].tls.key", "error")) == 1)
    # Looks have gone by, for something else has been noticed since, and nothing is said again.
    keys = served.folder / "keys.yaml"
    put_in_place(keys, keys.read_text() + "\n")
    served.wait_for_log("it has changed")
    assert len(lines(served, "listeners[0].tls.certificate")) == 3
    assert shown(served) == before
    served.pair.put(*issue(served))
    eventually(lambda: shown(served) == served.pair.der)


def test_one_that_has_expired_is_warned_of(served):
    served.start()
    served.pair.put(*issue(served, days=-0.5))
    served.wait_for_log(f"peers: {served.pair.certificate} has expired, at ")
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(served)
    served.pair.put(*issue(served, days=2.5))
    served.wait_for_log(f"peers: {served.pair.certificate} ends in 2 days")
    assert shown(served) == served.pair.der


def test_whose_clients_are_let_in_changes(served, tmp_path):
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    ca = served.folder / "clients.pem"
    shutil.copy(served.authority.path, ca)
    served.listener["tls"] |= {"client_certificate": "required", "client_ca": str(ca)}
    served.start()

    def is_let_in(context):
        try:
            with socket.create_connection(("127.0.0.1", served.port)) as plain:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as c:
                    c.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    return b" 404 " in receive_all(c)[0]
        except (ssl.SSLError, ConnectionError):
            return False

    contexts = []
    for authority in served.authority, other:
        contexts.append(ssl.create_default_context(cafile=str(served.authority.path)))
        contexts[-1].load_cert_chain(*map(str, authority.issue("b.example.net")))
    assert [is_let_in(c) for c in contexts] == [True, False]
    replace(other.path, ca)
    eventually(lambda: is_let_in(contexts[1]))
    assert not is_let_in(contexts[0])


def test_a_reload_does_not_bring_the_old_one_back(served):
    served.config["admin"] = {"socket": "admin.sock"}
    served.start()
    served.pair.put(*issue(served))
    eventually(lambda: shown(served) == served.pair.der)
    reload(served)
    assert shown(served) == served.pair.der
    served.listener["source_connections"] = 100
    assert reload(served)["changed"] == ["listeners.peers"]
    assert shown(served) == served.pair.der
    # A reload reads files that have changed at once, and says what is wrong with them.
    served.expect_error("listeners[0].tls.key: cannot use")
    served.expect_error("the new configuration is not taken")
    good = served.pair.der
    new, key = issue(served)
    served.pair.put(new)
    assert any("listeners[0].tls.key: cannot use" in line for line in reload(served, good=False))
    assert shown(served) == good
    served.pair.put(key=key)
    reload(served)
    assert shown(served) == served.pair.der != good


# ---- towards peers ----


@pytest.fixture
def asking(world, tmp_path):
    """Home asks b, which wants to see a certificate of our CA; home shows that of home.pair, and
    trusts home.ca."""
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    b.holds(**{THEIRS: "x"})
    b.config["limits"] = {"request_timeout": "1m"}  # a connection that is open stays open
    b.listener["tls"] |= {
        "client_certificate": "required",
        "client_ca": str(world.authority.path),
    }
    (tmp_path / "other").mkdir()
    home.other = Authority(tmp_path / "other")
    home.pair = Pair(home.folder, *world.authority.issue(home.host), name="client")
    home.ca = home.folder / "trusted.pem"
    shutil.copy(world.authority.path, home.ca)
    home.entry("b")["tls"] |= home.pair.names | {"ca": str(home.ca)}
    world.start()
    home.b = b
    return home


def again(node):
    """Connections to it are new ones afterwards."""
    node.stop()
    node.start()


def test_a_peer_is_shown_the_new_certificate(world, asking):
    assert asking.scan(THEIRS).status == 200
    asking.pair.put(*asking.other.issue(asking.host))
    asking.wait_for_log("b: " + RENEWED)
    assert asking.scan(THEIRS).status == 200  # on the connection that is open
    again(asking.b)
    eventually(lambda: asking.scan(THEIRS).status == 502)
    asking.pair.put(*world.authority.issue(asking.host))
    eventually(lambda: asking.scan(THEIRS).status == 200)


def test_a_peer_is_shown_the_old_one_while_the_new_does_not_fit(world, asking):
    asking.expect_error("b: cannot use the key")
    asking.pair.put(world.authority.issue(asking.host)[0])
    said = asking.wait_for_log("b: cannot use the key")["message"]
    assert str(asking.pair.key) in said and "what was read before stays in use" in said
    again(asking.b)
    assert asking.scan(THEIRS).status == 200
    assert len(lines(asking, "cannot use the key")) == 1


def test_whom_a_peer_is_trusted_to_be_signed_by_changes(world, asking):
    replace(asking.other.path, asking.ca)
    asking.wait_for_log("b: " + RENEWED)
    again(asking.b)
    eventually(lambda: asking.scan(THEIRS).status == 502)
    replace(world.authority.path, asking.ca)
    eventually(lambda: asking.scan(THEIRS).status == 200)


def test_a_peer_is_warned_of_as_well(world, asking):
    asking.pair.put(*world.authority.issue(asking.host, days=2.5))
    asking.wait_for_log(f"b: {asking.pair.certificate} ends in 2 days")
