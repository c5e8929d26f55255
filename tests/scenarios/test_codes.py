# SPDX-License-Identifier: Apache-2.0
"""`cmpctl codes`: records go into stores and come out of them, all or nothing."""
import json
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest
from daemon import CMPCTL, run
from patience import PATIENCE
from stores import WRITABLE, eventually, memory, section_of

ONE = {"ici": "1A0F1-1", "content": "https://one.example/", "ttl": 60}
TWO = {
    "ici": "1A0F1-2",
    "content": "zwei \u00fc \"quoted\" \\ \u2028",
    "content_type": "text",
    "status": "revoked",
    "not_before": "2026-01-01T00:00:00.000Z",
    "not_after": "2027-01-01T00:00:00.250Z",
    "variants": [
        {"when": {"language": "fr", "age": "18-30"}, "content": "deux", "content_type": "text"},
        {"when": {"x-shop": "7"}, "content": "seven"},
    ],
}
MOVED = {"ici": "1A0F1-3", "transferred_to": "b.example.net"}
ALL = [ONE, TWO, MOVED]


def lines(*records):
    return "".join(
        (r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in records
    )


def records_of(text):
    """Not splitlines: U+2028 is no end of a line here."""
    return [json.loads(line) for line in text.split("\n") if line]


def by_ici(*records):
    return {r["ici"]: r for r in records}


class Shop:
    """A site whose stores are worked on with cmpctl; cmpd does not run."""

    def __init__(self, site, section):
        self.site = site
        self.folder = site.folder
        site.config["plugins"]["shop"] = dict(section)
        site.config["plugins"]["other"] = {"use": "store_memory", "path": "other.ndjson"}

    def section(self, **options):
        self.site.config["plugins"]["shop"] |= options

    def file(self, *records, name="in.ndjson"):
        path = self.folder / name
        path.write_text(lines(*records))
        return path

    def codes(self, command, *words, store="shop", **how):
        config = self.site.write()
        named = ["--store", store] if store is not None else []
        return run(CMPCTL, "codes", command, *words, "--config", config, *named, **how)

    def holds(self, store="shop"):
        """The records by their ICI, as an export shows them."""
        ended = self.codes("export", "--quiet", store=store)
        if "unable to open database file" in ended.stderr:
            return {}  # nobody has written to it yet
        assert ended.returncode == 0, ended.stderr
        return by_ici(*records_of(ended.stdout))

    def take(self, *records, **how):
        ended = self.codes("import", self.file(*records), **how)
        assert ended.returncode == 0, ended.stderr
        return ended


@pytest.fixture(params=WRITABLE)
def shop(request, site):
    return Shop(site, section_of(request.param, site, request))


# ---- import ----


def test_what_is_imported_comes_out_again(shop):
    ended = shop.take(*ALL)
    assert "in.ndjson: 3 codes imported" in ended.stdout
    assert ended.stderr == ""
    assert shop.holds() == by_ici(*ALL)


def test_an_import_adds_and_replaces(shop):
    shop.take(ONE, TWO)
    newer = ONE | {"content": "newer"}
    shop.take(newer, MOVED)
    assert shop.holds() == by_ici(newer, TWO, MOVED)


def test_the_later_of_two_records_counts(shop):
    shop.take(ONE, TWO, ONE | {"content": "later"})
    assert shop.holds() == by_ici(ONE | {"content": "later"}, TWO)


def test_stdin_is_a_file_too(shop):
    ended = shop.codes("import", "-", input="\n" + lines(ONE) + " \r\n" + lines(TWO).rstrip("\n"))
    assert ended.returncode == 0, ended.stderr
    assert "stdin: 2 codes imported" in ended.stdout
    assert shop.holds() == by_ici(ONE, TWO)


def test_a_quiet_import_says_nothing(shop):
    ended = shop.codes("import", shop.file(ONE), "--quiet")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_many_codes(shop):
    many = [{"ici": f"1A0F1-{i:05}", "content": f"https://{i}.example/"} for i in range(50000)]
    assert "50000 codes imported" in shop.take(*many).stdout
    assert shop.holds() == by_ici(*many)


BAD_LINES = [
    ("not json", "octet"),
    ('{"ici":"1A0F1-9"}', "content: is missing"),
    ('{"content":"x"}', "ici: is missing"),
    ('{"ici":"1A0F1-9","content":"x","tttl":1}', "tttl: unknown member; did you mean ttl?"),
    (
        '{"ici":"1A0F1-9","content":"x","variants":[{"when":{"age":"55-22"},"content":"y"}]}',
        "variants[0].when.age: ",
    ),
    ("[]", "a JSON object is expected"),
]


@pytest.mark.parametrize("line, words", BAD_LINES)
def test_one_bad_line_and_nothing_is_imported(shop, line, words):
    shop.take(ONE)
    ended = shop.codes("import", shop.file(TWO, "", line, MOVED))
    assert ended.returncode == 1
    assert "in.ndjson:3: " in ended.stderr and words in ended.stderr
    assert "nothing was imported" in ended.stderr
    assert ended.stdout == ""
    assert shop.holds() == by_ici(ONE)


def test_all_bad_lines_are_told(shop):
    ended = shop.codes("import", shop.file("{}", ONE, "[]", TWO, "x"))
    told = [line for line in ended.stderr.splitlines() if "in.ndjson:" in line]
    assert [line.split(":")[2] for line in told] == ["1", "3", "5"]


def test_but_not_too_many(shop):
    path = shop.file(*["{}"] * 100)
    for words, shown in (([], 20), (["--max-errors", "3"], 3), (["--max-errors", "0"], 100)):
        ended = shop.codes("import", path, *words)
        assert ended.returncode == 1
        assert ended.stderr.count("ici: is missing") == shown
        assert ("more bad lines are not shown" in ended.stderr) == (shown < 100)


def test_a_bad_line_does_not_reach_the_terminal_as_it_is(shop):
    ended = shop.codes("import", shop.file('{"\\u001b[31m":1}'))
    assert ended.returncode == 1
    assert "\x1b" not in ended.stderr and "\\x1B[31m" in ended.stderr


def test_keep_going_passes_bad_lines_over(shop):
    ended = shop.codes("import", shop.file(ONE, "{}", TWO, "[]"), "--keep-going")
    assert ended.returncode == 1
    assert "in.ndjson:2: " in ended.stderr and "in.ndjson:4: " in ended.stderr
    assert "2 codes imported" in ended.stdout and "2 bad lines passed over" in ended.stdout
    assert shop.holds() == by_ici(ONE, TWO)


def test_a_dry_run_touches_nothing(shop):
    before = sorted(p.name for p in shop.folder.iterdir())
    good = shop.codes("import", shop.file(ONE, TWO), "--dry-run")
    assert good.returncode == 0
    assert "2 good records, 0 bad lines; nothing was imported" in good.stdout
    bad = shop.codes("import", shop.file(ONE, "{}", *["[]"] * 30), "--dry-run")
    assert bad.returncode == 1
    assert "1 good records, 31 bad lines" in bad.stdout
    assert bad.stderr.count("in.ndjson:") == 20
    after = {p.name for p in shop.folder.iterdir()} - {"in.ndjson", "cmpd.yaml", "keys.yaml"}
    assert after <= set(before)


def test_replace_removes_what_is_not_in_the_file(shop):
    shop.take(ONE, TWO)
    ended = shop.codes("import", shop.file(TWO, MOVED), "--replace")
    assert ended.returncode == 0, ended.stderr
    assert "2 codes imported" in ended.stdout and "1 removed" in ended.stdout
    assert shop.holds() == by_ici(TWO, MOVED)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_replacing_all_by_nothing_is_a_mistake(shop, text):
    shop.take(ONE)
    ended = shop.codes("import", "-", "--replace", input=text)
    assert ended.returncode == 2
    assert "would remove all" in ended.stderr
    assert shop.holds() == by_ici(ONE)
    assert shop.codes("import", "-", input=text).returncode == 0
    assert shop.holds() == by_ici(ONE)


def test_a_failed_replacement_removes_nothing(shop):
    shop.take(ONE, TWO)
    assert shop.codes("import", shop.file(MOVED, "{}"), "--replace").returncode == 1
    assert shop.holds() == by_ici(ONE, TWO)


@pytest.mark.parametrize(
    "name, words", [("nowhere.ndjson", "No such file"), ("", "Is a directory")]
)
def test_a_file_that_cannot_be_read(shop, name, words):
    ended = shop.codes("import", shop.folder / name)
    assert ended.returncode == 2
    assert words in ended.stderr


def test_a_line_without_end(shop):
    path = shop.folder / "long"
    path.write_bytes(lines(ONE).encode() + b" " * (17 << 20))
    ended = shop.codes("import", path)
    assert ended.returncode == 2
    assert "long:2: the line is longer than 16 MiB; nothing was imported" in ended.stderr
    assert shop.holds() == {}


def catches(pid, number):
    """Whether a process has its own way to take a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(re.search(r"^SigCgt:\s*(\w+)", status, re.M)[1], 16)
    return mask >> (number - 1) & 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_the_old_codes(shop, number):
    shop.take(ONE)
    many = [{"ici": f"1A0F1-{i:05}", "content": "x" * 50} for i in range(20000)]
    command = [CMPCTL, "codes", "import", "-", "--store", "shop", "--config", shop.site.write()]
    with subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as importing:
        importing.stdin.write(lines(*many))
        importing.stdin.flush()  # and the end of the file does not come
        eventually(lambda: catches(importing.pid, number))
        importing.send_signal(number)
        assert importing.wait(timeout=PATIENCE) == 2
        assert "interrupted; nothing was imported" in importing.stderr.read()
    assert shop.holds() == by_ici(ONE)


def test_a_terminal_sees_a_bar(shop):
    many = [{"ici": f"1A0F1-{i:06}", "content": "x"} for i in range(150000)]
    path = shop.file(*many)
    master, slave = pty.openpty()
    command = [CMPCTL, "codes", "import", path, "--store", "shop", "--config", shop.site.write()]
    with subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=slave, text=True
    ) as importing:
        os.close(slave)
        seen = b""
        while True:
            try:
                seen += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
        assert "150000 codes imported" in importing.stdout.read()
    os.close(master)
    assert b"%" in seen and b"/s" in seen and b" left" in seen
    assert seen.endswith(b"\r\x1b[K"), "the bar is taken away in the end"


# ---- a store that fails ----


def test_a_record_that_the_store_refuses(site):
    shop = Shop(site, memory(site))
    shop.take(ONE)
    shop.section(fail_put=MOVED["ici"])
    for words in ([], ["--keep-going"]):
        ended = shop.codes("import", shop.file(TWO, MOVED), *words)
        assert ended.returncode == 2
        assert f"store shop: {MOVED['ici']} cannot be put; nothing was imported" in ended.stderr
    ended = shop.codes("put", json.dumps(MOVED))
    assert ended.returncode == 2
    assert "cannot be put; nothing was changed" in ended.stderr
    assert shop.holds() == by_ici(ONE)


def test_a_commit_that_fails(site):
    shop = Shop(site, memory(site))
    shop.take(ONE)
    shop.section(fail_commit=True)
    for command, words in (
        ("import", [shop.file(TWO)]),
        ("import", [shop.file(TWO), "--replace"]),
        ("put", [json.dumps(TWO)]),
        ("remove", [ONE["ici"]]),
    ):
        ended = shop.codes(command, *words)
        assert ended.returncode == 2
        assert "nothing is ever committed here" in ended.stderr
    ended = shop.codes("copy", "--from", "other", "--to", "shop", store=None)
    assert ended.returncode == 2
    assert "nothing was copied" in ended.stderr
    assert shop.holds() == by_ici(ONE)


# ---- one record ----


def test_get_shows_one_record(shop):
    shop.take(*ALL)
    for record in ALL:
        ended = shop.codes("get", record["ici"])
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout) == record
        assert ended.stdout.count("\n") > len(record)  # for people
    for ici in ("1A0F1-4", "1a0f1-1", "1A0F1-", ""):
        ended = shop.codes("get", ici)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert f"store shop does not know {ici}" in ended.stderr


def test_what_get_shows_can_be_put(shop):
    shop.take(*ALL)
    shown = shop.codes("get", TWO["ici"]).stdout
    shop.codes("remove", TWO["ici"])
    for words in ([], ["-"]):
        ended = shop.codes("put", *words, input=shown)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert shop.holds() == by_ici(*ALL)


def test_put_adds_and_replaces(shop):
    assert shop.codes("put", json.dumps(ONE)).returncode == 0
    assert shop.holds() == by_ici(ONE)
    newer = ONE | {"content": "newer"}
    assert shop.codes("put", json.dumps(newer)).returncode == 0
    assert shop.holds() == by_ici(newer)


@pytest.mark.parametrize("text", ["", "{}", "x", lines(ONE, TWO)])
def test_put_takes_one_good_record(shop, text):
    for words, how in (([text], {}), ([], {"input": text})):
        ended = shop.codes("put", *words, **how)
        assert ended.returncode == 1
        assert ended.stderr.startswith("cmpctl: stdin: " if how else "cmpctl: RECORD: ")
    assert shop.holds() == {}


def test_remove(shop):
    shop.take(*ALL)
    ended = shop.codes("remove", ONE["ici"], TWO["ici"])
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert shop.holds() == by_ici(MOVED)
    assert shop.codes("remove").returncode == 2
    assert shop.holds() == by_ici(MOVED)


def test_what_is_not_there_cannot_be_removed(site):
    shop = Shop(site, memory(site))
    shop.take(ONE, TWO)
    ended = shop.codes("remove", "1A0F1-9", ONE["ici"])
    assert ended.returncode == 1
    assert "store shop does not know 1A0F1-9" in ended.stderr
    assert shop.holds() == by_ici(TWO)


# ---- what lies elsewhere ----


def test_a_code_that_nobody_will_ask_for_here(shop):
    far = ONE | {"ici": "2B001-1"}
    one = "cmpctl: warning: 2B001-1 lies under no prefix of ours"
    two = "cmpctl: warning: 2 codes, of which 2B001-1 is the first, lie under no prefix of ours"
    for ended, told in (
        (shop.codes("put", json.dumps(far)), one),
        (shop.codes("import", shop.file(ONE, far, far | {"ici": "9"})), two),
        (shop.codes("import", shop.file(far), "--dry-run"), one),
    ):
        assert ended.returncode == 0 and ended.stderr.startswith(told)
    assert shop.codes("put", json.dumps(ONE | {"ici": "1a0f1-x"})).stderr == ""
    shop.site.config["cmp"].pop("prefixes")
    shop.site.write()
    assert shop.codes("put", json.dumps(far)).stderr == ""


# ---- list ----


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], ["1A0F1-1", "1A0F1-2", "1A0F1-3", "2B001-1"]),
        (["--prefix", "1A0F1"], ["1A0F1-1", "1A0F1-2", "1A0F1-3"]),
        (["--prefix", "1a0f1"], []),  # as a look-up of it would not find them
        (["--prefix", "2B001-1"], ["2B001-1"]),
        (["--prefix", "2B001-11"], []),
        (["--prefix", ""], ["1A0F1-1", "1A0F1-2", "1A0F1-3", "2B001-1"]),
    ],
)
def test_list(shop, words, expected):
    shop.take(*ALL, ONE | {"ici": "2B001-1"})
    ended = shop.codes("list", *words)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert sorted(ended.stdout.splitlines()) == expected


def test_list_can_be_limited(shop):
    shop.take(*ALL)
    for limit in (1, 2, 3, 4):
        ended = shop.codes("list", "--limit", limit)
        assert len(ended.stdout.splitlines()) == min(limit, 3)
    for limit in ("0", "-1", "many", ""):
        ended = shop.codes("list", "--limit", limit)
        assert ended.returncode == 2 and "--limit" in ended.stderr


# ---- export ----


def test_export_to_a_file(shop):
    shop.take(*ALL)
    path = shop.folder / "out.ndjson"
    ended = shop.codes("export", path)
    assert ended.returncode == 0, ended.stderr
    assert f"{path}: 3 codes exported" in ended.stdout
    assert by_ici(*records_of(path.read_text())) == by_ici(*ALL)
    shop.codes("export", path, "--prefix", "1A0F1-2")
    assert json.loads(path.read_text()) == TWO


def test_an_export_keeps_mode_and_link(shop):
    shop.take(ONE)
    path, link = shop.folder / "out.ndjson", shop.folder / "link"
    path.write_text("old\n")
    path.chmod(0o640)
    link.symlink_to(path)
    assert shop.codes("export", link).returncode == 0
    assert link.is_symlink() and json.loads(path.read_text()) == ONE
    assert path.stat().st_mode & 0o777 == 0o640
    assert not list(shop.folder.glob("out.ndjson.*"))


def test_an_export_that_fails(shop):
    shop.take(ONE)
    for path, words in (("/dev/full", "No space left"), (shop.folder / "no/where", "No such file")):
        ended = shop.codes("export", path)
        assert ended.returncode == 2
        assert words in ended.stderr


def test_what_is_exported_can_be_served(shop):
    """From a store that is written to the file that a site without one serves."""
    shop.take(ONE)
    shop.codes("export", shop.folder / "codes.ndjson")
    peer = shop.site.peer("b")
    shop.site.start()
    assert shop.site.ask(peer, ONE["ici"]).json["content"] == ONE["content"]


# ---- the file store, which is only read ----


def test_the_file_store_is_only_read(shop):
    for command, words in (
        ("import", [shop.file(ONE)]),
        ("put", [json.dumps(ONE)]),
        ("remove", ["1A0F1-1"]),
    ):
        ended = shop.codes(command, *words, store="codes")
        assert ended.returncode == 2
        assert "store codes (store_file) is only read" in ended.stderr


def test_a_file_can_be_checked_for_a_store_that_is_only_read(shop):
    ended = shop.codes("import", shop.file(ONE, "{}"), "--dry-run", store="codes")
    assert ended.returncode == 1 and "is only read" not in ended.stderr
    assert "1 good records, 1 bad lines; nothing was imported" in ended.stdout


def test_the_file_store_shows_its_codes(shop):
    shop.site.write_codes(TWO, MOVED, ONE)
    assert shop.codes("list", store="codes").stdout == "1A0F1-1\n1A0F1-2\n1A0F1-3\n"
    assert shop.holds("codes") == by_ici(*ALL)
    assert json.loads(shop.codes("get", "1A0F1-2", store="codes").stdout) == TWO
    assert shop.codes("get", "1A0F1-4", store="codes").returncode == 1


# ---- copy ----


def copy(shop, *words, source="codes", target="shop"):
    return shop.codes("copy", "--from", source, "--to", target, *words, store=None)


def test_copy_between_stores(shop):
    shop.site.write_codes(*ALL)
    for source, target in (("codes", "shop"), ("shop", "other")):
        ended = copy(shop, source=source, target=target)
        assert ended.returncode == 0, ended.stderr
        assert f"{source} to {target}: 3 codes copied" in ended.stdout
        assert shop.holds(target) == by_ici(*ALL)


def test_copy_some_and_replace(shop):
    shop.site.write_codes(*ALL)
    shop.take(ONE | {"ici": "2B001-1"})
    assert copy(shop, "--prefix", "1A0F1-3", "--quiet").stdout == ""
    assert shop.holds() == by_ici(MOVED, ONE | {"ici": "2B001-1"})
    ended = copy(shop, "--replace", "--prefix", "1A0F1-2")
    assert "1 codes copied" in ended.stdout and "2 removed" in ended.stdout
    assert shop.holds() == by_ici(TWO)
    ended = copy(shop, "--replace", "--prefix", "3")
    assert ended.returncode == 2 and "would remove all" in ended.stderr
    assert shop.holds() == by_ici(TWO)


@pytest.mark.parametrize(
    "source, target, words",
    [
        ("shop", "shop", "name one store"),
        ("shop", "codes", "is only read"),
        ("nobody", "shop", "it has no plugins.nobody"),
        ("shop", "nobody", "it has no plugins.nobody"),
        ("counting", "shop", "store counting (store_counting) cannot list"),
    ],
)
def test_copies_that_cannot_be(shop, source, target, words):
    shop.take(ONE)
    shop.site.config["plugins"]["counting"] = {"use": "store_counting", "path": "lookups"}
    ended = copy(shop, source=source, target=target)
    assert ended.returncode == 2
    assert words in ended.stderr


# ---- stores that answer in other ways ----


@pytest.mark.parametrize(
    "use, ici",
    [
        ("store_async", "1A0F1-ASYNC"),
        ("store_counting", "1A0F1-COUNTED"),
        ("store_blocking", None),
    ],
)
def test_get_waits_for_the_answer(shop, use, ici):
    options = {} if use == "store_blocking" else {"path": "trace"}
    shop.site.config["plugins"]["special"] = {"use": use} | options
    if ici is not None:
        ended = shop.codes("get", ici, store="special")
        assert ended.returncode == 0, ended.stderr
        assert json.loads(ended.stdout)["ici"] == ici
    assert shop.codes("get", "1A0F1-NEVER", store="special").returncode == 1


def test_get_tells_unavailable_from_unknown(shop):
    shop.site.config["plugins"]["special"] = {
        "use": "store_counting",
        "path": "trace",
        "unavailable": True,
    }
    ended = shop.codes("get", "1A0F1-COUNTED", store="special")
    assert ended.returncode == 2
    assert "store special cannot tell now" in ended.stderr


def test_get_does_not_wait_for_ever(shop):
    shop.site.config["plugins"]["special"] = {"use": "store_async", "path": "trace", "delay": "5m"}
    ended = shop.codes("get", "1A0F1-ASYNC", store="special")
    assert ended.returncode == 2
    assert "store special cannot tell now" in ended.stderr
    assert (shop.folder / "trace").read_text() == "c"


# ---- usage ----


@pytest.mark.parametrize(
    "words, said",
    [
        ([], "Usage: cmpctl codes"),
        (["exprot"], "did you mean codes export?"),
        (["import"], "it takes FILE|-"),
        (["import", "x", "y"], "it takes FILE|-"),
        (["get", "x"], "--store has to be given; see cmpctl codes get --help"),
        (["import", "x", "--store", "shop"], "--config has to be given; see cmpctl codes import"),
        (["export", "--config", "cmpd.yaml"], "--store has to be given; see cmpctl codes export"),
        (["export", "x", "y"], "it takes [FILE|-]"),
        (["copy", "--config", "x", "--from", "shop"], "--to has to be given"),
        (["list", "--prefx", "x"], "did you mean --prefix?"),
        (["list", "--store", "shop", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["get", "x", "--store", "shpo", "--config", "cmpd.yaml"], "did you mean shop?"),
        (["get", "x", "--store", "hmac", "--config", "cmpd.yaml"], "is of kind auth, not a store"),
        (
            ["import", "x", "--max-errors", "-1", "--store", "shop", "--config", "cmpd.yaml"],
            "--max-errors",
        ),
    ],
)
def test_wrong_usage(shop, words, said):
    shop.site.write()
    ended = run(CMPCTL, "codes", *words, cwd=shop.folder)
    assert ended.returncode == 2
    assert said in ended.stderr


@pytest.mark.parametrize(
    "section, words",
    [
        ({"use": "store_memry"}, "store_memry.so in"),
        ({"use": "store_memory"}, "plugins.shop.path"),
        ({"use": "store_memory", "path": "x", "pth": "y"}, "plugins.shop.pth"),
        ({"use": "store_memory", "path": "x", "cache": {"tl": "1s"}}, "plugins.shop.cache.tl"),
        ({"use": "store_memory", "path": "in.ndjson"}, "plugins.shop.path: content: is missing"),
    ],
)
def test_a_store_that_cannot_be_opened(shop, section, words):
    shop.file('{"ici":"1A0F1-1"}')
    shop.site.config["plugins"]["shop"] = section
    ended = shop.codes("list")
    assert ended.returncode == 2
    assert "cmpd.yaml" in ended.stderr and words in ended.stderr


def test_another_store_may_be_down(shop):
    """Only what is named is opened."""
    shop.site.config["plugins"]["codes"]["path"] = "nowhere.ndjson"
    shop.take(ONE)
    assert shop.holds() == by_ici(ONE)
