# SPDX-License-Identifier: Apache-2.0
"""The code file is read again when it changes: all of it or nothing."""
import json

import pytest
from daemon import CMPCTL, CMPD, run
from stores import eventually


@pytest.fixture
def served(site):
    site.b = site.peer("b")
    site.config["plugins"]["codes"]["check_interval"] = "100ms"
    site.write_codes({"ici": "1A0F1-1", "content": "old"})
    site.start()
    site.content = lambda ici="1A0F1-1": site.ask(site.b, ici).json.get("content")
    assert site.content() == "old"
    return site


def test_a_good_change_is_seen(served):
    served.write_codes({"ici": "1A0F1-1", "content": "new"}, {"ici": "1A0F1-2", "content": "more"})
    eventually(lambda: served.content() == "new")
    eventually(lambda: served.content("1A0F1-2") == "more")  # of the other worker, maybe


def test_a_change_in_place_is_seen(served):
    with open(served.folder / "codes.ndjson", "a") as codes:
        codes.write('{"ici":"1A0F1-2","content":"more"}\n')
    eventually(lambda: served.content("1A0F1-2") == "more")


def test_a_code_that_is_removed_is_gone(served):
    served.write_codes({"ici": "1A0F1-2", "content": "new"})
    eventually(lambda: served.ask(served.b, "1A0F1-1").status == 404)


@pytest.mark.parametrize(
    "line, words",
    [
        ("not json", ""),
        ('{"ici":"1A0F1-3"}', "content"),
        ('{"content":"x"}', "ici"),
        ('{"ici":"1A0F1-1","content":"twice"}', "1A0F1-1"),
        ('{"ici":"1A0F1-3","content":"x","tttl":1}', "tttl"),
        ('{"ici":"1A0F1-3","content":"x","ttl":"soon"}', "ttl"),
        ('{"ici":"1A0F1-3","content":"x","not_after":"soon"}', "not_after"),
        ('{"ici":"1A0F1-3","content":"x","transferred_to":"b.example.net"}', ""),
        (
            '{"ici":"1A0F1-3","content":"x","variants":[{"when":{"age":"55-22"},"content":"y"}]}',
            "age",
        ),
        ('{"ici":"1A0F1-3","content":"x"', ""),
    ],
)
def test_a_bad_change_leaves_the_old_codes_and_names_the_line(served, line, words):
    served.expect_error("codes.ndjson:3")
    served.write_codes(
        {"ici": "1A0F1-1", "content": "new"}, {"ici": "1A0F1-2", "content": "more"}, line
    )
    logged = served.wait_for_log("codes.ndjson:3")
    assert words in logged["message"], logged
    assert served.content() == "old"
    assert served.ask(served.b, "1A0F1-2").status == 404

    served.write_codes({"ici": "1A0F1-1", "content": "mended"})
    eventually(lambda: served.content() == "mended")


@pytest.fixture
def hundred(site):
    """A hundred codes, of which `known` asks for three."""
    site.b = site.peer("b")
    site.config["plugins"]["codes"]["check_interval"] = "100ms"
    site.write_codes(*({"ici": f"1A0F1-{i}", "content": f"c{i}"} for i in range(100)))
    site.known = lambda: sum(site.ask(site.b, f"1A0F1-{i}").status == 200 for i in (0, 50, 99))
    return site


def test_a_file_that_lost_most_of_its_codes_is_not_believed(hundred):
    hundred.config["plugins"]["codes"]["settle"] = "1h"
    hundred.start()
    assert hundred.known() == 3

    # An export that was cut short behind a whole line, and one that wrote nothing.
    codes = hundred.folder / "codes.ndjson"
    whole = codes.read_text()
    codes.write_text("".join(whole.splitlines(keepends=True)[:30]))
    hundred.wait_for_log("has 30 codes in place of 100")
    assert hundred.known() == 3
    codes.write_text("")
    hundred.wait_for_log("has 0 codes in place of 100")
    assert hundred.known() == 3

    codes.write_text(whole.replace("c0", "new"))
    eventually(lambda: hundred.ask(hundred.b, "1A0F1-0").json.get("content") == "new")
    assert hundred.known() == 3


def test_a_file_that_lost_most_of_its_codes_is_believed_once_it_has_settled(hundred):
    hundred.config["plugins"]["codes"]["settle"] = "300ms"
    hundred.start()
    (hundred.folder / "codes.ndjson").write_text("")
    hundred.wait_for_log("has 0 codes in place of 100")
    eventually(lambda: hundred.known() == 0)


def test_a_file_that_lost_most_of_its_codes_is_believed_when_an_operator_says_so(hundred):
    hundred.config["plugins"]["codes"]["settle"] = "1h"
    hundred.config["admin"] = {"socket": "admin.sock"}
    hundred.start()
    (hundred.folder / "codes.ndjson").write_text("")
    hundred.wait_for_log("has 0 codes in place of 100")
    assert hundred.known() == 3
    accepted = run(CMPCTL, "plugin", "--socket", hundred.folder / "admin.sock", "codes", "accept")
    assert accepted.returncode == 0
    assert accepted.stdout.endswith("codes.ndjson: 0 codes are in use\n")
    eventually(lambda: hundred.known() == 0)  # each worker takes it between two requests
    # It was said once, by the change of the store's health.
    held = [line for line in hundred.log_text().splitlines() if "in place of 100" in line]
    assert len(held) == 1 and "degraded" in held[0]


def test_a_reload_is_no_reason_to_believe_a_file_that_lost_most_of_its_codes(hundred):
    hundred.config["admin"] = {"socket": "admin.sock"}
    hundred.config["plugins"]["codes"]["settle"] = "1h"
    hundred.start()
    (hundred.folder / "codes.ndjson").write_text("")
    for settle in ("1h", "2h"):  # of the file alone, and of its section
        hundred.config["plugins"]["codes"]["settle"] = settle
        config = hundred.write()
        assert run(CMPCTL, "reload", "--config", config).returncode == 0
        assert hundred.known() == 3
    assert "has 0 codes in place of 100" in hundred.log_text()
    assert run(CMPCTL, "plugin", "codes", "accept", "--config", config).returncode == 0
    eventually(lambda: hundred.known() == 0)


def test_a_file_that_goes_away_leaves_the_old_codes(served):
    served.expect_error("codes.ndjson")
    (served.folder / "codes.ndjson").unlink()
    served.wait_for_log("No such file")
    assert served.content() == "old"
    served.write_codes({"ici": "1A0F1-1", "content": "back"})
    eventually(lambda: served.content() == "back")


def test_cmpd_does_not_start_with_a_bad_file(site):
    site.peer("b")
    site.write_codes({"ici": "1A0F1-1", "content": "x"}, "{}")
    for words in (["-t"], []):
        ended = run(CMPD, *words, "-c", site.write())
        assert ended.returncode == 1
        assert "codes.ndjson:2" in ended.stderr


def test_many_codes_change_under_load(served):
    for turn in range(5):
        served.write_codes(
            *(json.dumps({"ici": f"1A0F1-{i}", "content": f"turn {turn}"}) for i in range(20000))
        )
        eventually(lambda: served.content("1A0F1-19999") == f"turn {turn}")  # noqa: B023
        eventually(lambda: served.content("1A0F1-0") == f"turn {turn}")  # noqa: B023
