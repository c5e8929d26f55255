# SPDX-License-Identifier: Apache-2.0
"""Started as root, cmpd serves as somebody who may do nothing else."""
import os
import pwd
import shutil
import tempfile
from pathlib import Path

import pytest
from daemon import BUILD, CMPCTL, CMPD, Site, run
from patience import PATIENCE

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop"),
]


def others_may_enter(folder):
    return all(one.stat().st_mode & 0o001 for one in (folder, *folder.parents))


@pytest.fixture
def open_site(authority):
    """A site in a folder that everybody may enter, as /etc is."""
    folder = Path(tempfile.mkdtemp(prefix="cmpd-"))
    folder.chmod(0o755)
    site = Site(folder, authority)
    # Where they were, nobody else may look; a running cmpd looks whether they have changed.
    for what, file in site.listener["tls"].items():
        site.listener["tls"][what] = shutil.copy(file, site.folder)
    yield site
    try:
        site.stop()
    finally:
        shutil.rmtree(folder)


def status_of(site, name):
    for line in Path(f"/proc/{site.process.pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split()[1:]
    raise AssertionError(name)


def test_user_and_group_are_taken_before_serving(open_site):
    site = open_site
    b = site.peer("b")
    site.config |= {"user": "nobody", "group": "nogroup"}
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.start()
    assert site.ask(b, "1A0F1-1").status == 200
    nobody = pwd.getpwnam("nobody")
    assert status_of(site, "Uid") == [str(nobody.pw_uid)] * 4
    assert status_of(site, "Gid") == [str(nobody.pw_gid)] * 4
    assert set(status_of(site, "Groups")) <= {str(nobody.pw_gid)}
    for set_of in ("CapEff", "CapPrm", "CapInh"):
        assert int(status_of(site, set_of)[0], 16) == 0
    for thread in Path(f"/proc/{site.process.pid}/task").iterdir():
        assert f"Uid:\t{nobody.pw_uid}\t" in (thread / "status").read_text()


def test_the_keyring_may_stay_roots(open_site):
    site = open_site
    b = site.peer("b")
    site.config |= {"user": "nobody"}
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.start()
    assert (site.folder / "keys.yaml").stat().st_uid == 0
    assert site.ask(b, "1A0F1-1").status == 200


def test_what_the_user_cannot_read_again(open_site):
    """Renewed certificates would be passed over in silence: it is said beforehand, once a file."""
    site = open_site
    site.peer("b")
    site.config["user"] = "nobody"
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    path = site.write()
    for file in site.folder.iterdir():
        file.chmod(0o644)
    keys, key = site.folder / "keys.yaml", Path(site.listener["tls"]["key"])
    for file in keys, key:
        file.chmod(0o600)
    checked = run(CMPD, "-t", "-c", path)
    said = [line for line in checked.stderr.splitlines() if "cannot read" in line]
    assert checked.returncode == 0 and len(said) == 2, checked.stderr
    assert f"listeners[0].tls.key: the user nobody cannot read {key}: " in checked.stderr
    assert f"chown nobody {key}" in checked.stderr
    assert f"keys: the user nobody cannot read {keys}: " in checked.stderr
    site.keep_keyring = True
    site.start()
    site.wait_for_log(f"the user nobody cannot read {key}")
    site.stop()
    codes = site.folder / "codes.ndjson"
    for file in keys, key, codes:
        os.chown(file, pwd.getpwnam("nobody").pw_uid, -1)
        file.chmod(0o600)
    checked = run(CMPD, "-t", "-c", path)
    assert checked.returncode == 0 and "cannot read" not in checked.stderr
    os.chown(codes, 0, 0)
    path.chmod(0o600)
    checked = run(CMPD, "-t", "-c", path)
    assert f"plugins.codes.path: the user nobody cannot read {codes}: " in checked.stderr
    assert f"the user nobody cannot read {path}: " in checked.stderr


@pytest.mark.skipif(not others_may_enter(BUILD), reason="nobody cannot start this program")
def test_a_restart_needs_no_way_to_make_what_it_is_handed(open_site):
    """Root has made the admin socket where the user could not."""
    site = open_site
    b = site.peer("b")
    site.config |= {"user": "nobody", "admin": {"socket": "admin.sock"}}
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.write()
    for file in site.folder / "keys.yaml", Path(site.listener["tls"]["key"]):
        os.chown(file, pwd.getpwnam("nobody").pw_uid, -1)
    site.start()
    for _ in range(2):
        assert site.restart().wait(PATIENCE) == 0
        assert site.ask(b, "1A0F1-1").status == 200
    # Another place is to be made, and cannot be.
    before, site.config["admin"]["socket"] = site.folder / "admin.sock", "other.sock"
    site.write()
    site.expect_error("admin.socket: the socket cannot be made")
    site.expect_error("no restart: ")
    ended = run(CMPCTL, "restart", "--socket", before)
    assert ended.returncode == 1 and "the socket cannot be made" in ended.stderr


def test_a_user_that_does_not_exist(open_site):
    open_site.peer("b")
    open_site.config["user"] = "no-such-user"
    ended = run(CMPD, "-t", "-c", open_site.write())
    assert ended.returncode == 1 and "no-such-user" in ended.stderr


@pytest.mark.parametrize(
    "settings, said",
    [
        ({"group": "nogroup"}, "group: a group needs a user beside it"),
        ({"user": "nobody", "group": "no-such-group"}, 'group: there is no group "no-such-group"'),
    ],
)
def test_a_group_that_cannot_be_taken(open_site, settings, said):
    open_site.peer("b")
    open_site.config |= settings
    ended = run(CMPD, "-t", "-c", open_site.write())
    assert ended.returncode == 1 and said in ended.stderr


def test_the_users_own_group(open_site):
    """Where the configuration names none."""
    site = open_site
    b = site.peer("b")
    site.config["user"] = "nobody"
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.start()
    assert site.ask(b, "1A0F1-1").status == 200
    assert status_of(site, "Gid") == [str(pwd.getpwnam("nobody").pw_gid)] * 4


def test_started_as_somebody_who_is_not_root(open_site):
    """The configuration's user is then not taken, and that is said."""
    site = open_site
    b = site.peer("b")
    site.config["user"] = "daemon"
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.write()
    site.keep_keyring = True
    for file in [site.folder, *site.folder.iterdir()]:
        os.chown(file, pwd.getpwnam("nobody").pw_uid, -1)
    site.wrapped = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    site.start()
    assert site.ask(b, "1A0F1-1").status == 200
    assert status_of(site, "Uid") == [str(pwd.getpwnam("nobody").pw_uid)] * 4
    assert "user daemon is not used" in site.log_text()


PLACES = {
    "a folder of root's": ("journal", "path", "roots", "Permission denied"),
    "in a folder of root's": ("journal", "path", "roots/journal", "Permission denied"),
    "in a folder that is missing": ("journal", "path", "none/journal", "No such file or directory"),
    "a memory in a folder of root's": ("replay", "file", "roots/replay", "Permission denied"),
}


@pytest.mark.parametrize("dropped", [False, True], ids=["by nobody", "by root for nobody"])
@pytest.mark.parametrize("place", PLACES)
def test_a_check_finds_what_could_not_be_written(open_site, place, dropped):
    """As the start would: records would be lost, or it would not start. Beside other errors, too."""
    site = open_site
    section, key, path, why = PLACES[place]
    (site.folder / "roots").mkdir(mode=0o755)
    site.config[section] = {key: path}
    site.config["peers"].append({"name": "b", "rate": "many"})
    how = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    if dropped:
        site.config["user"], how = "nobody", {}
    config = site.write()
    for file in site.folder.iterdir():
        if file.is_file():
            os.chown(file, pwd.getpwnam("nobody").pw_uid, -1)
    ended = run(CMPD, "-t", "-c", config, **how)
    assert ended.returncode == 1
    (said,) = [line for line in ended.stderr.splitlines() if f": {section}.{key}: " in line]
    assert said.endswith(why)
    assert "peers[0].rate: " in ended.stderr
    del site.config["peers"][0]["rate"]
    site.config[section] = {key: "nobodys/it"}
    (site.folder / "nobodys").mkdir()
    os.chown(site.folder / "nobodys", pwd.getpwnam("nobody").pw_uid, -1)
    ended = run(CMPD, "-t", "-c", site.write(), **how)
    assert ended.returncode == 0, ended.stderr
    assert list((site.folder / "nobodys").iterdir()) == []


def test_the_admin_sockets_folder_is_somebody_elses(open_site):
    site = open_site
    site.config["admin"] = {"socket": "/run/admin-of-cmpd.sock"}
    path = site.write()
    for file in site.folder.iterdir():
        os.chown(file, pwd.getpwnam("nobody").pw_uid, -1)
    assert run(CMPD, "-t", "-c", path).returncode == 0, "root may write there"
    ended = run(CMPD, "-t", "-c", path, user="nobody", group="nogroup", extra_groups=[])
    assert ended.returncode == 1
    assert "cannot be made in /run by uid 65534: Permission denied" in ended.stderr
