# SPDX-License-Identifier: Apache-2.0
"""A real pgbouncer in transaction mode before the tests' PostgreSQL: each transaction of a client may
find another session of the server."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from daemon import free_port, give_ports_back
from patience import PATIENCE
from postgres import USER

PGBOUNCER = "/usr/sbin/pgbouncer"
SESSIONS = 3  # of the server, for all clients


class Pooler:
    def __init__(self, server):
        self.server = server
        self.kept = []
        self.port = free_port(self.kept)
        self.folder = Path(tempfile.mkdtemp(prefix="cmp-pooler-"))
        self.folder.chmod(0o755)
        users = self.folder / "users.txt"
        users.write_text(f'"{USER}" ""\n"postgres" ""\n')
        self.config = self.folder / "pgbouncer.ini"
        self.config.write_text(
            "[databases]\n"
            f"* = host=127.0.0.1 port={server.port}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\n"
            f"pool_mode = transaction\ndefault_pool_size = {SESSIONS}\n"
            "server_round_robin = 1\n"  # so that nobody keeps a session by chance
        )
        self.process = None

    def start(self):
        words = [PGBOUNCER, "-q", str(self.config)]
        if os.getuid() == 0:  # it does not run as root
            words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *words]
        with open(self.folder / "log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *words], stdout=log, stderr=log
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                log_text = (self.folder / "log").read_text()
                assert self.process.poll() is None and time.monotonic() < deadline, log_text
                time.sleep(0.02)

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        give_ports_back(self.kept)

    def url(self, database):
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database.name}"

    def psql(self, database, sql):
        """As another program does it that uses the same sessions; returns what it says."""
        ended = subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url(database)],
            input=sql,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()
