# SPDX-License-Identifier: Apache-2.0
"""The SDK's examples of a store and of a route, in a daemon. (auth_bearer: test_bearer.py.)"""

import pytest
import stores
from daemon import BUILD, ROOT, SANITIZED, run

EXAMPLES = sorted(path.stem for path in (ROOT / "sdk/examples").glob("*.c"))


@pytest.fixture
def shelf(site):
    """A store_kv with one code."""
    (site.folder / "codes.txt").write_text("# codes\n1A0F1-1 = https://kv.example.net/1\n")
    return stores.Shelf(site, {"use": "store_kv", "path": "codes.txt", "check_interval": "100ms"})


def test_a_file_of_keys_and_values(shelf):
    shelf.start()
    assert shelf.content("1A0F1-1") == "https://kv.example.net/1"
    assert shelf.ask("1A0F1-2").status == 404


def test_it_is_written_while_a_daemon_reads_it(shelf):
    shelf.start()
    shelf.take({"ici": "1A0F1-2", "content": "https://kv.example.net/2"})
    stores.eventually(lambda: shelf.ask("1A0F1-2").status == 200)
    listed = shelf.codes("list")
    assert listed.stdout.split() == ["1A0F1-1", "1A0F1-2"]
    refused = shelf.codes("put", '{"ici":"1A0F1-3","content":"two\\nlines"}')
    assert refused.returncode == 2
    assert "this store holds contents of one line" in refused.stderr
    removed = shelf.codes("remove", "1A0F1-1")
    assert removed.returncode == 0, removed.stderr
    stores.eventually(lambda: shelf.ask("1A0F1-1").status == 404)
    assert (shelf.site.folder / "codes.txt").read_text() == "1A0F1-2 = https://kv.example.net/2\n"


def test_users_are_shared_out_and_stay(world):
    hops = [world.recipient(name) for name in ("b", "c")]
    home = world.cmp("a", "1A0F1")
    for hop in hops:
        world.join(home, hop)
    home.config["plugins"]["shared"] = {
        "use": "route_weighted",
        "prefix": "2B0",
        "salt": "pepper",
        "peers": [{"peer": "b", "weight": 1}, {"peer": "c", "weight": 1}],
    }
    home.config["resolve"]["routes"] = ["shared"]
    for hop in hops:
        hop.codes["2B001-1"] = f"https://{hop.name}.example.net/"
    asking = home.peer("asking")
    home.start()
    ways = {}
    for _ in range(2):
        for user in (f"user-{i}" for i in range(20)):
            content = home.ask(asking, "2B001-1", more={"user": user}).json["content"]
            assert ways.setdefault(user, content) == content
    assert set(ways.values()) == {"https://b.example.net/", "https://c.example.net/"}
    assert "user-1" not in home.log_text()


@pytest.mark.skipif(SANITIZED, reason="nobody installs what was built with a sanitizer")
def test_they_are_built_with_an_installed_sdk(tmp_path):
    """As they were installed, by their own Makefile."""
    ended = run("cmake", "--install", BUILD, "--component", "sdk", "--prefix", tmp_path)
    assert ended.returncode == 0, ended.stderr
    folder = tmp_path / "share/cmpd/examples"
    ended = run("make", "-C", folder, f"PKG_CONFIG_PATH={tmp_path}/lib/pkgconfig", "CFLAGS=-O0")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(path.stem for path in folder.glob("*.so")) == EXAMPLES
