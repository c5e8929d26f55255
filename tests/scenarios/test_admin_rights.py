# SPDX-License-Identifier: Apache-2.0
"""Who may what on the admin socket: the right to read, and the right to change, by groups."""
import grp
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from daemon import CMPCTL, CMPD, ROOT, run
from patience import PATIENCE
from test_privileges import open_site  # noqa: F401

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as others"),
]

OPS, WATCHERS, OTHERS = "games", "users", "tape"  # groups that every Debian has
SCRIPT = """
import http.client, json, socket, sys
connection = http.client.HTTPConnection("cmpd")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
for line in sys.stdin:
    connection.request(*line.split(), body=None)
    answer = connection.getresponse()
    print(answer.status, answer.read().decode().split("\\n")[0], flush=True)
"""


def as_member(*groups):
    """How to run something as nobody, who is in these groups."""
    extra = [grp.getgrnam(name).gr_gid for name in groups]
    return {"user": "nobody", "group": "nogroup", "extra_groups": extra}


def cmpctl(site, member, *words):
    return run(CMPCTL, *words, "--socket", site.folder / "admin.sock", **member)


class Asker:
    """A connection that is kept, of a process with these groups."""

    def __init__(self, site, member):
        command = [sys.executable, "-c", SCRIPT, str(site.folder / "admin.sock")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, **pipes, **member)

    def ask(self, method, path):
        self.process.stdin.write(f"{method} {path}\n")
        self.process.stdin.flush()
        status, body = self.process.stdout.readline().split(" ", 1)
        return int(status), body

    def close(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)


@pytest.fixture
def site(open_site):  # noqa: F811
    """With a socket, and no groups yet."""
    open_site.config["admin"] = {"socket": "admin.sock"}
    open_site.b = open_site.peer("b")
    open_site.write_codes({"ici": "1A0F1-1", "content": "x"})
    return open_site


@pytest.fixture
def shared(site):
    site.config["admin"] |= {"operators": [OPS], "readers": [WATCHERS]}
    return site.start()


def mode(site):
    return (site.folder / "admin.sock").stat().st_mode & 0o777


def test_without_groups_it_is_the_daemons_own(site):
    site.start()
    assert mode(site) == 0o600
    ended = cmpctl(site, as_member(OPS), "stats")
    assert ended.returncode == 2
    assert "Permission denied" in ended.stderr and "admin.readers" in ended.stderr
    assert cmpctl(site, {}, "stats").returncode == 0


def test_readers_read_and_operators_change(shared):
    assert mode(shared) == 0o666
    reader, operator = as_member(OTHERS, WATCHERS), as_member(OPS)
    for words in (["status", "--once"], ["peers"], ["stats"], ["metrics"], ["plugins"]):
        for member in (reader, operator):
            ended = cmpctl(shared, member, *words)
            assert (ended.returncode, ended.stderr) == (0, ""), words
    assert "accept" in cmpctl(shared, reader, "plugin", "codes").stdout
    assert cmpctl(shared, reader, "explain", "1A0F1-1").returncode == 0
    assert cmpctl(shared, reader, "log-level").returncode == 0
    words = (
        "user 65534 has no right to change something here: that have root, cmpd's own user, and of "
        f"groups {OPS} (admin.operators)\n"
    )
    for command in (["drain"], ["undrain"], ["reload"], ["restart"], ["log-level", "info"],
                    ["plugin", "codes", "accept"]):
        ended = cmpctl(shared, reader, *command)
        assert ended.returncode == 1 and ended.stderr.endswith(words), ended.stderr
    for command in (["drain"], ["undrain"], ["reload"], ["plugin", "codes", "accept"]):
        ended = cmpctl(shared, operator, *command)
        assert ended.returncode == 0, ended.stderr
    shared.wait_for_log("user 65534: /drain")


def test_who_is_in_no_group_has_no_right(shared):
    ended = cmpctl(shared, as_member(OTHERS), "status", "--once")
    assert ended.returncode == 2 and "user 65534 has no right to read here" in ended.stderr
    assert f"{OPS} (admin.operators), {WATCHERS} (admin.readers)" in ended.stderr
    ended = cmpctl(shared, as_member(OTHERS), "metrics")
    assert ended.returncode == 2 and "has no right to read here" in ended.stderr


def test_the_primary_group_counts_and_many_groups_are_no_matter(shared):
    primary = {"user": "nobody", "group": WATCHERS, "extra_groups": []}
    assert cmpctl(shared, primary, "stats").returncode == 0
    last = grp.getgrnam(WATCHERS).gr_gid
    many = as_member() | {"extra_groups": [*range(20000, 20200), last]}
    assert cmpctl(shared, many, "stats").returncode == 0


