# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL behind a pooler that gives each transaction another session: nothing of ours is left in a
session, and nothing of others' is a surprise."""
import json
import os

import pytest
from pooler import PGBOUNCER, Pooler
from stores import Shelf, eventually

CODES = 40


@pytest.fixture
def pooler(postgres):
    if not os.path.exists(PGBOUNCER):
        pytest.fail("pgbouncer is not installed; tests/run.sh does that")
    made = Pooler(postgres).start()
    yield made
    made.remove()


@pytest.fixture
def shelf(pooler, site, database):  # the pooler ends last
    made = Shelf(site, {"use": "store_sql", "url": pooler.url(database)})
    made.section = site.config["plugins"]["shelf"]
    made.take(*({"ici": f"1A0F1-{i}", "content": f"c{i}"} for i in range(CODES)))
    return made


def ask_all(shelf):
    """Every code, more than once: each worker and each of its connections is asked."""
    for _ in range(2):
        for i in range(CODES):
            assert shelf.content(f"1A0F1-{i}") == f"c{i}"
    assert shelf.content("1A0F1-none") == "unknown_ici"


def test_it_is_named_and_answers(shelf):
    shelf.start()
    assert "a pooler stands before the database" in shelf.site.log_text()
    ask_all(shelf)


def test_no_statement_is_in_the_way_after_a_restart(shelf):
    for _ in range(3):
        shelf.start()
        ask_all(shelf)
        shelf.site.stop()


def test_no_setting_reaches_another_program(shelf, pooler, database):
    shelf.start()
    settings = (
        "select current_setting('default_transaction_read_only'),"
        " current_setting('transaction_read_only'), current_setting('statement_timeout')"
    )
    for i in range(30):
        assert shelf.content(f"1A0F1-{i}") == f"c{i}"
        pooler.psql(database, f"update cmp_codes set ttl = {i} where ici = '1A0F1-0'")
        assert pooler.psql(database, settings) == "off|off|0"


def test_what_the_cache_holds_is_asked_for_again(shelf, pooler, database):
    shelf.section["cache"] = {"ttl": "1h", "negative_ttl": "1h"}
    shelf.start()
    assert shelf.content("1A0F1-1") == "c1"
    assert shelf.content("1A0F1-new") == "unknown_ici"
    pooler.psql(
        database,
        "update cmp_codes set content = 'changed' where ici = '1A0F1-1';"
        "insert into cmp_codes (ici, content) values ('1A0F1-new', 'new')",
    )
    eventually(lambda: shelf.content("1A0F1-1") == "changed")
    eventually(lambda: shelf.content("1A0F1-new") == "new")


def test_a_restart_of_the_pooler(shelf, pooler):
    shelf.site.expect_error("the database: ")
    shelf.site.expect_error("listening for changes: ")
    shelf.start()
    ask_all(shelf)
    pooler.stop()
    eventually(lambda: shelf.ask("1A0F1-1").status == 503)
    pooler.start()
    eventually(lambda: all(shelf.content("1A0F1-1") == "c1" for _ in range(12)))
    ask_all(shelf)


def test_codes_are_written_and_read_through_it(shelf, pooler, database):
    shelf.start()
    until = {"ici": "1A0F1-1", "content": "put", "not_after": "2201-01-01T00:00:00.250Z"}
    pooler.psql(database, f"alter database {database.name} set datestyle = 'SQL, DMY'")
    pooler.psql(database, f"alter database {database.name} set timezone = 'Asia/Kolkata'")
    assert shelf.codes("put", json.dumps(until)).returncode == 0
    assert shelf.codes("remove", "1A0F1-2").returncode == 0
    assert shelf.codes("remove", "1A0F1-2").returncode != 0
    listed = shelf.codes("export", "-")
    assert listed.returncode == 0, listed.stderr
    records = {r["ici"]: r for r in map(json.loads, listed.stdout.splitlines())}
    assert len(records) == CODES - 1 and records["1A0F1-1"] == until
    assert shelf.content("1A0F1-1") == "put"
    assert shelf.content("1A0F1-2") == "unknown_ici"


def test_who_says_that_there_is_none_is_believed(shelf):
    """A pooler that gives every client a session of its own."""
    shelf.section["pooler"] = "false"
    shelf.section["connections"] = 1
    shelf.site.config["workers"] = 1
    shelf.start()
    assert "a pooler stands" not in shelf.site.log_text()
