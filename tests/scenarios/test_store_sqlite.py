# SPDX-License-Identifier: Apache-2.0
"""A SQLite file that is locked, full, broken or replaced: the right code meanwhile, no crash, and
right answers again within two seconds of its return."""
import contextlib
import json
import os
import sqlite3
import time

import pytest
from daemon import CMPD, ROOT, run
from stores import Shelf, ask_until_logged, eventually, sqlite

ONE = {"ici": "1A0F1-1", "content": "one"}
SCHEMA = ROOT / "etc" / "sql" / "sqlite" / "001_codes.sql"
RECOVERY = 20  # seconds: two, and the rest for a busy machine


@pytest.fixture
def shelf(site):
    """The store holds one code."""
    made = Shelf(site, sqlite(site))
    made.section = site.config["plugins"]["shelf"]
    made.path = site.folder / "codes.db"
    made.take(ONE)
    return made


@contextlib.contextmanager
def database(path):
    """Its transactions are said, not made by Python."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        yield db


def a_good_file(path, content="new"):
    with database(path) as db:
        db.executescript(SCHEMA.read_text())
        db.execute("insert into cmp_codes (ici, content) values ('1A0F1-1', ?)", [content])
    return path


def put(shelf, record=ONE, **how):
    return shelf.codes("put", json.dumps(record), **how)


def is_down(shelf, ici="1A0F1-1"):
    answer = shelf.ask(ici)
    if answer.status == 503:
        assert (answer.code, bool(answer.headers["retry-after"])) == ("store_unavailable", True)
    return answer.status == 503


# ---- the file is made ----


def test_the_file_is_made_with_its_schema(shelf):
    shelf.section["url"] = f"sqlite:{shelf.site.folder}/fresh.db"
    shelf.start()
    assert shelf.content("1A0F1-1") == "unknown_ici"
    with database(shelf.site.folder / "fresh.db") as made:
        assert made.execute("select version from cmp_schema").fetchall() == [(1,)]
        assert made.execute("pragma journal_mode").fetchall() == [("wal",)]


@pytest.mark.parametrize("command", [["get", "1A0F1-1"], ["list"], ["export"]])
def test_who_only_reads_makes_no_file(shelf, command):
    shelf.section["url"] = f"sqlite:{shelf.site.folder}/fresh.db"
    ended = shelf.codes(*command)
    assert ended.returncode == 2 and "fresh.db: unable to open" in ended.stderr
    assert not (shelf.site.folder / "fresh.db").exists()
    assert put(shelf).returncode == 0
    assert shelf.codes(*command).returncode == 0


def test_the_schema_may_be_applied_twice(shelf):
    shelf.start()
    with database(shelf.path) as db:
        db.executescript(SCHEMA.read_text())
        assert db.execute("select version from cmp_schema").fetchall() == [(1,)]
    assert shelf.content("1A0F1-1") == "one"


def test_a_relative_path_starts_from_the_configurations_folder(shelf):
    """As all paths do, and for every program that reads it, wherever it runs."""
    shelf.section["url"] = "sqlite:fresh.db"
    shelf.take(ONE | {"content": "fresh"})
    assert (shelf.site.folder / "fresh.db").exists()
    shelf.start()
    assert shelf.content("1A0F1-1") == "fresh"


def test_unless_the_operator_says_no(shelf):
    shelf.section |= {"url": f"sqlite:{shelf.site.folder}/fresh.db", "create": "false"}
    ended = run(CMPD, "-c", shelf.site.write())
    assert ended.returncode != 0
    assert "plugins.shelf.url" in ended.stderr and "fresh.db" in ended.stderr
    assert not (shelf.site.folder / "fresh.db").exists()


@pytest.mark.parametrize(
    "version, words", [(0, "run etc/sql/sqlite/001_codes.sql"), (99, "it is too old for it")]
)
def test_another_schema_stops_the_start(shelf, version, words):
    with database(shelf.path) as db:
        db.execute("update cmp_schema set version = ?", [version])
    shelf.section["create"] = "false"
    ended = run(CMPD, "-c", shelf.site.write())
    assert ended.returncode != 0
    assert f"the schema has version {version}" in ended.stderr and words in ended.stderr


@pytest.mark.parametrize(
    "octets", [b"this is no database " * 500, bytes(8192)], ids=["text", "zeros"]
)
def test_a_start_with_a_file_of_something_else(shelf, octets):
    shelf.path.write_bytes(octets)
    ended = run(CMPD, "-c", shelf.site.write())
    assert ended.returncode != 0
    assert "plugins.shelf.url" in ended.stderr and "codes.db" in ended.stderr
    assert shelf.path.read_bytes() == octets


# ---- other programs are at the file ----


def test_reads_go_on_while_somebody_writes(shelf):
    shelf.start()
    with database(shelf.path) as writer:
        writer.execute("begin immediate")
        writer.execute("update cmp_codes set content = 'not yet'")
        for _ in range(20):
            assert shelf.content("1A0F1-1") == "one"
            assert shelf.content("1A0F1-none") == "unknown_ici"
        writer.execute("commit")
        eventually(lambda: shelf.content("1A0F1-1") == "not yet", RECOVERY)


def test_a_write_waits_for_another_one(shelf):
    shelf.section["busy_timeout"] = "200ms"
    shelf.start()
    with database(shelf.path) as writer:
        writer.execute("begin immediate")
        ended = put(shelf, ONE | {"content": "new"})
        assert ended.returncode == 2
        assert "locked" in ended.stderr
        assert shelf.content("1A0F1-1") == "one"
        writer.execute("rollback")
        assert put(shelf, ONE | {"content": "new"}).returncode == 0
        eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)


def test_a_file_that_one_program_has_for_itself(shelf):
    """Only without a log, which an operator's own query leaves as it is: a connection to a file
    with one keeps everybody from that. Nobody else can read then, and that is no crash."""
    shelf.section["query"] = "select content from cmp_codes where ici = $1"
    shelf.site.expect_error("locked")
    with database(shelf.path) as owner:
        owner.execute("pragma journal_mode = delete")
        shelf.start()
        assert {shelf.content("1A0F1-1") for _ in range(10)} == {"one"}
        owner.execute("begin exclusive")
        for _ in range(10):
            assert is_down(shelf)
        owner.execute("commit")
        eventually(lambda: shelf.content("1A0F1-1") == "one", RECOVERY)


def test_a_write_of_another_program_is_seen(shelf):
    shelf.start()
    assert shelf.content("1A0F1-1") == "one"
    assert put(shelf, ONE | {"content": "new"}).returncode == 0
    eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)
    with database(shelf.path) as db:
        db.execute("delete from cmp_codes")
    eventually(lambda: shelf.content("1A0F1-1") == "unknown_ici", RECOVERY)


def test_a_write_of_another_program_ends_what_is_remembered(shelf):
    shelf.section["cache"] = {"ttl": "1h", "negative_ttl": "1h"}
    shelf.start()

    def settled(ici, content):
        """In every worker's cache."""
        eventually(lambda: {shelf.content(ici) for _ in range(10)} == {content}, RECOVERY)

    settled("1A0F1-1", "one")
    settled("1A0F1-2", "unknown_ici")
    assert put(shelf, ONE | {"content": "new"}).returncode == 0
    settled("1A0F1-1", "new")
    with database(shelf.path) as db:
        db.execute("insert into cmp_codes (ici, content) values ('1A0F1-2', 'two')")
        settled("1A0F1-2", "two")
        db.execute("pragma wal_checkpoint(truncate)")  # the log is not the next file's
    a_good_file(shelf.site.folder / "good.db", "another").rename(shelf.path)
    settled("1A0F1-1", "another")
    settled("1A0F1-2", "unknown_ici")


