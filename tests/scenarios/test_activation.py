# SPDX-License-Identifier: Apache-2.0
"""Sockets from whoever starts the daemon (systemd, LISTEN_FDS)."""
import concurrent.futures
import configparser
import json
import socket
import sys
from pathlib import Path

import activate
import pytest
import yaml
from daemon import CMPD, ROOT, free_port, run
from patience import PATIENCE

ICI = "1A0F1-1"


@pytest.fixture
def given():
    """Makes sockets that listen, and closes them at the end."""
    made = []

    def make(port=None, kind=socket.SOCK_STREAM, listens=True, dual=False):
        one = socket.socket(socket.AF_INET6 if dual else socket.AF_INET, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if dual:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.bind(("::" if dual else "127.0.0.1", port or free_port()))
        if listens and kind == socket.SOCK_STREAM:
            one.listen(100)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def b(site):
    site.write_codes({"ici": ICI, "content": "x"})
    site.config["workers"] = 3
    return site.peer("b")


def hand(site, **sockets):
    """From now on, the daemon is started with these."""
    pairs = ",".join(f"{name}={one.fileno()}" for name, one in sockets.items())
    site.handed = [one.fileno() for one in sockets.values()]
    site.wrapped = [sys.executable, str(Path(activate.__file__)), pairs]


def refused(site):
    """What is said by a start that fails."""
    words = [*site.wrapped, str(CMPD), "-c", site.write()]
    ended = run(*words, pass_fds=site.handed)
    assert ended.returncode == 1, ended
    return ended.stderr


def test_a_socket_is_found_by_its_address(site, b, given):
    hand(site, whatever=given(site.port))
    site.start()
    site.wait_for_log(f"listener peers at 127.0.0.1:{site.port}, handed over")
    assert [site.ask(b, ICI).status for _ in range(12)] == [200] * 12


def test_a_socket_is_found_by_its_name(site, b, given):
    one = given()
    hand(site, peers=one)
    site.start()
    assert site.ask(b, ICI, port=one.getsockname()[1]).status == 200
    with pytest.raises(Exception, match="refused"):
        site.ask(b, ICI)


def test_other_listeners_are_bound_as_ever(site, b, given):
    more = free_port()
    site.config["listeners"].append(site.listener | {"name": "more", "bind": f"127.0.0.1:{more}"})
    hand(site, more=given(more))
    site.start()
    assert [site.ask(b, ICI, port=port).status for port in (site.port, more)] == [200, 200]


def test_who_comes_while_it_is_stopped_waits(site, b, given):
    """And is answered by whoever comes."""
    hand(site, peers=given(site.port))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            asked = [pool.submit(site.ask, b, ICI) for _ in range(4)]
            site.start()
            assert [a.result().status for a in asked] == [200] * 4
            site.stop()


def test_it_is_handed_on_at_a_restart(site, b, given):
    site.config["admin"] = {"socket": "admin.sock"}
    hand(site, peers=given(site.port))
    site.start()
    for _ in range(2):
        assert site.restart().wait(PATIENCE) == 0
        assert [site.ask(b, ICI).status for _ in range(12)] == [200] * 12


def test_a_socket_without_a_listener_is_named(site, b, given):
    lost = given()
    hand(site, peers=given(site.port), lost=lost)
    said = refused(site)
    where = f"127.0.0.1:{lost.getsockname()[1]}"
    assert f"LISTEN_FDS: no listener is at descriptor 4 (lost), listening at {where}" in said


def test_a_name_does_not_say_which_of_several_addresses(site, b, given):
    lost = given()
    hand(site, peers=lost)
    site.listener["bind"] = [f"127.0.0.1:{site.port}", f"127.0.0.2:{site.port}"]
    where = f"127.0.0.1:{lost.getsockname()[1]}"
    assert (
        f"no listener is at descriptor 3 (peers), listening at {where}: the listener of that name has "
        "several others" in refused(site)
    )


def test_the_sample_socket_is_the_one_of_the_sample_configuration(site, b, given):
    """As they are: a number alone is a socket of both families to systemd."""
    unit = configparser.ConfigParser()
    unit.read(ROOT / "etc" / "systemd" / "cmpd-peers.socket")
    name, port = unit["Socket"]["FileDescriptorName"], unit["Socket"]["ListenStream"]
    sample = yaml.safe_load((ROOT / "etc" / "cmpd.yaml").read_text())
    (binds,) = [l["bind"] for l in sample["listeners"] if l["name"] == name]
    one = given(dual=True)
    here = str(one.getsockname()[1])
    site.listener["bind"] = json.loads(json.dumps(binds).replace(port, here))
    hand(site, **{name: one})
    site.start()
    site.wait_for_log(f"listener peers at [::]:{here}, handed over")
    assert site.ask(b, ICI, port=int(here)).status == 200


@pytest.mark.parametrize(
    "how, said",
    [
        ({"kind": socket.SOCK_DGRAM}, "it is a datagram socket, expected one that listens for TCP"),
        ({"listens": False}, "it does not listen"),
    ],
)
def test_another_kind_of_socket_is_named(site, b, given, how, said):
    hand(site, peers=given(**how))
    assert f"LISTEN_FDS: descriptor 3 (peers): {said}" in refused(site)


def test_what_is_for_another_process_is_left_alone(site, b, given):
    site.environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1"}
    site.start()
    assert site.ask(b, ICI).status == 200
