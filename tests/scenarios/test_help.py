# SPDX-License-Identifier: Apache-2.0
"""What the programs say of themselves: every key of the configuration is found."""
import re

import pytest
from daemon import CMPCTL, CMPD, PLUGINS, run

CACHE = ["size", "ttl", "negative_ttl", "serve_stale"]


def keys(text):
    """(indent, name) of each line of a table."""
    return [(len(m[1]), m[2]) for m in re.finditer(r"^( *)([A-Za-z_]\S*) +\S", text, re.M)]


def below(table, name):
    """The names that stand under a name, at any depth."""
    at = next(i for i, (_, found) in enumerate(table) if found == name)
    names = []
    for indent, found in table[at + 1 :]:
        if indent <= table[at][0]:
            break
        names.append(found)
    return names


def test_every_key_of_the_configuration():
    table = keys(run(CMPD, "--help-config").stdout)
    assert below(table, "plugins") == ["NAME", "use", "cache", *CACHE]
    assert {"cmp", "listeners", "peers", "resolve"} <= {name for indent, name in table if indent == 0}


@pytest.mark.parametrize("name, cached", [("store_sql", True), ("store_file", True),
                                          ("auth_hmac", False)])
def test_a_plugin(name, cached):
    ended = run(CMPD, "-p", PLUGINS, "--help-plugin", name)
    assert ended.returncode == 0
    table = keys(ended.stdout)
    assert ("cache" in [found for _, found in table]) == cached
    if cached:
        assert below(table, "cache") == CACHE


def test_a_usage_has_what_has_to_be_given():
    ended = run(CMPCTL, "codes", "get", "--help")
    usage = "Usage: cmpctl codes get --config FILE --store NAME [OPTION]… ICI"
    assert ended.returncode == 0 and ended.stdout.splitlines()[0] == usage
