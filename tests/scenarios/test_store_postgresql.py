# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL that restarts, is slow, is full or is replaced: the right code meanwhile, no wrong
answer ever, and right answers again within two seconds of its return."""
import concurrent.futures
import contextlib
import json
import subprocess
import threading
import time

import pytest
from daemon import CMPCTL, CMPD, run
from patience import PATIENCE
from postgres import SLOTS
from reload import reload
from stores import Shelf, eventually, postgresql
from test_codes_api import put

ONE = {"ici": "1A0F1-1", "content": "one"}
DOWN = (503, "store_unavailable")
RECOVERY = 20  # seconds, from the database's return: two, and the rest for a busy machine


@pytest.fixture
def shelf(site, database):
    """The store on its database holds one code. What the database does is no error of ours."""
    made = Shelf(site, postgresql(site, database))
    made.section = site.config["plugins"]["shelf"]
    made.take(ONE)
    for words in ("the database: ", "listening for changes: ", "a look-up: ", "the replica: "):
        site.expect_error(words)
    return made


@pytest.fixture
def stop(postgres):
    """Stops the server for a while; it runs again after the test in any case."""
    yield postgres.stop
    if not postgres.runs():
        postgres.start()


@pytest.fixture
def standby(postgres):
    made = postgres.standby()
    yield made
    made.remove()


def is_down(shelf, ici="1A0F1-1"):
    answer = shelf.ask(ici)
    if answer.status == 503:
        assert answer.headers["retry-after"]
    return (answer.status, answer.code if answer.status != 200 else None) == DOWN


def recovers(shelf, content="one"):
    """It answers again in time, and then each time: every worker has to find its own way back."""
    began = time.monotonic()
    good = 0
    while good < 12:
        asked = time.monotonic() - began
        good = good + 1 if shelf.content("1A0F1-1") == content else 0
        assert good > 0 or asked < RECOVERY
    assert shelf.content("1A0F1-none") == "unknown_ici"


class Crowd:
    """Peers that ask all the time; what they were answered is kept."""

    def __init__(self, shelf, askers=2):
        self.shelf, self.over = shelf, threading.Event()
        self.answers = []
        self.threads = [threading.Thread(target=self._ask) for _ in range(askers)]

    def _ask(self):
        while not self.over.is_set():
            for ici in ("1A0F1-1", "1A0F1-none"):
                answer = self.shelf.ask(ici)
                good = answer.json["content"] if answer.status == 200 else answer.code
                self.answers.append((ici, good))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def check(self):
        """Every answer is the right one, or that the store is unavailable."""
        right = {("1A0F1-1", "one"), ("1A0F1-none", "unknown_ici")}
        unavailable = {("1A0F1-1", DOWN[1]), ("1A0F1-none", DOWN[1])}
        assert set(self.answers) <= right | unavailable
        assert right <= set(self.answers)
        return sum(answer in unavailable for answer in self.answers)


# ---- the server goes and comes ----


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_under_requests(shelf, postgres, stop, mode):
    shelf.start()
    with Crowd(shelf) as crowd:
        eventually(lambda: len(crowd.answers) > 4)
        stop(mode)
        eventually(lambda: is_down(shelf))
        time.sleep(0.5)
        assert is_down(shelf) and is_down(shelf, "1A0F1-none")
        postgres.start()
        recovers(shelf)
    assert crowd.check() > 0


def test_a_long_absence(shelf, postgres, stop):
    """The pauses between attempts have reached their longest then."""
    shelf.start()
    stop()
    eventually(lambda: is_down(shelf))
    time.sleep(5)
    postgres.start()
    recovers(shelf)
    lines = [line for line in shelf.site.log("error") if "the database: " in line["message"]]
    assert 0 < len(lines) < 10, "its log lines are limited"


def test_a_start_while_the_server_is_down(shelf, postgres, stop):
    stop()
    shelf.start()
    assert is_down(shelf)
    postgres.start()
    recovers(shelf)


def test_a_backend_is_killed(shelf, postgres, database):
    """Then the server ends all its sessions and begins anew."""

    def begun_anew():
        return postgres.log_text().count("reinitializing")

    before = begun_anew()
    shelf.start()
    with Crowd(shelf) as crowd:
        eventually(lambda: len(crowd.answers) > 4)
        database.kill_backend()
        eventually(lambda: begun_anew() > before)
        recovers(shelf)
    crowd.check()


def test_sessions_are_ended_by_the_administrator(shelf, postgres, database):
    shelf.start()
    for _ in range(3):
        postgres.psql(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            f" where datname = '{database.name}'"
        )
        recovers(shelf)


# ---- the server cannot do more ----


def test_no_slot_is_left(shelf, postgres):
    taken = []

    def all_are_taken():
        """Who had one before the test may not quite be gone yet."""
        taken.extend(postgres.take_all_slots())
        return len(taken) == SLOTS

    try:
        eventually(all_are_taken)
        shelf.start()
        assert is_down(shelf)
        assert shelf.site.wait_for_log("too many clients")
    finally:
        for connection in taken:
            connection.close()
    recovers(shelf)


def test_who_has_slots_keeps_them(shelf, postgres, database):
    shelf.start()
    recovers(shelf)
    sessions = f"select count(*) from pg_stat_activity where datname = '{database.name}'"
    eventually(lambda: database.psql(sessions) == "6")  # of two workers, the watch, and our own
    taken = postgres.take_all_slots()
    try:
        for _ in range(10):
            assert shelf.content("1A0F1-1") == "one"
    finally:
        for connection in taken:
            connection.close()


def test_a_look_up_takes_too_long(shelf, postgres, database):
    shelf.section["statement_timeout"] = "1s"
    shelf.start()
    recovers(shelf)
    locking = postgres.psql_meanwhile(
        "begin; lock table cmp_codes in access exclusive mode; select pg_sleep(15); commit;",
        database=database.name,
    )
    eventually(lambda: is_down(shelf))
    began = time.monotonic()
    assert is_down(shelf)
    assert 0.8 < time.monotonic() - began < 8
    assert locking.wait(PATIENCE) == 0
    recovers(shelf)


def test_a_slow_look_up_is_in_nobodys_way(shelf, database):
    database.psql("insert into cmp_codes (ici, content) values ('1A0F1-slow', 'slow')")
    database.psql(
        "create function nap(ici text) returns void language sql as"
        " $$ select pg_sleep(case ici when '1A0F1-slow' then 60 else 0 end) $$"
    )
    shelf.section |= {
        "query": "select content, nap(ici) from cmp_codes where ici = $1",
        "statement_timeout": "10s",
    }
    shelf.site.config["workers"] = 1
    shelf.start()
    recovers(shelf)
    verdicts = []
    slow = threading.Thread(target=lambda: verdicts.append(is_down(shelf, "1A0F1-slow")))
    slow.start()
    naps = "select from pg_stat_activity where state = 'active' and wait_event = 'PgSleep'"
    eventually(lambda: database.psql(f"select exists ({naps})") == "t")
    assert shelf.content("1A0F1-1") == "one"
    assert slow.is_alive()
    slow.join()
    assert verdicts == [True]
    recovers(shelf)


# ---- the schema ----


SCHEMAS = {
    "one behind": ("update cmp_schema set version = version - 1", "the schema has version 0"),
    "none": ("drop table cmp_codes, cmp_schema", "the schema has version 0"),
    "newer": ("update cmp_schema set version = 99", "the schema has version 99"),
}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("words", [[], ["-t"]], ids=["start", "check"])
def test_another_schema_stops_the_start(shelf, database, name, words):
    change, said = SCHEMAS[name]
    database.psql(change)
    ended = run(CMPD, *words, "-c", shelf.site.write())
    assert ended.returncode != 0
    assert "plugins.shelf.url" in ended.stderr and said in ended.stderr
    if name == "newer":
        assert "too old" in ended.stderr
    else:
        assert "run etc/sql/postgresql/001_codes.sql" in ended.stderr


@pytest.fixture
def to_be_made(shelf, database):
    database.psql("drop table cmp_codes, cmp_schema; drop function cmp_codes_changed")
    database.psql("grant create on schema public to cmp")
    shelf.section["create"] = "true"
    return shelf


def test_the_schema_is_made_when_asked_for(to_be_made):
    to_be_made.start()
    eventually(lambda: to_be_made.content("1A0F1-1") == "unknown_ici")
    to_be_made.take(ONE)
    recovers(to_be_made)


def test_who_only_reads_makes_no_schema(to_be_made, database):
    ended = to_be_made.codes("list")
    assert ended.returncode != 0 and "the schema has version 0" in ended.stderr
    assert database.psql("select to_regclass('cmp_codes'), to_regclass('cmp_schema')") == "|"


def test_the_schema_is_made_by_one_of_many(to_be_made):
    put = [CMPCTL, "codes", "put", json.dumps(ONE), "--config", to_be_made.site.write()]
    all_at_once = [
        subprocess.Popen([*put, "--store", "shelf"], stderr=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    assert [(one.communicate()[1], one.returncode) for one in all_at_once] == [("", 0)] * 8


# ---- locks ----


@contextlib.contextmanager
def locked(database, how):
    """While another session holds a lock."""
    asleep = f"from pg_stat_activity where datname = '{database.name}' and wait_event = 'PgSleep'"
    holding = database.server.psql_meanwhile(
        f"begin; {how}; select pg_sleep(3600);", database=database.name
    )
    eventually(lambda: database.psql(f"select exists (select {asleep})") == "t")
    yield
    database.psql(f"select pg_terminate_backend(pid) {asleep}")
    assert holding.wait(PATIENCE) != 0


LOCKED = "another session has locked what was needed"


def test_what_is_locked_is_not_waited_for_for_long(shelf, database):
    shelf.section["busy_timeout"] = "100ms"
    row, table = "update cmp_codes set content = 'locked'", "lock table cmp_codes"
    put, remove = ("put", json.dumps(ONE | {"content": "new"})), ("remove", "1A0F1-1")
    for how, words in ((row, put), (row, remove), (table, put), (table, ("list",))):
        with locked(database, how):
            ended = shelf.codes(*words)
            assert ended.returncode == 2 and LOCKED in ended.stderr, words
            assert "cmp_codes" in ended.stderr.split(LOCKED)[1]
    assert shelf.codes(*put).returncode == 0


def test_writes_of_a_locked_row_leave_room_for_others(shelf, database):
    site = shelf.site
    site.listener["interfaces"].append("codes")
    token = site.token("writer", allow=["read", "write"])
    site.expect_error(LOCKED)
    site.expect_error("records that could not be written were not logged")
    shelf.section["busy_timeout"] = "200ms"
    shelf.start()

    def status(ici, content="new"):
        return put(site, {"ici": ici, "content": content}, token=token).status

    with locked(database, "update cmp_codes set content = 'locked'"):
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            assert set(pool.map(lambda i: status("1A0F1-1", f"new {i}"), range(12))) == {503}
        eventually(lambda: status("1A0F1-free") == 204)
    site.wait_for_log(LOCKED)
    eventually(lambda: status("1A0F1-1") == 204)


def test_a_reload_while_the_schema_is_locked(shelf, database):
    """It is refused, as the new store could not look up anything; the old one can."""
    shelf.site.config["admin"] = {"socket": "admin.sock"}
    shelf.site.expect_error(LOCKED)
    shelf.site.expect_error("the new configuration is not taken")
    shelf.start()
    recovers(shelf)
    shelf.section["waiting"] = 500
    with locked(database, "lock table cmp_schema"):
        assert LOCKED in "".join(reload(shelf.site, good=False))
        assert shelf.content("1A0F1-1") == "one"
    reload(shelf.site)
    recovers(shelf)


def test_a_start_while_the_schema_is_locked(shelf, database):
    with locked(database, "lock table cmp_schema"):
        shelf.start()
        assert shelf.site.wait_for_log(LOCKED)
        assert is_down(shelf)
    recovers(shelf)


# ---- with a cache ----


def cached(shelf, **options):
    shelf.section["cache"] = {"ttl": "1h", "negative_ttl": "1h", "serve_stale": "1h"} | options
    shelf.site.config["workers"] = 1


def it_listens(shelf, database):
    """What it remembered before is not believed. That it listens is known by what it hears."""
    eventually(database.listeners)
    database.psql("insert into cmp_codes (ici, content) values ('1A0F1-HEARD', 'before')")
    eventually(lambda: shelf.content("1A0F1-HEARD") == "before")
    database.psql("update cmp_codes set content = 'after' where ici = '1A0F1-HEARD'")
    eventually(lambda: shelf.content("1A0F1-HEARD") == "after")


def test_what_is_known_is_served_while_the_server_is_down(shelf, postgres, stop, database):
    cached(shelf, ttl="100ms", negative_ttl="100ms")
    shelf.take({"ici": "1A0F1-2", "content": "never asked"})
    shelf.start()
    it_listens(shelf, database)
    assert shelf.content("1A0F1-1") == "one"
    stop()
    time.sleep(0.3)
    for _ in range(5):
        assert shelf.content("1A0F1-1") == "one"
        assert is_down(shelf, "1A0F1-2")
    postgres.start()
    eventually(lambda: shelf.content("1A0F1-2") == "never asked", RECOVERY)


def test_without_it_nothing_stale_is_served(shelf, stop):
    cached(shelf, ttl="100ms", serve_stale="0s")
    shelf.start()
    eventually(lambda: shelf.content("1A0F1-1") == "one")
    stop()
    time.sleep(0.3)
    eventually(lambda: is_down(shelf))


def test_a_write_of_somebody_else_ends_what_is_remembered(shelf, database):
    cached(shelf)
    shelf.start()
    it_listens(shelf, database)

    def settled(ici, content):
        eventually(lambda: shelf.content(ici) == content, RECOVERY)

    assert shelf.content("1A0F1-1") == "one"
    assert shelf.content("1A0F1-2") == "unknown_ici"
    shelf.codes("put", json.dumps(ONE | {"content": "new"}))
    settled("1A0F1-1", "new")
    shelf.codes("put", json.dumps({"ici": "1A0F1-2", "content": "two"}))
    settled("1A0F1-2", "two")
    database.psql("update cmp_codes set content = 'newer' where ici = '1A0F1-1'")
    settled("1A0F1-1", "newer")
    shelf.codes("remove", "1A0F1-2")
    settled("1A0F1-2", "unknown_ici")
    shelf.take(*[{"ici": f"1A0F1-{i}", "content": "many"} for i in range(500)])
    settled("1A0F1-1", "many")
    database.psql("truncate cmp_codes")
    settled("1A0F1-1", "unknown_ici")


def test_what_changes_while_it_is_looked_up_is_not_remembered(shelf, postgres, database):
    """The look-up has read the old record; the change is heard of before it ends."""
    cached(shelf)
    database.psql(
        "create function nap(ici text) returns boolean language plpgsql as"
        " $$ begin if ici = '1A0F1-1' then"
        " perform pg_advisory_lock_shared(7); perform pg_advisory_unlock_shared(7);"
        " end if; return true; end $$;"
        " create policy slow on cmp_codes using (nap(ici));"
        " alter table cmp_codes enable row level security;"
        " alter table cmp_codes force row level security"
    )
    shelf.section["statement_timeout"] = "60s"
    shelf.site.config["resolve"]["deadline"] = "60s"
    shelf.start()
    it_listens(shelf, database)

    def locks(how):
        return f"from pg_locks where locktype = 'advisory' and {how}"

    def seen(how):
        return database.psql(f"select exists (select {locks(how)})") == "t"

    holding = postgres.psql_meanwhile(
        "select pg_advisory_lock(7), pg_sleep(3600)", database=database.name
    )
    eventually(lambda: seen("granted"))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(shelf.content, "1A0F1-1")
        eventually(lambda: seen("not granted"))
        database.psql("update cmp_codes set content = 'new' where ici = '1A0F1-1'")
        database.psql(f"select pg_terminate_backend(pid) {locks('granted')}")
        assert asked.result() == "one"
    eventually(lambda: shelf.content("1A0F1-1") == "new")
    assert holding.wait(PATIENCE) != 0


def test_what_was_written_while_nobody_listened(shelf, postgres, stop, database):
    """After a gap everything may have changed."""
    cached(shelf)
    shelf.start()
    it_listens(shelf, database)
    assert shelf.content("1A0F1-1") == "one"
    stop()
    assert shelf.content("1A0F1-1") == "one"
    postgres.start()
    database.psql("update cmp_codes set content = 'new' where ici = '1A0F1-1'")
    eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)


def test_a_gap_does_not_empty_the_cache(shelf, postgres, database):
    """The listener's connection comes and goes while look-ups fail: what is kept may be old, and is
    better than nothing."""
    cached(shelf)
    shelf.start()
    it_listens(shelf, database)
    assert shelf.content("1A0F1-1") == "one"
    assert shelf.content("1A0F1-none") == "unknown_ici"
    database.psql("alter table cmp_codes rename to elsewhere")
    for _ in range(2):
        before = database.listeners()
        postgres.psql(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            f" where datname = '{database.name}'"
        )
        eventually(lambda: database.listeners() - before)
        eventually(lambda: is_down(shelf, "1A0F1-none"))
        assert shelf.content("1A0F1-1") == "one"
    database.psql("alter table elsewhere rename to cmp_codes")
    eventually(lambda: shelf.content("1A0F1-none") == "unknown_ici", RECOVERY)
    database.psql("update cmp_codes set content = 'new'")
    eventually(lambda: shelf.content("1A0F1-1") == "new", RECOVERY)


# ---- several servers ----


def replicated(standby, postgres):
    """The standby has all that the primary has written so far."""
    place = postgres.psql("select pg_current_wal_lsn()")
    eventually(lambda: standby.psql(f"select pg_last_wal_replay_lsn() >= '{place}'::pg_lsn") == "t")


@pytest.fixture
def with_replica(shelf, standby, database):
    replica = database.url().replace(f":{database.server.port}/", f":{standby.port}/")
    shelf.section["replica_url"] = replica
    return shelf


def test_reads_go_on_while_the_primary_is_down(with_replica, standby, postgres, stop):
    replicated(standby, postgres)
    with_replica.section["statement_timeout"] = "20s"
    with_replica.start()
    recovers(with_replica)  # every worker has its connections, so nothing is unavailable any more
    with Crowd(with_replica) as crowd:
        eventually(lambda: len(crowd.answers) > 4)
        stop("immediate")
        time.sleep(1)
    assert crowd.check() == 0
    ended = with_replica.codes("put", json.dumps(ONE))
    assert ended.returncode == 2, "there is nobody to write to"
    postgres.start()
    assert with_replica.codes("put", json.dumps(ONE | {"content": "new"})).returncode == 0
    eventually(lambda: with_replica.content("1A0F1-1") == "new")


def test_the_primary_stands_in_for_the_replica(with_replica, standby, postgres):
    replicated(standby, postgres)
    with_replica.start()
    recovers(with_replica)
    standby.stop("immediate")
    recovers(with_replica)
    standby.start()
    sessions = "select count(*) > 0 from pg_stat_activity where usename = 'cmp'"
    eventually(lambda: standby.psql(sessions) == "t", RECOVERY)  # it goes back to the replica
    recovers(with_replica)


def test_a_cache_before_a_replica_that_lags(with_replica, standby, postgres, database):
    """The primary tells of the change long before the replica has it."""
    cached(with_replica)
    replicated(standby, postgres)
    with_replica.start()
    eventually(database.listeners)
    eventually(lambda: with_replica.content("1A0F1-1") == "one")
    standby.psql("select pg_wal_replay_pause()")
    database.psql("update cmp_codes set content = 'new' where ici = '1A0F1-1'")
    assert with_replica.content("1A0F1-1") == "one"
    standby.psql("select pg_wal_replay_resume()")
    eventually(lambda: with_replica.content("1A0F1-1") == "new")


@pytest.mark.parametrize("attributes", [{}, {"target_session_attrs": "any"}])
def test_the_first_host_is_a_standby(shelf, standby, postgres, database, attributes):
    """Look-ups may stay there; changes are heard of at the primary, which is found."""
    first = f"127.0.0.1:{standby.port},127.0.0.1:"
    shelf.section["url"] = database.url(**attributes).replace("127.0.0.1:", first)
    cached(shelf)
    replicated(standby, postgres)
    shelf.start()
    eventually(database.listeners)
    eventually(lambda: shelf.content("1A0F1-1") == "one")
    assert "look-ups are answered by a standby" in shelf.site.log_text()
    assert ("cannot execute LISTEN" in shelf.site.log_text()) == bool(attributes)
    database.psql("update cmp_codes set content = 'new' where ici = '1A0F1-1'")
    eventually(lambda: shelf.content("1A0F1-1") == "new")


def test_no_primary_is_there_to_listen_to(shelf, standby, postgres, database):
    shelf.section["url"] = database.url().replace(f":{postgres.port}/", f":{standby.port}/")
    cached(shelf)
    replicated(standby, postgres)
    shelf.start()
    eventually(lambda: shelf.content("1A0F1-1") == "one")
    database.psql("update cmp_codes set content = 'new' where ici = '1A0F1-1'")
    eventually(lambda: shelf.content("1A0F1-1") == "new")


def test_a_standby_takes_the_primarys_place(shelf, standby, postgres, stop, database):
    shelf.section["url"] = database.url(standby, target_session_attrs="read-write")
    replicated(standby, postgres)
    shelf.start()
    with Crowd(shelf) as crowd:
        eventually(lambda: len(crowd.answers) > 4)
        stop("immediate")
        time.sleep(0.5)
        standby.promote()
        recovers(shelf)
    crowd.check()
    shelf.take(ONE | {"content": "new"})
    recovers(shelf, "new")
