# SPDX-License-Identifier: Apache-2.0
"""What an operator may have a plugin of the running daemon do."""
import pytest
from daemon import CMPCTL, CMPD, run


@pytest.fixture
def obeying(site):
    site.peer("b")
    site.write_codes({"ici": "1A0F1-1", "content": "x"})
    site.config["plugins"]["dog"] = {"use": "store_obeys"}
    site.config["resolve"]["stores"].append("dog")
    site.config["admin"] = {"socket": "admin.sock"}
    site.start()
    return site


def tell(site, *words):
    return run(CMPCTL, "plugin", "--socket", site.folder / "admin.sock", *words)


def test_what_it_knows_is_listed(obeying):
    listed = tell(obeying, "dog")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.splitlines() == [
        "say [WORDS]  says them; without any it has not been done",
        "later  is done a little later",
    ]
    assert "accept  read the file now" in tell(obeying, "codes").stdout
    assert tell(obeying, "hmac").stdout == "hmac: auth_hmac knows no commands\n"


def test_help_lists_them_too(obeying):
    helped = run(CMPD, "-p", CMPD.parent / "tests" / "plugins", "--help-plugin", "store_obeys")
    assert " say [WORDS]  says them" in helped.stdout
    assert "\nCommands" not in run(CMPD, "--help-plugin", "auth_hmac").stdout


def test_it_is_done_at_once_or_later(obeying):
    said = tell(obeying, "dog", "say", "sit, and stay")
    assert (said.returncode, said.stdout) == (0, "said: sit, and stay\n")
    for _ in range(2):
        later = tell(obeying, "dog", "later")
        assert (later.returncode, later.stdout) == (0, "later\n")
    obeying.wait_for_log("an operator's command: later")


def test_it_is_not_done(obeying):
    ended = tell(obeying, "dog", "say")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.endswith("said: \n")


@pytest.mark.parametrize(
    "words, message",
    [
        (["cat"], 'there is no plugin "cat" under plugins'),
        (["cat", "say"], 'there is no plugin "cat" under plugins'),
        (["dog", "fetch"], 'plugin "dog" (store_obeys) has no command "fetch"'),
        (["dog", "later", "than"], "the command later takes no argument"),
        (["hmac", "accept"], 'plugin "hmac" (auth_hmac) has no command "accept"'),
    ],
)
def test_what_cannot_be_asked(obeying, words, message):
    ended = tell(obeying, *words)
    assert ended.returncode == 1
    assert message in ended.stderr
