# SPDX-License-Identifier: Apache-2.0
"""`cmpd -t` looks, and changes nothing anywhere: no name, size, time or octet of a file, no table."""
import hashlib
import sqlite3

import pytest
from daemon import CMPD, run
from stores import ALL, Shelf, section_of
from test_samples import CONFIGURATIONS, installed  # noqa: F401 (a fixture)


def snapshot(folder):
    def one(path):
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        return (status.st_size, status.st_mode, status.st_mtime_ns, content)

    return {str(path): one(path) for path in [folder, *sorted(folder.rglob("*"))]}


def check(folder, config):
    """Checks it, and that the folder is as it was; returns what was said."""
    before = snapshot(folder)
    ended = run(CMPD, "-t", "-c", config)
    assert snapshot(folder) == before
    return ended


@pytest.mark.parametrize("sample", CONFIGURATIONS, ids=lambda path: path.name)
def test_a_sample(installed, sample):  # noqa: F811
    path = installed / sample.name
    path.write_text(sample.read_text().replace("/run/cmpd/", ""))
    assert check(installed, path).returncode == 0


@pytest.mark.parametrize("name", ALL)
def test_a_store(name, site, request):
    shelf = Shelf(site, section_of(name, site, request))
    assert check(site.folder, site.write()).returncode == 0
    if name == "sqlite":
        site.config["plugins"]["shelf"]["url"] = f"sqlite:{site.folder}/other.db"
        assert check(site.folder, site.write()).returncode == 0
    assert shelf.site is site


def test_a_store_that_is_served(site):
    """Beside the daemon, whose write-ahead log is there, and after it."""
    database = site.folder / "codes.db"
    site.store("store_sql", url=f"sqlite:{database}")
    site.start()
    db = sqlite3.connect(database)
    with site.frozen():  # else it empties its log, every second
        with db:
            db.execute("insert into cmp_codes (ici, content) values ('1A0F1-1', 'one')")
        assert (site.folder / "codes.db-wal").stat().st_size > 0
        written = [site.folder / "codes.db", site.folder / "codes.db-wal"]
        before = [snapshot(path) for path in written]
        assert run(CMPD, "-t", "-c", site.folder / "cmpd.yaml").returncode == 0
        assert [snapshot(path) for path in written] == before
    db.close()
    site.stop()
    assert check(site.folder, site.folder / "cmpd.yaml").returncode == 0


def test_tables_are_not_made(site, database):
    """Nor does it say that they are missing, when the start would make them."""
    database.psql("drop table cmp_schema, cmp_codes; drop function cmp_codes_changed")
    site.store("store_sql", url=database.url(), create=True)
    assert check(site.folder, site.write()).returncode == 0
    assert "0" in database.psql("select count(*) from pg_class where relname like 'cmp%'")