def test_rows_that_mean_nothing(shelf):
    """The row is at fault, not the file: other codes are answered."""
    shelf.site.expect_error("the row of ")
    with database(shelf.path) as db:
        db.execute("pragma ignore_check_constraints = on")
        for ici, column, value in (
            ("variants", "variants", "no JSON"),
            ("status", "status", "lost"),
            ("ttl", "ttl", -5),
            ("both", "transferred_to", "b.example.net"),
        ):
            db.execute(
                f"insert into cmp_codes (ici, content, {column}) values (?, 'x', ?)", [ici, value]
            )
    shelf.start()
    for ici in ("variants", "status", "ttl", "both"):
        assert is_down(shelf, ici), ici
        assert shelf.content("1A0F1-1") == "one"


# ---- the file cannot be written ----


def test_a_file_that_is_only_read(shelf):
    """As on a volume that is mounted read-only: no log can be kept beside the file."""
    with database(shelf.path) as db:
        db.execute("pragma journal_mode = delete")
    shelf.path.chmod(0o444)
    shelf.start()
    assert shelf.content("1A0F1-1") == "one"
    assert shelf.content("1A0F1-none") == "unknown_ici"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it mounts")
class TestMounted:
    @pytest.fixture
    def volume(self, shelf):
        """A file system of its own, of 1 MiB, with the store's file on it."""
        volume = shelf.site.folder / "volume"
        volume.mkdir()
        mounted = run("mount", "-t", "tmpfs", "-o", "size=1M", "none", volume)
        if mounted.returncode != 0:
            pytest.skip(f"cannot mount: {mounted.stderr}")
        shelf.path = volume / "codes.db"
        shelf.section["url"] = f"sqlite:{shelf.path}"
        shelf.take(ONE)
        yield volume
        try:
            shelf.site.stop()
        finally:
            run("umount", "--lazy", volume)

    def test_read_only(self, shelf, volume):
        with database(shelf.path) as db:
            db.execute("pragma journal_mode = delete")
        assert run("mount", "-o", "remount,ro", volume).returncode == 0
        shelf.start()
        assert shelf.content("1A0F1-1") == "one"
        ended = put(shelf, ONE | {"content": "new"})
        assert ended.returncode == 2 and "readonly" in ended.stderr
        assert shelf.content("1A0F1-1") == "one"

    def test_full(self, shelf, volume):
        shelf.start()
        assert shelf.content("1A0F1-1") == "one"
        many = [{"ici": f"1A0F1-{i}", "content": "x" * 1000} for i in range(5000)]
        text = "".join(json.dumps(record) + "\n" for record in many)
        ended = shelf.codes("import", "-", input=text)
        assert ended.returncode == 2
        assert "nothing was imported" in ended.stderr and "full" in ended.stderr
        for _ in range(5):
            assert shelf.content("1A0F1-1") == "one"
            assert shelf.content("1A0F1-2") == "unknown_ici"
        assert put(shelf, ONE | {"content": "new"}).returncode == 0, "the room was given back"
        eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)


