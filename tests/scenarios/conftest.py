# SPDX-License-Identifier: Apache-2.0
"""What every scenario gets: a CA for the run, and a site of its own."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import stores  # noqa: E402
from authority import Authority  # noqa: E402
from daemon import Site, give_ports_back, stop_all  # noqa: E402
from postgres import Postgres, available  # noqa: E402
from world import World  # noqa: E402


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def ports():
    """Those that a test takes are its own until everything of it has ended."""
    yield
    give_ports_back()


@pytest.fixture
def make_site(tmp_path, authority):
    """Makes sites, each in a folder of its own, and ends them all."""
    sites = []

    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        sites.append(Site(folder, authority))
        return sites[-1]

    yield make
    stop_all(sites)


@pytest.fixture
def site(make_site):
    """One CMP, not started yet: a.example.net, with prefix 1A0F1."""
    return make_site("a")


@pytest.fixture
def codes_server(make_site):
    """Another cmpd, not started yet, that gives away the codes of a SQLite file of its own."""
    made = make_site("codes")
    made.listener["interfaces"] = ["codes"]
    made.store(name="shelf", **stores.sqlite(made))
    return made


@pytest.fixture(scope="session")
def postgres():
    """One server for the run, or for each process of it. Who stops it, starts it again."""
    if not available():
        pytest.fail("PostgreSQL is not installed; tests/run.sh does that")
    made = Postgres.make()
    yield made
    made.remove()


@pytest.fixture
def database(postgres):
    """A database of its own on that server: our schema, no codes."""
    return postgres.database()


@pytest.fixture
def world(tmp_path, authority):
    """Several CMPs on loopback; all of them are ended, and their logs looked at."""
    made = World(tmp_path, authority)
    yield made
    made.stop()
