# SPDX-License-Identifier: Apache-2.0
"""Commands on the admin socket: POSTed, answered when every worker has done them."""
import socket

import httpx
import pytest
from daemon import CMPCTL, put_in_place, run
from patience import PATIENCE
from test_keys import ICI, Open


class Admin:
    """A program that speaks to the socket by itself."""

    def __init__(self, site):
        transport = httpx.HTTPTransport(uds=str(site.folder / "admin.sock"))
        self.client = httpx.Client(transport=transport, base_url="http://cmpd", timeout=PATIENCE)

    def post(self, path, **how):
        return self.client.post(path, **how)


@pytest.fixture
def served(site):
    site.config["workers"] = 3
    site.config["admin"] = {"socket": "admin.sock"}
    site.counting()
    return site


def test_new_keys_are_in_force_on_all_workers_when_it_answers(served):
    first = served.peer("b")
    served.start()
    connections = [Open(served) for _ in range(8)]  # of several workers
    admin = Admin(served)
    for _ in range(10):
        key = served.key("b")
        served.write()
        answer = admin.post("/keys")
        assert answer.status_code == 200
        told = answer.json()
        assert told["workers"] == 3 and told["keyring"] == str(served.folder / "keys.yaml")
        for open_one in connections:
            assert open_one.resolve(key) == 200
        served.issued.remove(key)
        served.write()
        assert admin.post("/keys").json()["mark"] != told["mark"]
        for open_one in connections:
            assert open_one.resolve(key) == 401
            assert open_one.resolve(first) == 200


def test_a_wrong_keyring_is_told_with_its_places(served):
    key = served.peer("b")
    served.start()
    admin = Admin(served)
    before = admin.post("/keys").json()
    served.expect_error("the keys read before stay in use")  # the watch may be first
    put_in_place(
        served.folder / "keys.yaml", "issued:\n  - {id: x, peer: nobody, secret: short}\n"
    )
    answer = admin.post("/keys")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    errors = answer.json()["errors"]
    places = {(e["line"], e["key"], e["text"].split(":")[0]) for e in errors}
    assert (2, "issued[0].peer", "there is no such peer") in places
    assert len(errors) == 2 and {e["file"] for e in errors} == {str(served.folder / "keys.yaml")}
    assert Open(served).resolve(key) == 200
    served.write()
    answer = admin.post("/keys")
    assert answer.status_code == 200
    assert answer.json()["mark"] != before["mark"]  # the file is another one, of the same content


def test_without_a_keyring_there_is_nothing_to_take(served):
    served.keep_keyring = True
    del served.config["keys"]
    served.config["listeners"][0] |= {"authenticate": ["vpn"]}
    served.config["plugins"]["vpn"] = {"use": "auth_vpn", "links": []}
    served.peer("b")
    del served.config["plugins"]["hmac"]
    served.start()
    answer = Admin(served).post("/keys")
    assert answer.status_code == 409
    assert "no keyring" in answer.json()["detail"]


@pytest.mark.parametrize("left", [False, True], ids=["no file", "a file that was left"])
@pytest.mark.parametrize(
    "words",
    [["stats"], ["metrics"], ["status", "--once"], ["reload"], ["plugin", "codes", "accept"]],
    ids=lambda words: words[0],
)
def test_that_no_daemon_runs_is_said_alike(tmp_path, words, left):
    path = tmp_path / "admin.sock"
    if left:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    ended = run(CMPCTL, *words, "--socket", path)
    assert ended.returncode == 2
    assert ended.stderr == f"cmpctl: {path}: nobody listens there; does the daemon run?\n"
