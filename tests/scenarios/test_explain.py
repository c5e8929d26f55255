# SPDX-License-Identifier: Apache-2.0
"""`cmpctl explain` says what would happen to a request, and why; nothing is sent to anybody."""
import json

import pytest
from daemon import CMPCTL, run
from world import DIRECT, TABLE, through


@pytest.fixture
def net(world):
    """A Home CMP that knows a way of each kind; nobody that it could ask is a cmpd."""
    home = world.cmp("a", "1A0F1")
    home.b, home.mcr, home.dead = (world.recipient(name) for name in ("b", "mcr", "dead"))
    world.join(home, home.b, prefixes=["2B001"])
    world.join(home, home.mcr)
    world.join(home, home.dead, prefixes=["DEAD0"])
    home.routes(direct=DIRECT, table=TABLE, registry=through(home.mcr))
    variants = [
        {"when": {"language": "de"}, "content": "Deutsch"},
        {"when": {"language": "fr", "cc": "CA"}, "content": "français"},
    ]
    home.holds(
        **{
            "1A0F1-1": {"content": "default", "variants": variants},
            "1A0F1-T": {"transferred_to": "b.example.net"},
            "1A0F1-FAR": {"transferred_to": "far.example.net"},
            "1A0F1-GONE": {"content": "x", "status": "revoked"},
        }
    )
    home.peer("asker", allow={"interfaces": ["mc-3"], "forward_to": ["b"], "prefixes": []})
    home.peer("narrow", allow={"interfaces": ["mc-3"], "prefixes": ["1A0F1"]})
    home.scans = 0
    home.start()
    yield home
    asked = [recipient.connections for recipient in (home.b, home.mcr)]
    assert asked == [0, 0]  # whatever was explained, nobody heard of it
    assert len(home.wait_until_handled(home.scans)) == home.scans  # and it is no request


def texts(explained, step=None):
    return [s["text"] for s in explained["steps"] if step in (None, s["step"])]


def test_our_own_code(net):
    told = net.explain("1A0F1-1")
    assert told["status"] == 200 and "code" not in told
    assert texts(told, "authorise") == ["a handset: anybody may ask"]
    assert texts(told, "lookup") == ["store codes (store_file): found, 2 variants"]
    assert "default content" in texts(told, "variant")[0]


def test_the_rule_of_a_variant(net):
    told = net.explain("1A0F1-1", language="fr", cc="CA")
    assert texts(told, "variant") == [
        "rule 2 of 2 matches",
        "because language is fr",
        "because cc is CA",
    ]


def test_by_prefix(net):
    told = net.explain("2B001-1")
    assert told["would_be_sent"] is True and "status" not in told  # what b says, only b knows
    assert texts(told, "lookup") == [
        "store codes (store_file): does not know it",
        "the longest prefix has 5 digits and is that of peer b",
    ]
    assert texts(told, "route") == [
        "route direct (route_addr), reason absent: declines",
        "route table (route_prefix), reason absent: forward to peer b",
    ]
    url = f"{net.b.url}/mc-3/resolve-ici"
    assert texts(told, "forward") == [
        f"peer b: {url}, circuit closed",
        f"would go to {url}, signed by hmac, count 1",
    ]


def test_what_was_transferred_to_a_peer(net):
    told = net.explain("1A0F1-T")
    assert texts(told, "lookup") == ["store codes (store_file): transferred to b.example.net"]
    assert texts(told, "route") == [
        "route direct (route_addr), reason transferred: forward to peer b"
    ]
    assert "addr" not in texts(told, "forward")[-1]


def test_what_was_transferred_far_away_goes_through_the_registry(net):
    told = net.explain("1A0F1-FAR")
    assert texts(told, "route")[-1].endswith("reason transferred: forward to peer mcr")
    assert texts(told, "forward")[-1].endswith("count 1, addr far.example.net")


def test_what_nobody_here_knows_goes_to_the_registry(net):
    told = net.explain("3C001-1")
    assert texts(told, "route") == [
        "route direct (route_addr), reason absent: declines",
        "route table (route_prefix), reason absent: declines",
        "route registry (route_mcr), reason absent: forward to peer mcr",
    ]


def test_what_would_be_ours(net):
    told = net.explain("1A0F1-NONE")
    assert (told["status"], told["code"]) == (404, "unknown_ici")
    assert texts(told, "lookup")[-1] == "the longest prefix has 5 digits and is that of us"
    assert texts(told, "route") == []


def test_what_is_gone(net):
    assert net.explain("1A0F1-GONE")["code"] == "gone"


