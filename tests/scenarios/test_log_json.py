# SPDX-License-Identifier: Apache-2.0
"""JSON lines: each of a whole run is one object of one schema, from the first to the last; and what
of requests is logged, at which level, of how many, and from where."""
import json
import signal

import jsonschema
import pytest
from daemon import CMPD, message, run
from loglines import VALIDATOR, read, requests
from reload import reload
from stores import eventually
from test_watchdog import Asking, let_go

ICI = "1A0F1-1"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def logged(site):
    site.b = site.peer("b")
    gone = {"ici": "1A0F1-GONE", "content": "x", "status": "revoked"}
    site.write_codes({"ici": ICI, "content": "https://a.example.net/"}, gone)
    site.config["log"] = {"level": "info", "format": "json"}
    site.config["admin"] = {"socket": "admin.sock"}
    return site


def lines_of(site):
    """After the stop: a line that is being written is none yet."""
    site.stop()
    return read(site.log_text())


def wait_for_requests(site, count):
    """A line comes after its answer, and the next one may be of another worker."""
    eventually(lambda: len(requests(site.log())) == count)


def test_every_line_of_a_whole_run(logged):
    logged.config["workers"] = 2
    held = {"how": "hold", "hold": "5m", "until": str(logged.folder / "let-go")}
    logged.config["plugins"]["speaks"] = {"use": "store_fault", **held}
    logged.config["resolve"]["stores"] = ["codes", "speaks"]
    logged.config["watchdog"] = {"stall": "50ms", "stuck_after": "1h"}
    logged.start()
    assert logged.ask(logged.b, ICI, headers={"traceparent": PARENT}).status == 200
    wait_for_requests(logged, 1)
    assert logged.ask(logged.b, "1A0F1-GONE").status == 410
    asking = Asking(logged, logged.b)
    logged.wait_for_log("in lookup of speaks")
    let_go(logged)
    asking.join()
    assert asking.answer.status == 200
    wait_for_requests(logged, 3)
    used = message(logged.b, ICI)
    assert logged.send(used).status == 200
    wait_for_requests(logged, 4)
    assert logged.send(used).status == 409
    assert logged.send(used | {"tid": "another"}).status == 401
    assert logged.send(query="ici=%C3%A9").status == 400
    logged.config["log"]["level"] = "debug"
    reload(logged)
    logged.config["listeners"][0]["nonsense"] = True
    logged.expect_error("nonsense")
    logged.expect_error("the new configuration is not taken")
    reload(logged, good=False)
    del logged.config["listeners"][0]["nonsense"]
    logged.signal(signal.SIGHUP)
    logged.wait_for_log("reading the configuration anew")
    lines = lines_of(logged)
    assert {"error", "warning", "notice", "info"} <= {line["level"] for line in lines}
    assert lines[-1]["message"] == "stopped"
    first = requests(lines)[0]
    assert (first["status"], first["code"], first["ici"]) == (200, "ok", ICI)
    assert (first["peer"], first["trace"]) == ("b", TRACE)
    assert [line["status"] for line in requests(lines)[-2:]] == [200, 409]
    assert not {"next", "source", "sample"} & first.keys()


def test_the_schema_holds(logged):
    """So that a line of another kind would be noticed."""
    good = {"time": "2026-01-01T00:00:00.000Z", "level": "info", "area": "x", "message": "request"}
    good |= {"listener": "a", "status": 200, "code": "ok", "ms": 0}
    VALIDATOR.validate(good)
    for wrong in [{"status": "200"}, {"ms": -1}, {"level": "loud"}, {"user": "erika"}, {"tid": ""}]:
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(good | wrong)
    del good["status"]
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(good)


# ---- before the configuration is read ----


def starts_badly(site, *words):
    ended = run(CMPD, "-c", site.folder / "cmpd.yaml", *words)
    assert ended.returncode == 1
    return ended.stderr


def errors(text):
    return [line["message"] for line in read(text) if line["level"] == "error"]


