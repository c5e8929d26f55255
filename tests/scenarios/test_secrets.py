# SPDX-License-Identifier: Apache-2.0
"""Where secrets may stand, who may read them, and what is said about it. None is ever shown."""
import os
import signal
import subprocess
import time

import pytest
from daemon import CMPCTL, CMPD, run
from patience import PATIENCE
from signing import Key
from world import home_and

TOKEN = "a-token-that-nobody-shall-see"


def remote(site, **options):
    site.store("store_remote", url="https://localhost:1/codes/v1", **options)
    return site.config["plugins"]["special"]


def check(site, env=None, mode=0o644):
    path = site.write()
    path.chmod(mode)
    ended = run(CMPD, "-t", "-c", path, env=os.environ | (env or {}), stdin=subprocess.DEVNULL)
    assert TOKEN not in ended.stdout + ended.stderr
    return ended


# ---- in a configuration ----


def test_everybody_can_read_it(site):
    remote(site, token=TOKEN)
    said = check(site)
    assert said.returncode == 0
    assert "plugins.special.token: everybody can read the file" in said.stderr
    assert "everybody can read the file" not in check(site, mode=0o640).stderr


@pytest.mark.parametrize(
    "url, told",
    [
        ("postgresql://cmp:hush@localhost:1/codes", True),
        ("postgresql://localhost:1/codes?password=hush", True),
        ("postgresql://cmp@localhost:1/codes", False),
        ("postgresql://localhost:1/codes", False),
        ("postgresql://cmp:${PASSWORD}@localhost:1/codes", False),
        ("sqlite:codes.db", False),
    ],
)
def test_a_url_with_a_password(site, url, told):
    site.store("store_sql", url=url)
    said = check(site, {"PASSWORD": "hush"})
    assert ("everybody can read the file" in said.stderr) == told, said.stderr
    assert "hush" not in said.stderr


def test_a_token_of_the_environment(site):
    remote(site, token="${TOKEN_OF_OURS}")
    assert check(site, {"TOKEN_OF_OURS": TOKEN}).returncode == 0
    ended = check(site)
    assert ended.returncode == 1 and "the environment has no TOKEN_OF_OURS" in ended.stderr
    remote(site, token="${token}")
    ended = check(site)
    assert ended.returncode == 1 and "is written ${NAME}" in ended.stderr
    assert "cmpd.yaml:" in ended.stderr and "plugins.special.token" in ended.stderr


def test_a_secret_in_a_file_of_its_own(site):
    url = site.folder / "url"
    url.write_text(f"sqlite:{site.folder}/codes.db\n")
    url.chmod(0o600)
    site.store("store_sql", url_file="url")
    assert check(site).returncode == 0
    url.chmod(0o640)
    ended = check(site)
    assert ended.returncode == 1
    assert "plugins.special.url_file" in ended.stderr and "is open to others" in ended.stderr
    ended = check(site, {"CREDENTIALS_DIRECTORY": str(site.folder)})
    assert ended.returncode == 0, ended.stderr
    site.store("store_sql", url_file="${CREDENTIALS_DIRECTORY}/url")
    ended = check(site, {"CREDENTIALS_DIRECTORY": str(site.folder)})
    assert ended.returncode == 0, ended.stderr
    site.store("store_sql", url_file="url", url="sqlite:codes.db")
    ended = check(site)
    assert ended.returncode == 1 and "exclude each other" in ended.stderr


def test_the_keyring_of_somebody_else(site):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    site.config["user"] = "nobody"
    path = site.write()
    os.chown(site.folder / "keys.yaml", 1, 1)
    for words in (["-t"], []):
        ended = run(CMPD, *words, "-c", path)
        assert ended.returncode == 1 and "belongs to the user with the id 1" in ended.stderr
    os.chown(site.folder / "keys.yaml", 65534, 65534)
    assert run(CMPD, "-t", "-c", path).returncode == 0
    del site.config["user"]  # root's check cannot know who will start it
    checked = run(CMPD, "-t", "-c", site.write())
    assert checked.returncode == 0
    assert "belongs to the user with the id 65534 (nobody): good for a service" in checked.stderr


# ---- private keys ----


def encrypt(key):
    words = ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:hush", "-out", f"{key}.enc"]
    assert run(*words).returncode == 0
    return f"{key}.enc"


