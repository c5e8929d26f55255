# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL on loopback for a run of the tests, and streaming replicas of it."""
import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from pathlib import Path

from daemon import ROOT, free_port, give_ports_back, run
from patience import PATIENCE

SCRIPT = Path(__file__).with_name("postgres.sh")
SCHEMA = ROOT / "etc" / "sql" / "postgresql" / "001_codes.sql"
SLOTS = 25
SLOTS_FOR_SUPERUSERS = 3
SETTINGS = (
    f"max_connections = {SLOTS}",
    f"superuser_reserved_connections = {SLOTS_FOR_SUPERUSERS}",
)
USER = "cmp"  # what cmpd connects as; it is no superuser


def available():
    return any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


class Postgres:
    """A server in a folder of its own, which another user may enter: it never runs as root."""

    def __init__(self, folder):
        self.folder = folder
        self.kept = []
        self.port = free_port(self.kept)
        self.numbers = itertools.count(1)

    @classmethod
    def make(cls):
        made = cls._in_new_folder()
        made._script("init", made.port, *SETTINGS)
        made.start()
        made.psql(f"create role {USER} login; create database pattern owner {USER}")
        made.psql(SCHEMA.read_text(), database="pattern", user=USER)
        return made

    @classmethod
    def _in_new_folder(cls):
        folder = Path(tempfile.mkdtemp(prefix="cmp-postgres-"))
        folder.chmod(0o755)
        made = cls(folder)
        made._script("guard", os.getpid())
        return made

    def standby(self):
        """A streaming replica, started."""
        made = self._in_new_folder()
        made._script("standby", made.port, self.folder)
        return made.start()

    def _script(self, command, *words):
        ended = run("sh", SCRIPT, command, self.folder, *words)
        assert ended.returncode == 0, ended.stderr + self.log_text()

    def log_text(self):
        log = self.folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def start(self):
        self._script("start")
        return self

    def stop(self, mode="fast"):
        if self.runs():
            self._script("stop", mode)

    def promote(self):
        self._script("promote")

    def runs(self):
        return (self.folder / "data" / "postmaster.pid").exists()

    def remove(self):
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
        give_ports_back(self.kept)

    # ---- asking ----

    def psql(self, sql, *, database="postgres", user="postgres"):
        """Runs some SQL; returns what it says."""
        ended = subprocess.run(
            self._psql(database, user), input=sql, capture_output=True, text=True, timeout=PATIENCE
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def psql_meanwhile(self, sql, *, database="postgres"):
        """A session that runs some SQL while the test goes on; the caller waits for it."""
        started = subprocess.Popen(
            self._psql(database, "postgres"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        started.stdin.write(sql)
        started.stdin.close()
        return started

    def _psql(self, database, user):
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", database]
        return ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *place]

    def database(self):
        """A new database with our schema and no codes. It ends the one before, which a replica
        would have to copy, too."""
        number = next(self.numbers)
        name = f"codes_{number}"
        self.psql(f"drop database if exists codes_{number - 1} with (force)")
        self.psql(f"create database {name} template pattern owner {USER}")
        return Database(self, name)

    def take_all_slots(self):
        """Connections until the server refuses one; they are to be closed."""
        taken = []
        while len(taken) <= SLOTS:
            connection = self._take_slot()
            if connection is None:
                return taken
            taken.append(connection)
        raise AssertionError("there are more slots than there should be")

    def _take_slot(self):
        """A session of its own, from its first message to `ready for query`; None: refused."""
        words = b"user\0postgres\0database\0postgres\0\0"
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        connection.sendall(struct.pack("!ii", 8 + len(words), 3 << 16) + words)
        stream = connection.makefile("rb")
        while True:
            kind = stream.read(1)
            if kind in (b"", b"E"):
                connection.close()
                return None
            (size,) = struct.unpack("!i", stream.read(4))
            stream.read(size - 4)
            if kind == b"Z":
                return connection


class Database:
    def __init__(self, server, name):
        self.server, self.name = server, name

    def url(self, *more_servers, **parameters):
        """Of this database on its server, or on the first of several that will do."""
        servers = (self.server, *more_servers)
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        words = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{USER}@{hosts}/{self.name}" + (f"?{words}" if words else "")

    def psql(self, sql):
        return self.server.psql(sql, database=self.name)

    def listeners(self):
        """The sessions that hear of changes, by their process."""
        return set(
            self.psql(
                "select pid from pg_stat_activity"
                f" where datname = '{self.name}' and query like '%from pg_trigger%'"
                " and pid <> pg_backend_pid()"
            ).split()
        )

    def kill_backend(self):
        """kill -9, as the kernel does when memory is short. The server then ends all sessions, and
        begins anew by itself."""
        pids = self.psql(
            "select pid from pg_stat_activity"
            f" where datname = '{self.name}' and pid <> pg_backend_pid()"
        ).split()
        assert pids, "nobody is connected"
        os.kill(int(pids[0]), signal.SIGKILL)