# ---- the file breaks ----


def break_pages(path):
    """Every page but the first is overwritten in place, as a bad disk does."""
    with database(path) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def test_a_file_that_breaks_and_is_replaced(shelf):
    shelf.site.expect_error("codes.db: ")
    shelf.take(*[{"ici": f"1A0F1-{i}", "content": "one"} for i in range(3000)])
    shelf.start()
    break_pages(shelf.path)
    for ici in ("1A0F1-1", "1A0F1-2999", "1A0F1-none"):
        assert is_down(shelf, ici)
    a_good_file(shelf.site.folder / "good.db").rename(shelf.path)
    eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)
    eventually(lambda: shelf.content("1A0F1-2999") == "unknown_ici", RECOVERY)
    ask_until_logged(shelf.site, "the file answers again", lambda: shelf.content("1A0F1-1"))


@pytest.mark.parametrize(
    "octets", [b"", b"garbage " * 1024, bytes(4096)], ids=["empty", "text", "zeros"]
)
def test_something_else_in_its_place(shelf, octets):
    shelf.site.expect_error("codes.db: ")
    shelf.start()
    assert shelf.content("1A0F1-1") == "one"
    other = shelf.site.folder / "other"
    other.write_bytes(octets)
    other.rename(shelf.path)
    eventually(lambda: is_down(shelf))
    a_good_file(shelf.site.folder / "good.db").rename(shelf.path)
    eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)


