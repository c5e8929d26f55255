# SPDX-License-Identifier: Apache-2.0
"""What a command prints and nobody can read was not done: on a disk that is full no command is one
that succeeded, and a secret that is shown but once is told as lost."""
import subprocess

import journal
import pytest
import yaml
from daemon import BUILD, CMPCTL, CMPD, PLUGINS, run
from patience import PATIENCE
from stores import eventually


@pytest.fixture
def served(site):
    """Serves, has keys, codes and a journal."""
    site.config["admin"] = {"socket": "admin.sock"}
    journal.keep(site)
    site.first = site.peer("b")
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    return site.start()


def unwritten(program, *words):
    """Runs it with a stdout that takes nothing; returns its status and what it complained of."""
    with open("/dev/full", "w") as full:
        command = [str(word) for word in (program, *words)]
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=3 * PATIENCE
        )
    return ended.returncode, ended.stderr


CONFIG = ("--config", "cmpd.yaml")
OF_CMPCTL = [
    ("--help",),
    ("--version",),
    ("keys", "--help"),
    ("keys", "issue", "--help"),
    ("status", "--json", *CONFIG),
    ("status", *CONFIG),
    ("stats", "--json", *CONFIG),
    ("stats", *CONFIG),
    ("peers", *CONFIG),
    ("peers", "b", *CONFIG),
    ("plugins", *CONFIG),
    ("metrics", *CONFIG),
    ("explain", "1A0F1-1", *CONFIG),
    ("log-level", *CONFIG),
    ("reload", "--dry-run", *CONFIG),
    ("reload", *CONFIG),
    ("drain", *CONFIG),
    ("undrain", *CONFIG),
    ("plugin", "codes", *CONFIG),
    ("keys", "list", "--keys", "keys.yaml"),
    ("keys", "list", "--keys", "keys.yaml", "--json"),
    ("keys", "revoke", "--id", "b-1", *CONFIG),
    ("codes", "list", "--store", "codes", *CONFIG),
    ("codes", "get", "1A0F1-1", "--store", "codes", *CONFIG),
    ("codes", "export", "-", "--store", "codes", *CONFIG),
    ("journal", "show", "--path", "journal"),
    ("journal", "export", "-", "--path", "journal"),
    ("journal", "stats", "--path", "journal"),
]


def named(folder, words):
    """The site's files by their whole paths."""
    rest = [folder / word if (folder / word).exists() else word for word in words[1:]]
    return [words[0], *rest]


def test_no_command_of_cmpctl_succeeds(served):
    assert served.ask(served.first, "1A0F1-1").status == 200
    export = ("journal", "export", "-", "--path", served.folder / "journal")
    eventually(lambda: run(CMPCTL, *export).stdout)
    quiet = {}
    for words in OF_CMPCTL:
        good = run(CMPCTL, *named(served.folder, words)) if "revoke" not in words else None
        assert good is None or (good.returncode, bool(good.stdout)) == (0, True), (words, good)
        status, said = unwritten(CMPCTL, *named(served.folder, words))
        lines = said.splitlines()
        if status == 0 or len(lines) != 1 or "stdout" not in said and "No space left" not in said:
            quiet[words] = status, said
    assert quiet == {}


@pytest.mark.parametrize(
    "words", [("--help",), ("-V",), ("--help-config",), ("--help-plugin", "auth_hmac"),
              ("--list-plugins",), ("-t", "-c", "cmpd.yaml")],
)
def test_nor_does_one_of_cmpd(site, words):
    site.write()
    status, said = unwritten(CMPD, *named(site.folder, words))
    assert status == 1 and said.endswith("cmpd: stdout cannot be written\n")


@pytest.mark.parametrize("words", [("--help",), ("--static", PLUGINS / "auth_hmac.so")])
def test_nor_does_the_check_of_a_plugin(words):
    status, said = unwritten(BUILD / "cmp-plugin-check", *words)
    assert (status, said) == (2, "cmp-plugin-check: stdout cannot be written\n")


@pytest.mark.parametrize(
    "words, id", [(("issue", "--peer", "b", "--id", "k-new"), "k-new"),
                  (("token", "--name", "reader"), "reader")],
)
def test_a_secret_that_nobody_has_seen(served, words, id):
    """It was saved before it was to be shown; the command that takes it out again is named."""
    status, said = unwritten(CMPCTL, "keys", *words, *named(served.folder, CONFIG))
    assert status == 1
    first, second = said.splitlines()
    assert first == "cmpctl: stdout cannot be written"
    assert f"{id} was saved, but could not be shown" in second
    keyring = served.folder / "keys.yaml"
    assert f'"{id}"' in keyring.read_text() or f" {id}\n" in keyring.read_text()
    command = second.split("take it out with cmpctl ")[1].split(", and make")[0]
    assert run(CMPCTL, *command.split()).returncode == 0
    left = yaml.safe_load(keyring.read_text())
    assert not any(id in row.values() for rows in left.values() for row in rows)


def test_a_command_that_failed_by_itself_says_that_alone(served):
    ring = served.folder / "keys.yaml"
    status, said = unwritten(CMPCTL, "keys", "revoke", "--keys", ring, "--id", "nobody")
    assert status == 2 and len(said.splitlines()) == 1 and "no key of the id" in said
    status, said = unwritten(CMPCTL, "explain", "1A0F1-2", *named(served.folder, CONFIG))
    assert (status, said) == (1, "cmpctl: stdout cannot be written\n")
