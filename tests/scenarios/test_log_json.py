# SPDX-License-Identifier: Apache-2.0
"""With `format: json` every line is one JSON object, from the first to the last, with numbers in it."""
import json


def test_every_line_of_a_run(site):
    key = site.peer("b")
    site.write_codes({"ici": "1A0F1-1", "content": "https://a.example.net/"})
    site.config["log"] = {"level": "info", "format": "json"}
    site.start()
    assert site.ask(key, "1A0F1-1").status == 200
    site.signal(15)
    assert site.wait() == 0
    lines = [json.loads(text) for text in site.log_text().splitlines()]
    (request,) = [line for line in lines if line["message"] == "request"]
    assert request["status"] == 200
    assert isinstance(request["ms"], int) and 0 <= request["ms"] < 10_000
    assert request["ici"] == "1A0F1-1"
    assert any(line["area"] == "codes" for line in lines), "what a plugin says when it is made"


def test_a_check_speaks_to_people(site):
    from daemon import CMPD, run

    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 0
    assert not any(line.startswith("{") for line in ended.stderr.splitlines())