def rows():
    """Path and right of all that is answered there, as the two tables have it."""
    tables = "".join((ROOT / "core" / name).read_text() for name in
                     ("daemon/commands.c", "admin/admin.c"))
    return re.findall(r'(QUESTION|COMMAND|ANSWER)\("(\S+)", (READ|CHANGE), \w+', tables)


def test_each_has_its_right_and_nothing_is_left_out(shared):
    """No command is done: a reader is refused, and a stranger whatever it asks."""
    reader, stranger = Asker(shared, as_member(WATCHERS)), Asker(shared, as_member(OTHERS))
    assert len(rows()) >= 12
    for kind, path, right in rows():
        assert (right == "CHANGE") == (kind == "COMMAND"), path
        method = "POST" if kind == "COMMAND" else "GET"
        status, body = reader.ask(method, path)
        assert (status == 403) == (right == "CHANGE"), path
        assert stranger.ask(method, path)[0] == 403, path
        assert stranger.ask("GET", path)[0] == 403, path
    for one in (reader, stranger):
        one.close()
    assert not [line for line in shared.log() if line["area"] == "admin"]


def test_a_stranger_keeps_nobody_out(shared):
    """Who connects and says nothing gives way."""
    script = """
import socket, sys
held = [socket.socket(socket.AF_UNIX) for _ in range(40)]
for one in held:
    one.connect(sys.argv[1])
print("connected", flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(shared.folder / "admin.sock")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    crowd = subprocess.Popen(command, **pipes, **as_member())
    assert crowd.stdout.readline() == "connected\n"
    for _ in range(3):
        assert cmpctl(shared, as_member(WATCHERS), "stats").returncode == 0
        assert cmpctl(shared, {}, "drain").returncode == 0
    crowd.communicate(timeout=PATIENCE)


def test_a_reload_changes_who_may_what(site):
    site.start()
    site.config["admin"]["readers"] = WATCHERS
    site.write()
    ended = cmpctl(site, {}, "reload", "--json")
    assert ended.returncode == 0 and json.loads(ended.stdout)["restart"] == []
    assert mode(site) == 0o666
    reader = Asker(site, as_member(WATCHERS))
    assert reader.ask("GET", "/stats")[0] == 200
    del site.config["admin"]["readers"]
    site.write()
    assert cmpctl(site, {}, "reload").returncode == 0
    assert mode(site) == 0o600
    status, body = reader.ask("GET", "/stats")
    assert status == 403 and "nobody (admin.operators), nobody (admin.readers)" in body
    reader.close()


def test_a_process_that_takes_over_goes_by_its_own(site):
    site.start()
    site.config["admin"]["operators"] = str(grp.getgrnam(OPS).gr_gid)
    site.write()
    before = site.restart()
    assert before.wait(PATIENCE) == 0
    assert mode(site) == 0o666
    assert cmpctl(site, as_member(OPS), "drain").returncode == 0
    assert cmpctl(site, as_member(WATCHERS), "stats").returncode == 2


def test_the_daemons_own_user_needs_no_group(site):
    site.config |= {"user": "nobody", "group": "nogroup"}
    for file in site.listener["tls"].values():
        shutil.chown(file, "nobody")
    site.write()
    site.keep_keyring = True
    shutil.chown(site.folder, "nobody")
    shutil.chown(site.folder / "keys.yaml", "nobody")
    site.start()
    assert cmpctl(site, as_member(), "drain").returncode == 0
    assert cmpctl(site, {}, "undrain").returncode == 0


def test_a_group_that_is_not_there(site):
    site.config["admin"] |= {"operators": [OPS, "no-such"], "readers": "neither"}
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1
    assert 'admin.operators[1]: there is no group "no-such"' in ended.stderr
    assert 'admin.readers[0]: there is no group "neither"' in ended.stderr


def test_a_row_without_a_right_does_not_compile():
    """The preprocessor says so."""
    text = (ROOT / "core/daemon/commands.c").read_text()
    text = re.sub(r"^#include .*$", "", text, flags=re.M)
    row = 'COMMAND("/drain", CHANGE, drain_command)'
    assert row in text

    def preprocessed(source):
        return subprocess.run(["cc", "-E", "-"], input=source, capture_output=True, text=True)

    assert preprocessed(text).returncode == 0
    wrong = preprocessed(text.replace(row, 'COMMAND("/drain", drain_command)'))
    assert wrong.returncode != 0 and "COMMAND" in wrong.stderr