def test_a_file_that_is_removed_and_comes_back(shelf):
    shelf.site.expect_error("codes.db: ")
    shelf.start()
    assert shelf.content("1A0F1-1") == "one"
    kept = shelf.path.rename(shelf.site.folder / "kept.db")
    eventually(lambda: is_down(shelf))
    assert not shelf.path.exists(), "look-ups make no file"
    kept.rename(shelf.path)
    eventually(lambda: shelf.content("1A0F1-1") == "one", RECOVERY)


def test_a_good_file_in_its_place(shelf):
    """The operator's way to change all codes at once."""
    shelf.start()
    assert shelf.content("1A0F1-1") == "one"
    a_good_file(shelf.site.folder / "good.db").rename(shelf.path)
    eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)


def many(content):
    return [{"ici": f"1A0F1-{i:04}", "content": content + "x" * 300} for i in range(1000)]


def test_a_file_in_its_place_is_not_written_over(shelf):
    """SQLite knows a write-ahead log by its name alone, whichever file it is of."""
    shelf.take(*many("old"))
    shelf.start()
    assert shelf.content("1A0F1-1") == "one"
    shelf.take(*many("newer"))  # and at once:
    good = a_good_file(shelf.site.folder / "good.db")
    with database(good) as db:
        rows = [(code["ici"], code["content"]) for code in many("new")]
        db.executemany("insert into cmp_codes (ici, content) values (?, ?)", rows)
    good.rename(shelf.path)
    eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)
    assert put(shelf, {"ici": "1A0F1-2", "content": "two"}).returncode == 0
    shelf.site.stop()
    with database(shelf.path) as db:
        assert db.execute("pragma integrity_check").fetchall() == [("ok",)]
        contents = "select substr(content, 1, 5), count(*) from cmp_codes group by 1 order by 1"
        found = [("new", 1), ("newxx", 1000), ("two", 1)]
        assert db.execute(contents).fetchall() == found


def test_what_others_write_does_not_stay_in_the_log(shelf):
    log = shelf.path.with_name("codes.db-wal")
    shelf.start()
    with database(shelf.path) as db:
        db.execute("pragma wal_autocheckpoint = 0")
        for content in ("two", "three"):
            db.execute("update cmp_codes set content = ?", [content])
            eventually(lambda: log.stat().st_size == 0)
            assert shelf.content("1A0F1-1") == content


def test_a_file_that_is_cut_short(shelf):
    shelf.site.expect_error("codes.db: ")
    shelf.take(*[{"ici": f"1A0F1-{i}", "content": "one"} for i in range(3000)])
    shelf.start()
    with database(shelf.path) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    os.truncate(shelf.path, 8192)
    assert is_down(shelf, "1A0F1-2999")
    a_good_file(shelf.site.folder / "good.db").rename(shelf.path)
    eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)


def test_a_wrong_option_is_an_error_like_others(site):
    """Of a plugin that had no time to choose its driver."""
    site.store(name="shelf", **sqlite(site) | {"connections": 0})
    ended = run(CMPD, "-t", "-c", site.write())
    assert ended.returncode == 1 and "plugins.shelf.connections: expected" in ended.stderr


@pytest.mark.parametrize("words", [["-t"], []], ids=["check", "start"])
def test_a_file_that_is_none(site, words):
    """Nobody waits for the writer of a pipe."""
    os.mkfifo(site.folder / "pipe.db")
    site.store("store_sql", url="sqlite:pipe.db")
    ended = run(CMPD, *words, "-c", site.write())
    assert ended.returncode == 1 and "pipe.db: is no regular file" in ended.stderr