def test_an_encrypted_key_is_refused_without_a_question(site):
    tls = site.listener["tls"]
    tls["key"] = encrypt(tls["key"])
    site.config["peers"].append(
        {
            "name": "b",
            "host": "b.example.net",
            "url": "https://localhost:1",
            "sign_with": "hmac",
            "tls": {"certificate": tls["certificate"], "key": tls["key"]},
        }
    )
    path = site.write()
    leader, follower = os.openpty()  # a terminal at which OpenSSL could ask
    started = subprocess.Popen(
        [CMPD, "-t", "-c", path],
        stdin=follower,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    said = started.communicate(timeout=PATIENCE)[1]
    os.close(leader), os.close(follower)
    assert started.returncode == 1
    assert said.count("it is encrypted, and there is nobody to ask") == 2
    assert "listeners[0].tls.key" in said and "peers[0].url[0]" in said


def test_a_key_that_everybody_can_read(site):
    os.chmod(site.listener["tls"]["key"], 0o644)
    path = site.write()
    ended = run(CMPD, "-t", "-c", path)
    assert ended.returncode == 0 and "is open to others (mode 0644)" in ended.stderr
    os.chmod(site.listener["tls"]["key"], 0o640)
    assert "is open to others" not in run(CMPD, "-t", "-c", path).stderr


def test_a_common_name_is_no_name(world, authority):
    b = world.cmp("b", "2B001")
    home = home_and(world, b)
    b.holds(**{"2B001-1": "one"})
    certificate, key = authority.issue("b.example.net", only_common_name=True)
    home.entry("b", tls={"ca": str(authority.path), "server_name": "b.example.net"})
    b.listener["tls"] = {"certificate": str(certificate), "key": str(key)}
    world.start()
    assert home.scan("2B001-1").status == 502
    home.wait_for_log("hostname mismatch")


# ---- the keyring, changed ----


def test_keys_of_two_peers_with_one_id(site):
    keys = site.folder / "ring.yaml"

    def ctl(*words, **how):
        return run(CMPCTL, "keys", *words, "--keys", keys, **how)

    for peer in ("b", "c"):
        made = ctl("import", "--peer", peer, "--id", "x", input=f"a secret of the peer {peer}")
        assert made.returncode == 0, made.stderr
    again = ctl("import", "--peer", "c", "--id", "x", input="a secret of the peer c")
    assert again.returncode != 0 and 'the id "x" from c already' in again.stderr
    assert ctl("list").stdout.count("received") == 2
    words = ("--tid", "t", "--ici", "i", "--keys", keys, "--id", "x")
    assert "say whose with --peer" in run(CMPCTL, "sign", *words).stderr
    signed = [run(CMPCTL, "sign", *words, "--peer", peer).stdout for peer in ("b", "c")]
    for peer, said in zip(("b", "c"), signed):
        assert Key("x", peer, f"a secret of the peer {peer}".encode()).sign("t", "i") in said
    ended = ctl("revoke", "--id", "x")
    assert ended.returncode != 0 and "say whose with --peer" in ended.stderr
    assert ctl("revoke", "--id", "x", "--peer", "b", "--delete").returncode == 0
    assert ctl("revoke", "--id", "x", "--peer", "d").returncode != 0
    assert " c " in ctl("list").stdout and " b " not in ctl("list").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_while_saving_no_copy_stays(site, number):
    """Killed at moments spread over its whole run: nothing but the keyring and its lock is left. Only
    between two system calls, of which the one names what the other renames, SIGKILL may come in time;
    the next command takes that away."""
    folder = site.folder / "ring"
    folder.mkdir()
    words = [CMPCTL, "keys", "issue", "--keys", folder / "keys.yaml", "--peer", "b"]
    began = time.monotonic()
    assert run(*words).returncode == 0
    took = time.monotonic() - began
    fresh = folder / "keys.yaml.new"
    caught = 0
    for i in range(40):
        fresh.unlink(missing_ok=True)
        started = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(took * i / 40)
        started.send_signal(number)
        started.wait()
        left = {path.name for path in folder.iterdir()} - {"keys.yaml", "keys.yaml.lock"}
        assert left <= {fresh.name}, i
        caught += fresh.exists()
    assert caught <= (1 if number == signal.SIGKILL else 0)
    fresh.write_text("secrets of somebody who was killed")
    assert run(*words).returncode == 0 and not fresh.exists()
    assert run(CMPCTL, "keys", "list", "--keys", folder / "keys.yaml").returncode == 0
