# SPDX-License-Identifier: Apache-2.0
"""`cmpctl keys` waits for the daemon's word: in force on so many workers, or why not."""
import os

import pytest
from daemon import CMPCTL, run
from signing import Key
from test_keys import Open
from test_watchdog import Asking


@pytest.fixture
def served(site):
    site.config["workers"] = 3
    site.config["admin"] = {"socket": "admin.sock"}
    site.counting()
    site.first = site.peer("b")
    return site


def keys(site, *words, config=True, **how):
    where = ("--config", site.folder / "cmpd.yaml") if config else ()
    return run(CMPCTL, "keys", *words, *where, **how)


def in_force(ended, workers=3):
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith(f"keys.yaml: in force on {workers} workers\n")
    return ended.stdout


def issued_key(said, id):
    secret = next(line.split()[1] for line in said.splitlines() if " apikey " in line)
    return Key(id, "b", secret=secret.encode())


def everywhere(site):
    """One open connection after the other: of several workers."""
    return [Open(site) for _ in range(12)]


def test_each_change_is_in_force_when_the_command_ends(served):
    served.listener["interfaces"].append("codes")
    served.start()
    connections = everywhere(served)

    def all_are(status, ask):
        assert [ask(c) for c in connections] == [status] * len(connections)

    new = issued_key(in_force(keys(served, "issue", "--peer", "b", "--id", "k-new")), "k-new")
    all_are(200, lambda c: c.resolve(new))
    in_force(keys(served, "revoke", "--id", "k-new"))
    all_are(401, lambda c: c.resolve(new))
    said = in_force(keys(served, "token", "--name", "reader"))
    token = next(line.split()[1] for line in said.splitlines() if " token " in line)
    all_are(200, lambda c: c.read(token))
    in_force(keys(served, "revoke", "--id", "reader", "--delete"))
    all_are(401, lambda c: c.read(token))
    words = ("import", "--peer", "b", "--id", "theirs", "--secret-format", "hex")
    in_force(keys(served, *words, input="ab" * 32))
    served.wait_for_log("from now on 2 issued, 1 received keys, 0 tokens")
    all_are(200, lambda c: c.resolve(served.first))


def test_the_socket_and_the_file_can_be_named(served):
    served.start()
    words = ("--keys", served.folder / "keys.yaml", "--socket", served.folder / "admin.sock")
    in_force(keys(served, "issue", "--peer", "b", *words, config=False))


def test_one_worker_is_one(served):
    served.config["workers"] = 1
    served.start()
    ended = keys(served, "issue", "--peer", "b")
    assert ended.stdout.endswith("keys.yaml: in force on 1 worker\n")


def test_nobody_has_to_wait(served):
    served.start()
    ended = keys(served, "issue", "--peer", "b", "--no-wait")
    assert ended.returncode == 0 and "in force" not in ended.stdout
    assert ended.stdout.endswith("saved; a cmpd that runs takes it within a second\n")
    ended = keys(served, "issue", "--peer", "b", "--keys", served.folder / "keys.yaml", config=False)
    assert ended.returncode == 0 and "--config would wait for its word" in ended.stdout
    served.wait_for_log("from now on 3 issued")


def test_without_a_daemon(served):
    served.write()
    ended = keys(served, "revoke", "--id", served.first.id)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"saved; nobody listens at {served.folder}/admin.sock" in ended.stdout
    served.keep_keyring = True
    served.start()
    assert Open(served).resolve(served.first) == 401
    served.process.kill()
    served.process.wait()
    served.process = None
    assert (served.folder / "admin.sock").exists()
    ended = keys(served, "revoke", "--id", served.first.id, "--delete")
    assert ended.returncode == 0 and "nobody listens at" in ended.stdout


def test_without_an_admin_socket(served):
    del served.config["admin"]
    served.write()
    ended = keys(served, "revoke", "--id", served.first.id)
    assert ended.returncode == 0 and "admin.socket is not configured" in ended.stdout


def test_what_the_daemon_does_not_take_is_said_with_its_place(served):
    """Without the configuration nobody knows of its peers before."""
    served.expect_error("there is no such peer")  # if it sees the file before it is asked
    served.start()
    where = ("--keys", served.folder / "keys.yaml", "--socket", served.folder / "admin.sock")
    ended = keys(served, "issue", "--peer", "nobody", "--id", "k-new", *where, config=False)
    assert ended.returncode == 1
    assert "issued[1].peer: there is no such peer" in ended.stderr
    assert f"{served.folder}/keys.yaml:" in ended.stderr
    assert "saved, but not in force" in ended.stderr
    assert " apikey " in ended.stdout  # it was saved, and is good as soon as the rest is
    assert Open(served).resolve(served.first) == 200
    in_force(keys(served, "revoke", "--id", "k-new", "--delete"))