def test_as_a_peer(net):
    told = net.explain("2B001-1", as_peer="asker", addr="b.example.net", count="4")
    assert texts(told, "authorise") == ["peer asker may ask for this ICI here"]
    assert texts(told, "address") == ["addr b.example.net is peer b"]
    assert texts(told, "route")[0].endswith("reason addressed: forward to peer b")
    assert texts(told, "forward")[-1].endswith("count 5")


@pytest.mark.parametrize("name", ["", "b c", "b/c?d", "b%zz", "b" * 65, "bé"])
def test_what_is_no_peers_name(net, name):
    """Nothing is asked of the daemon, least of all as a handset."""
    told = run(CMPCTL, "explain", "--config", net.folder / "cmpd.yaml", "--as", name, "1A0F1-1")
    assert told.returncode == 2 and told.stdout == ""
    assert "names no peer: a name has 1 to 64 letters" in told.stderr


@pytest.mark.parametrize(
    "as_peer, params, code",
    [
        ("asker", {"addr": "stranger.example.net"}, "addr_not_allowed"),
        ("asker", {"addr": "mcr.example.net"}, "addr_not_allowed"),
        ("narrow", {}, "not_allowed"),
        ("nobody", {}, "authentication_failed"),
        ("asker", {"count": "8"}, "loop_detected"),
        ("asker", {"gender": "x"}, "invalid_parameter"),
        (None, {"addr": "b.example.net"}, "invalid_parameter"),
    ],
)
def test_what_is_refused(net, as_peer, params, code):
    assert net.explain("2B001-1", as_peer=as_peer, **params)["code"] == code


def test_a_problem_says_what_its_answer_says(net):
    answer, told = net.scan("2B001-1", cc="xx1").json, net.explain("2B001-1", cc="xx1")
    net.scans = 1
    for member in ("status", "code", "detail", "parameter"):
        assert told[member] == answer[member]
    assert told["parameter"] == "cc"
    where = ("--config", net.folder / "cmpd.yaml")
    ended = run(CMPCTL, "explain", "2B001-1", "--param", "cc=xx1", *where)
    assert ended.returncode == 1
    said = f"answer       400 invalid_parameter, parameter cc: {answer['detail']}"
    assert ended.stdout.splitlines()[-1] == said


def test_what_came_from_the_only_way_on(net):
    told = net.explain("2B001-1", as_peer="b")
    assert told["code"] in ("not_allowed", "unknown_ici")


def test_a_peer_that_we_have_no_key_for(world):
    home, b = world.cmp("a", "1A0F1"), world.recipient("b")
    world.join(home, b, prefixes=["2B001"])
    home.routes(table=TABLE)
    home.received.clear()
    home.start()
    assert "peers[0].sign_with: no key received from b is valid now" in home.log_text()
    told = home.explain("2B001-1")
    assert (told["status"], told["code"]) == (500, "internal_error")
    assert texts(told, "forward")[-1] == "hmac cannot sign to peer b: no received key is valid now"
    assert home.log("error") == [], "nobody asked in earnest"
    assert b.connections == 0


def test_an_open_circuit(net):
    net.dead.stop()
    net.scans = 3
    for _ in range(net.scans):
        assert net.scan("DEAD0-1").code == "peer_failed"
    told = net.explain("DEAD0-1")
    assert texts(told, "forward")[0].endswith(("circuit open", "circuit being probed"))


def test_for_people(net):
    ended = run(CMPCTL, "explain", "2B001-1", "--config", net.folder / "cmpd.yaml")
    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    assert lines[-1].split() == ["answer", "would", "be", "sent"]
    assert any(line.startswith("forward") and "signed by hmac" in line for line in lines)
    ended = run(CMPCTL, "explain", "1A0F1-NONE", "--config", net.folder / "cmpd.yaml")
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1].split() == ["answer", "404", "unknown_ici"]


def test_a_parameter_that_was_meant_otherwise(net):
    for param, said in (("user=x", "--user"), ("ici=x", "without --param"), ("tid=x", "itself"),
                        ("gendr=male", "did you mean gender?")):
        ended = run(CMPCTL, "explain", "2B001-1", "--config", net.folder / "cmpd.yaml",
                    "--param", param)
        assert ended.returncode == 2 and said in ended.stderr


def test_the_daemons_own_answer(net):
    ended = run(CMPCTL, "explain", "2B001-1", "--json", "--config", net.folder / "cmpd.yaml")
    assert json.loads(ended.stdout)["ici"] == "2B001-1"


def test_the_socket_is_the_operators_alone(net):
    assert (net.folder / "admin.sock").stat().st_mode & 0o077 == 0
    net.signal(15)
    assert net.wait() == 0
    assert not (net.folder / "admin.sock").exists()
    ended = run(CMPCTL, "explain", "2B001-1", "--config", net.folder / "cmpd.yaml")
    assert ended.returncode == 2 and "admin.sock" in ended.stderr
