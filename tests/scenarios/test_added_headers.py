# SPDX-License-Identifier: Apache-2.0
"""Header fields by which a signer says who we are, in place of a signature or beside it: the next
hop gets them in both protocols (tests/plugins/auth_adds.c)."""
import pytest
from recipient import resolved
from world import home_and

ICI = "2B001-1"
TOKEN = "Bearer abc.def"


def wired(world, protocol, fields, **options):
    hop = world.recipient("hop", protocols=[protocol])
    hop.answer = resolved
    home = home_and(world, hop, sign_with="adds")
    rows = [{"name": name, "value": value} for name, value in fields.items()]
    home.config["plugins"]["adds"] = {"use": "auth_adds", "fields": rows, **options}
    world.start()
    return home, hop


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
@pytest.mark.parametrize("later", [False, True], ids=["at-once", "later"])
@pytest.mark.parametrize("pair", [False, True], ids=["alone", "beside"])
def test_fields_that_a_signer_adds(world, protocol, later, pair):
    fields = {"authorization": TOKEN, "x-org": "A, Inc", "signature-input": 'sig=("@method")'}
    home, hop = wired(world, protocol, fields, later=later, pair=pair)
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for _ in range(2):
        assert home.scan(ICI, headers={"traceparent": traceparent}).status == 200
    for seen in hop.requests:
        assert seen.http == ("2" if protocol == "h2" else "1.1")
        assert {name: seen.headers.get(name) for name in fields} == fields
        assert seen.headers["traceparent"] == traceparent
        assert seen.params.get("apikeyid") == ("adds" if pair else None)
        assert seen.params.get("signature") == ("abcd" if pair else None)
    assert "abc.def" not in home.log_text()


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "other.example.net"},
        {"Authorization": TOKEN},
        {"content-length": "0"},
        {"connection": "close"},
        {"x": "ä"},
        {f"x-{i}": "y" for i in range(9)},
    ],
)
def test_fields_that_are_not_sent(world, fields):
    """It is the plugin's fault, and said so; the next hop hears nothing of it."""
    home, hop = wired(world, "h2", fields)
    home.expect_error("sign: headers: ")
    home.expect_error("adds cannot sign to peer hop")
    answer = home.scan(ICI)
    assert (answer.status, answer.code) == (500, "internal_error")
    home.wait_for_log("sign: headers: are not what a signature may add")
    assert hop.requests == []