IMPORT = ("import", "--id", "k-new", "--secret-format", "hex")


@pytest.mark.parametrize("words", [("issue", "--id", "k-new"), IMPORT])
@pytest.mark.parametrize(
    "peer, said",
    [
        ("handsett", 'there is no peer "handsett"; did you mean "handset"?'),
        ("nobody-known", 'there is no peer "nobody-known", and cmpd refuses a keyring with a key of one'),
    ],
)
def test_a_peer_that_is_none_gets_no_key(served, words, peer, said):
    """cmpd would refuse the keyring as a whole: no revocation after it would come in force."""
    served.config["peers"].append({"name": "handset"})
    served.start()
    before = (served.folder / "keys.yaml").read_bytes()
    ended = keys(served, *words, "--peer", peer, input="ab" * 32)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"cmpctl: {served.folder}/cmpd.yaml: {said}\n"
    assert (served.folder / "keys.yaml").read_bytes() == before
    in_force(keys(served, "revoke", "--id", served.first.id))


def test_a_keyring_with_a_peer_that_is_gone_is_mended_and_not_added_to(served):
    served.peer("gone")
    served.write()
    served.config["peers"] = [p for p in served.config["peers"] if p["name"] != "gone"]
    served.keep_keyring = True
    served.write()
    for words in (("issue", "--peer", "b"), ("token", "--name", "reader")):
        ended = keys(served, *words)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "keys.yaml: issued[1].peer: there is no such peer" in ended.stderr
    left = next(key for key in served.issued if key.peer == "gone")
    ended = keys(served, "revoke", "--id", left.id, "--delete")
    assert ended.returncode == 0, ended.stderr
    served.start()
    in_force(keys(served, "issue", "--peer", "b"))


def test_a_daemon_with_another_keyring(served):
    served.start()
    other = served.folder / "other.yaml"
    ended = keys(served, "issue", "--peer", "b", "--keys", other)
    assert ended.returncode == 1 and other.exists()
    assert f"has read {served.folder}/keys.yaml, which is not this file" in ended.stderr


def test_a_socket_that_one_may_not_use(served):
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    served.start()
    for path in served.folder.parents:
        if not path.stat().st_mode & 0o001:
            path.chmod(0o755)
    served.folder.chmod(0o777)
    served.expect_error("the keyring cannot be opened: there is none")  # until it is there again
    (served.folder / "keys.yaml").unlink()
    ended = keys(served, "issue", "--peer", "b", user=65534, group=65534, extra_groups=[])
    assert ended.returncode == 2, ended
    assert "Permission denied; ask as the daemon's user or as root" in ended.stderr
    assert "saved; whether it is in force is not known" in ended.stderr


def test_a_configuration_that_is_wrong_changes_nothing(served):
    served.start()
    before = (served.folder / "keys.yaml").read_bytes()
    (served.folder / "cmpd.yaml").write_text("cmp: {hots: x}\n")
    ended = keys(served, "revoke", "--id", served.first.id)
    assert ended.returncode == 2 and "cmpd.yaml:1:" in ended.stderr
    assert (served.folder / "keys.yaml").read_bytes() == before


def test_a_worker_that_a_plugin_holds(served):
    """The one that serves the socket could say nothing; it is chance which one is held."""
    served.config["workers"] = 8
    go_on = served.folder / "go_on"
    served.store("store_fault", how="hold", hold="1m", until=str(go_on), where="lookup")
    served.config["watchdog"] = {"stall": "50ms", "stuck_after": "1m"}
    served.start()
    while True:
        asking = Asking(served, served.first)
        held = served.wait_for_log("in lookup of special")["message"].split()[1]
        if held != "0":
            break
        go_on.touch()
        asking.join()
        go_on.unlink()
        served.stop()
        served.log_path.unlink()  # it tells of this one
        served.start()
    ended = keys(served, "issue", "--peer", "b", "--id", "k-new")
    assert ended.returncode == 1 and asking.is_alive()
    assert f"the keyring was read, but a plugin holds worker {held}" in ended.stderr
    go_on.touch()
    asking.join()
    in_force(keys(served, "revoke", "--id", "k-new"), workers=8)
