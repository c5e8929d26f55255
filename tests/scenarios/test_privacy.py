# SPDX-License-Identifier: Apache-2.0
"""Personal data and secrets are never in the log, whatever the level."""
import re

import pytest
from daemon import message

PERSONAL = {
    "user": "Erika-Mustermann-4711",
    "age": "97-99",
    "income": "123,456-123,789",
    "post": "ZZ9 9ZZ",
    "gender": "female",
}


@pytest.mark.parametrize("format", ["json", "text"])
def test_personal_data_and_secrets_stay_out_of_the_log(site, format):
    b = site.peer("b")
    site.config["log"] = {"level": "debug", "format": format, "source_ipv4": 0}
    site.config["log"]["requests"] = {"level": "notice", "source": True}
    site.write_codes({"ici": "1A0F1-1", "content": "https://secret-content.example/"})
    site.start()
    for carriage in ("get", "form", "json"):
        good = message(b, "1A0F1-1", language="fr", cc="GB") | PERSONAL
        assert site.send(good, carriage=carriage).status == 200
        assert site.send(good, carriage=carriage).status == 409
        assert site.send(good | {"tid": "x"}, carriage=carriage).status == 401
        assert site.send(message(b, "1A0F1-2") | PERSONAL, carriage=carriage).status == 404
        bad = message(b, "1A0F1-1") | PERSONAL | {"count": "x"}
        assert site.send(bad, carriage=carriage).status == 400
        assert good["signature"] not in site.log_text()
    site.send(query="user=Erika-Mustermann-4711&user=Erika-Mustermann-4711")
    site.send(carriage="json", body=b'{"user":"Erika-Mustermann-4711"')
    site.stop()
    random_ids = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # one of them may say 97-99
    text = re.sub(random_ids, "", site.log_text())
    lines = [line for line in text.splitlines() if "status" in line]
    assert len(lines) >= 9 and not any("127.0.0.1" in line for line in lines)
    assert text  # the level makes it talk
    for value in (*(v for k, v in PERSONAL.items() if k != "gender"), b.secret.hex()):
        assert value not in text, value
    assert "female" not in text.lower()
