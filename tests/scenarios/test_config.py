# SPDX-License-Identifier: Apache-2.0
"""A wrong configuration is told whole: every error, where it is, what was expected."""
import copy
import itertools
import re

import pytest
from daemon import CMPD, SANITIZER_MARKS, run

PLACE = re.compile(r"cmpd\.yaml:(\d+):(\d+): (?!warning: )")


def check(site, text=None):
    path = site.write()
    if text is not None:
        path.write_text(text)
    return run(CMPD, "-t", "-c", path)


def test_a_good_one(site):
    site.peer("b", rate="500/s", prefixes=["2B001"], host="b.example.net")
    ended = check(site)
    assert ended.returncode == 0, ended.stderr


def test_a_good_one_opens_nothing(site):
    """The check must be possible beside the cmpd that runs."""
    site.peer("b")
    site.start()
    assert run(CMPD, "-t", "-c", site.folder / "cmpd.yaml").returncode == 0


def test_all_errors_are_listed(site):
    site.peer("b")
    site.config["wrokers"] = 4
    site.config["cmp"]["host"] = "not a host"
    site.listener["interfaces"] = ["mc-9"]
    site.listener["authenticate"] = ["hmc"]
    site.listener["tls"]["certificate"] = "/nonexistent/a.pem"
    site.config["resolve"]["deadline"] = "soon"
    site.config["resolve"]["stores"] = ["codez"]
    site.config["plugins"]["codes"]["pth"] = "x"
    site.config["peers"][0]["rate"] = "many"
    ended = check(site)
    assert ended.returncode == 1
    for words in (
        "wrokers",
        "workers",
        "not a host",
        "mc-9",
        "hmc",
        "/nonexistent/a.pem",
        "soon",
        "codez",
        "pth",
        "many",
    ):
        assert words in ended.stderr, (words, ended.stderr)
    lines = [line for line in ended.stderr.splitlines() if PLACE.search(line)]
    assert len(lines) >= 9, ended.stderr


@pytest.mark.parametrize(
    "text, place, words",
    [
        ("cmp: {host: a.example.net\n", r":[12]:", ""),
        ("cmp: {host: a.example.net}\ncmp: {host: b.example.net}\n", r":2:", "cmp"),
        ("- a\n- b\n", r":1:", "mapping"),
        ("workers: many\n", r":1:10:", "many"),
        ("workers: 1\nlimits:\n  body: 1Q\n", r":3:9:", "limits.body"),
        ("resolve:\n  dealine: 1s\n", r":2:3:", "deadline"),
    ],
)
def test_an_error_names_its_place(site, text, place, words):
    ended = check(site, text)
    assert ended.returncode == 1
    told = [line for line in ended.stderr.splitlines() if re.search("cmpd.yaml" + place, line)]
    assert told and any(words in line for line in told), ended.stderr


def test_references_must_lead_somewhere(site):
    site.peer("b", allow={"interfaces": ["mc-3"], "forward_to": ["nobody"]})
    site.config["plugins"]["hmac"]["use"] = "auth_hmca"
    site.config["resolve"]["routes"] = ["codes"]
    ended = check(site)
    assert ended.returncode == 1
    for words in ("nobody", "auth_hmca", "routes"):
        assert words in ended.stderr


def test_names_are_unique(site):
    site.peer("b")
    site.peer("b")
    site.config["listeners"].append(dict(site.listener))
    ended = check(site)
    assert ended.returncode == 1
    assert "peers[1].name" in ended.stderr and "listeners[1].name" in ended.stderr


def test_a_certificate_and_a_key_that_do_not_belong_together(site):
    site.peer("b")
    _, other = site.authority.issue("localhost")
    site.listener["tls"]["key"] = str(other)
    ended = check(site)
    assert ended.returncode == 1
    assert "tls" in ended.stderr


def test_a_port_that_is_taken(site, make_site):
    site.peer("b")
    site.start()
    other = make_site("other")
    other.peer("b")
    other.listener["bind"] = "192.0.2.1:8443"  # nobody's address here
    ended = run(CMPD, "-c", other.write())
    assert ended.returncode == 1
    assert "192.0.2.1:8443" in ended.stderr


