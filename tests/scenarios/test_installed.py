# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` puts there is whole, and starts as it was shipped: as its own user, with the
folders, the unit's capabilities and the samples, in a file system of its own."""
import os
import re
import shutil
import sqlite3
import stat
import subprocess

import pytest
import yaml
from daemon import BUILD, ROOT, run
from patience import PATIENCE

ours = sorted(folder.name for folder in (ROOT / "plugins").iterdir() if folder.is_dir())


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """An installation outside /usr, and outside of what was said when it was built."""
    folder = tmp_path_factory.mktemp("installed")
    folder.chmod(0o755)
    ended = run("cmake", "--install", BUILD, "--prefix", folder / "opt")
    assert ended.returncode == 0, ended.stderr
    return folder / "opt"


def test_it_is_complete(prefix):
    installed = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    ends = (
        "sbin/cmpd",
        "bin/cmpctl",
        "lib/systemd/system/cmpd.service",
        "lib/sysusers.d/cmpd.conf",
        "lib/tmpfiles.d/cmpd.conf",
        "share/cmpd/monitoring/cmpd-alerts.yml",
        "share/cmpd/monitoring/cmpd-alerts.test.yml",
        "share/cmpd/monitoring/cmpd-dashboard.json",
        "share/cmpd/monitoring/cmpd-prometheus.yml",
        "share/cmpd/openapi/codes.yaml",
        "share/cmpd/samples/cmpd.yaml",
        "share/cmpd/samples/home.yaml",
        "share/cmpd/samples/cmpd-peers.socket",
        "share/cmpd/samples/codes.ndjson",
        "share/cmpd/sql/sqlite/001_codes.sql",
        "share/cmpd/sql/postgresql/001_codes.sql",
        "share/man/man8/cmpd.8",
        "share/man/man1/cmpctl.1",
        "share/man/man5/cmpd.yaml.5",
        "include/cmp/plugin.h",
        "include/cmp-kit/text.h",
        "lib/libcmp-kit.a",
        "lib/pkgconfig/cmp-sdk.pc",
        "lib/cmake/CmpSdk/CmpSdkConfig.cmake",
    )
    assert [end for end in ends if end not in installed] == []


def test_it_finds_its_plugins_from_where_it_lies(prefix):
    listed = run(prefix / "sbin" / "cmpd", "--list-plugins")
    assert listed.returncode == 0, listed.stderr
    assert [line.split()[0] for line in listed.stdout.splitlines() if line] == ours


def test_a_schema_is_named_where_it_was_installed(prefix, site):
    site.config["plugins"]["codes"] = {"use": "store_sql", "url": "sqlite:codes.db", "create": False}
    site.config["plugin_path"] = []
    with sqlite3.connect(site.folder / "codes.db") as database:
        database.execute("create table cmp_schema (version integer)")
        database.execute("insert into cmp_schema values (0)")
    ended = run(prefix / "sbin" / "cmpd", "-t", "-c", site.write())
    assert ended.returncode == 1
    assert f"run {prefix}/share/cmpd/sql/sqlite/001_codes.sql" in ended.stderr


# ---- the unit, with the user and the folders that come with it ----

USR = ("usr", "bin", "sbin", "lib", "lib64")


def unit_values(prefix):
    """The service section, a list for each key."""
    values = {}
    for line in (prefix / "lib/systemd/system/cmpd.service").read_text().splitlines():
        if re.match(r"[A-Za-z]+=", line):
            key, value = line.split("=", 1)
            values.setdefault(key, []).append(value)
    return values


def test_systemd_understands_the_unit(prefix):
    ended = run("systemd-analyze", "verify", "--man=no", prefix / "lib/systemd/system/cmpd.service")
    said = [line for line in ended.stderr.splitlines() if "cmpd" in line]
    assert said == [], ended.stderr


@pytest.fixture
def machine(prefix, authority, tmp_path):
    """The root of a file system with this installation, its user and its folders."""
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o755)
    for name in USR:
        os.symlink(os.readlink("/" + name), root / name) if os.path.islink("/" + name) else (
            root / name
        ).mkdir(exist_ok=True)
    for name in ("etc/ssl", "dev", "proc", "run", "tmp", "var/lib", str(prefix)[1:]):
        (root / name).mkdir(parents=True)
    shutil.copy("/etc/ld.so.cache", root / "etc")
    for tool, file in (("systemd-sysusers", "sysusers.d"), ("systemd-tmpfiles", "tmpfiles.d")):
        command = [tool, f"--root={root}", prefix / "lib" / file / "cmpd.conf"]
        if tool == "systemd-tmpfiles":
            command.insert(2, "--create")
        ended = run(*command)
        assert ended.returncode == 0, ended.stderr
    return root