def test_what_is_wrong_with_a_configuration(logged):
    """In the format that it asks for, as long as it can be read; or that the command line names."""
    path = logged.write()
    logged.config["nonsense"] = 1
    logged.write()
    (said,) = errors(starts_badly(logged))
    assert "nonsense" in said
    path.write_text("log: {format: json\n")
    assert not starts_badly(logged).startswith("{")
    assert errors(starts_badly(logged, "--log-format", "json"))
    path.unlink()
    (said,) = errors(starts_badly(logged, "--log-format=json"))
    assert "cmpd.yaml" in said


def test_the_command_line_decides(logged):
    logged.config["log"] = {"format": "text"}
    logged.options = ["--log-format", "json"]
    logged.start()
    logged.config["log"] = {"level": "info", "format": "text"}
    reload(logged)
    assert logged.ask(logged.b, ICI).status == 200
    logged.restart()
    assert logged.ask(logged.b, ICI).status == 200
    assert [line["status"] for line in requests(lines_of(logged))] == [200, 200]


def test_a_format_that_there_is_not():
    ended = run(CMPD, "--log-format", "yaml", "-c", "x")
    assert ended.returncode == 2 and "--log-format takes text or json" in ended.stderr


def test_a_check_speaks_to_people(site):
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 0
    assert not any(line.startswith("{") for line in ended.stderr.splitlines())


# ---- lines about requests ----


def ask_all(site, count):
    for _ in range(count):
        assert site.ask(site.b, ICI).status == 200


def test_at_a_level_of_their_own(logged):
    logged.config["log"] |= {"level": "notice", "requests": {"level": "warning"}}
    logged.start()
    ask_all(logged, 2)
    logged.config["log"]["requests"] = {"level": "debug"}
    reload(logged)
    ask_all(logged, 3)
    logged.config["log"] |= {"level": "debug", "requests": {"level": "error"}}
    reload(logged)
    logged.expect_error("request")
    ask_all(logged, 1)
    lines = requests(lines_of(logged))
    assert [line["level"] for line in lines] == ["warning", "warning", "error"]


def test_one_in_so_many(logged):
    logged.config["workers"] = 1
    logged.config["log"]["requests"] = {"sample": 4}
    logged.start()
    asked = [message(logged.b, ICI) for _ in range(10)]
    for pairs in asked:
        assert logged.send(pairs).status == 200
    logged.config["log"]["requests"] = {"sample": 1}
    reload(logged)
    ask_all(logged, 2)
    lines = requests(lines_of(logged))
    sampled = [line for line in lines if "sample" in line]
    assert [line["tid"] for line in sampled] == [asked[i]["tid"] for i in (0, 4, 8)]
    assert {line["sample"] for line in sampled} == {4}
    assert len(lines) == 5


@pytest.mark.parametrize(
    "bits, shown", [(None, "127.1.2.3"), (24, "127.1.2.0/24"), (11, "127.0.0.0/11"), (0, None)]
)
def test_the_source_is_cut(logged, bits, shown):
    """In all lines that name one."""
    logged.config["log"] |= {"requests": {"source": True}}
    if bits is not None:
        logged.config["log"]["source_ipv4"] = bits
    logged.start()
    assert logged.ask(logged.b, ICI, source="127.1.2.3").status == 200
    forged = message(logged.b, ICI) | {"tid": "forged"}
    for _ in range(40):  # more than are logged
        assert logged.send(forged, source="127.1.2.3").status == 401
    lines = lines_of(logged)
    (line,) = requests(lines)
    assert line.get("source") == shown
    rejected = [line for line in lines if line["message"].startswith("rejected")]
    assert rejected and {line.get("source") for line in rejected} == {shown}
    rest = [line for line in lines if line["message"].endswith("rejections were not logged")]
    assert {line.get("source") for line in rest} <= {shown}  # if all that came fast enough
    assert shown == "127.1.2.3" or "127.1.2.3" not in logged.log_text()