def test_a_file_that_is_not_there(tmp_path):
    ended = run(CMPD, "-t", "-c", tmp_path / "none.yaml")
    assert ended.returncode == 1 and "none.yaml" in ended.stderr


def test_a_folder_can_be_included(site):
    site.peer("b")
    folder = site.folder / "conf.d"
    folder.mkdir()
    (folder / "10-c.yaml").write_text("peers: [{name: c, rate: oops}]\n")
    site.config["include"] = "conf.d"
    ended = check(site)
    assert ended.returncode == 1
    assert "10-c.yaml:1:" in ended.stderr and "oops" in ended.stderr


def test_secrets_are_never_shown(site):
    b = site.peer("b")
    ended = check(site)
    assert b.secret.hex() not in ended.stdout + ended.stderr


def test_help_comes_from_the_rows():
    listed = run(CMPD, "--list-plugins")
    assert listed.returncode == 0
    for name in ("auth_hmac", "auth_vpn", "store_file"):
        assert name in listed.stdout
    help = run(CMPD, "--help-plugin", "store_file")
    assert help.returncode == 0 and "path" in help.stdout
    assert "source" in run(CMPD, "--help-plugin", "auth_vpn").stdout
    config = run(CMPD, "--help-config")
    assert config.returncode == 0
    for key in ("listeners", "certificate", "max_hops", "window", "forward_to"):
        assert key in config.stdout


@pytest.mark.parametrize("words", [["--help-plugin", "store_fiel"], ["--nonsense"], ["-c"], ["x"]])
def test_a_wrong_command_line(words):
    ended = run(CMPD, *words)
    assert ended.returncode != 0
    assert ended.stderr


def places(node, path=()):
    """The path of every value of a configuration."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def test_nothing_that_is_missing_or_of_another_kind_is_a_crash(site):
    """Whatever lacks what it needs is told, and what depends on it is left alone."""
    site.peer(
        "b",
        host="b.example.net",
        prefixes=["2B001"],
        url=["https://b.example.net:8443"],
        sign_with="hmac",
        release={"withhold": ["age"]},
    )
    site.config["plugins"]["vpn"] = {
        "use": "auth_vpn",
        "links": [{"source": ["10.8.0.0/16"], "peer": "b"}],
    }
    site.config["plugins"]["codes"]["cache"] = {"ttl": "5s"}
    site.config["plugins"]["table"] = {"use": "route_prefix"}
    site.config["resolve"]["routes"] = ["table"]
    whole = site.config
    others = itertools.cycle([None, [], {}, "", "x", 7, [7], [{}]])
    for path in list(places(whole)):
        for other in ("gone", next(others)):
            site.config = copy.deepcopy(whole)
            node = site.config
            for key in path[:-1]:
                node = node[key]
            if other == "gone":
                del node[path[-1]]
            else:
                node[path[-1]] = other
            ended = check(site)
            assert ended.returncode in (0, 1), (path, other, ended.stderr)
            assert not any(mark in ended.stderr for mark in SANITIZER_MARKS), ended.stderr
            assert (ended.returncode == 1) == bool(PLACE.search(ended.stderr) or "keys.yaml" in
                                                   ended.stderr), (path, other, ended.stderr)


# ---- the admin socket, whose place a start would find out by binding ----


def socket_errors(site, path):
    site.config["admin"] = {"socket": str(path)}
    ended = run(CMPD, "-t", "-c", site.write())
    return ended.returncode, ended.stderr


def test_the_admin_sockets_folder_is_missing(site):
    status, said = socket_errors(site, "missing/admin.sock")
    assert status == 1 and re.search(
        r"cmpd\.yaml:\d+:\d+: admin\.socket: the socket cannot be made in \S+/missing by uid \d+: "
        "No such file or directory",
        said,
    ), said


def test_the_admin_sockets_place_is_taken_by_a_file(site):
    (site.folder / "admin.sock").write_text("mine")
    status, said = socket_errors(site, "admin.sock")
    assert status == 1 and "admin.sock is there, and is no socket" in said
    assert (site.folder / "admin.sock").read_text() == "mine"


def test_the_admin_sockets_path_is_too_long(site):
    status, said = socket_errors(site, "x" * 108)
    assert status == 1 and "a socket's at most 107" in said