def enter(root, prefix, script):
    """Runs a script in that file system, with a network of its own."""
    mounts = [f"mount --bind /{name} {root}/{name}" for name in USR if not os.path.islink("/" + name)]
    lines = [
        "set -e",
        "ip link set lo up",
        *mounts,
        f"mount --bind {prefix} {root}{prefix}",
        f"mount --bind /dev {root}/dev",
        f"mount -t proc proc {root}/proc",
        script,
    ]
    return subprocess.Popen(
        ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", "\n".join(lines)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def as_the_unit_says(prefix, root, command):
    """systemd's part, as far as it decides about a start: user, groups, capabilities, umask, and a
    file system that is read only but for the folders of its own."""
    unit = unit_values(prefix)
    caps = ",".join("+" + cap.removeprefix("CAP_").lower() for cap in unit["AmbientCapabilities"])
    assert unit["ProtectSystem"] == ["strict"]
    writable = ["/var/lib/" + unit["StateDirectory"][0], "/run/" + unit["RuntimeDirectory"][0]]
    binds = "\n".join(f"mount --bind {root}{path} {root}{path}" for path in writable)
    return f"""
mount --bind {root}/etc {root}/etc && mount -o remount,ro,bind {root}/etc
{binds}
umask {unit["UMask"][0]}
chroot {root} setpriv --reuid {unit["User"][0]} --regid {unit["Group"][0]} --init-groups \
    --bounding-set=-all,{caps} --inh-caps=-all,{caps} --ambient-caps=-all,{caps} --no-new-privs {command}
"""


def install_sample(root, prefix, authority, name):
    """As README says: the sample, a certificate, and the peers' keys."""
    host = re.search(r"host: (\S+)", (prefix / "share/cmpd/samples" / name).read_text())[1]
    certificate, key = authority.issue(host)
    etc = root / "etc/cmpd"
    owner = etc / "keys.yaml"
    for source, target in (
        (prefix / "share/cmpd/samples" / name, "cmpd.yaml"),
        (prefix / "share/cmpd/samples/codes.ndjson", "codes.ndjson"),
        (certificate, "server.pem"),
        (key, "server.key"),
        (authority.path, "ca.pem"),
    ):
        shutil.copy(source, etc / target)
        (etc / target).chmod(0o644)
    shutil.copy(key, etc / "server.key")
    (etc / "server.key").chmod(0o600)
    os.chown(etc / "server.key", owner.stat().st_uid, owner.stat().st_gid)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of its own needs root")
@pytest.mark.parametrize(
    "sample",
    ["cmpd.yaml", "home.yaml", "resolving.yaml", "split-parent.yaml", "split-child.yaml", "mcr.yaml"],
)
def test_it_starts_as_shipped(machine, prefix, authority, sample):
    unit = unit_values(prefix)
    install_sample(machine, prefix, authority, sample)
    (keys,) = (machine / "etc/cmpd").glob("keys.yaml")
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert [words.split()[0] for words in unit["ExecStartPre"] + unit["ExecStart"]] == [
        f"{prefix}/sbin/cmpd"
    ] * 2
    # What a peer hands over is taken in by root; the keyring stays the daemon's.
    peer = yaml.safe_load((machine / "etc/cmpd/cmpd.yaml").read_text())["peers"][0]["name"]
    taken = run(prefix / "bin/cmpctl", "keys", "issue", "--keys", keys, "--peer", peer)
    assert taken.returncode == 0, taken.stderr

    checked = enter(machine, prefix, as_the_unit_says(prefix, machine, unit["ExecStartPre"][0]))
    said, _ = checked.communicate(timeout=PATIENCE)
    assert checked.returncode == 0, said

    served = enter(machine, prefix, as_the_unit_says(prefix, machine, unit["ExecStart"][0]))
    said = []
    try:
        for line in served.stdout:
            said.append(line)
            if "ready:" in line:
                break
        else:
            raise AssertionError("".join(said))
        assert (machine / "run/cmpd/admin.sock").is_socket()
        uid = (machine / "etc/cmpd/keys.yaml").stat().st_uid
        assert uid != 0 and (machine / "run/cmpd/admin.sock").stat().st_uid == uid
    finally:
        served.kill()
        served.wait()
