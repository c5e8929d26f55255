# SPDX-License-Identifier: Apache-2.0
"""Clients that ask all the time, as partners do, while something happens to the daemon: h2 at a
steady rate (tests/steady), HTTP/1.1 on connections that stay, and on a new one for each request.

Whatever a proper client would see as a failure is one: a refused or reset connection, a request
without an answer, and any answer but 200. What it does see is that a connection which it has left
unused has ended: it asks once more then (RFC 9110, 9.2.2)."""
import http.client
import ssl
import threading
import time

from client import written
from daemon import message
from patience import PATIENCE
from steady import Steady

PATH = "/mc-3/resolve-ici?"
UNUSED = 0.5  # seconds, after which a daemon that goes ends a connection


class Load:
    def __init__(self, site, key, ici, *, rate=300, connections=6, kept=2, fresh=2):
        self.site, self.key, self.ici = site, key, ici
        self.tls = ssl.create_default_context(cafile=str(site.authority.path))
        self.over = threading.Event()
        self.failures, self.counts = [], {"kept": 0, "fresh": 0}
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=("kept",)) for _ in range(kept)]
        self.threads += [threading.Thread(target=self._run, args=("fresh",)) for _ in range(fresh)]
        self.how = {"rate": rate, "connections": connections, "lifetime": 700}

    def __enter__(self):
        self.steady = Steady(self.site.port, self.key, self.ici, **self.how)
        self.answered = self.steady.phase()["answered"]  # its failures are those of a begin
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.figures = self.steady.phase()
        self.answered += self.figures["answered"]
        self.steady.__exit__()

    def _connect(self):
        return http.client.HTTPSConnection(
            "127.0.0.1", self.site.port, context=self.tls, timeout=PATIENCE
        )

    def _begin(self, connection):
        connection.request("GET", PATH + written(message(self.key, self.ici).items()))
        return connection.getresponse()

    def _ask(self, connection, used):
        """True when the server leaves the connection open. `used`: when it was last asked on."""
        try:
            answer = self._begin(connection)
        except (ConnectionError, ssl.SSLEOFError):  # and no octet of an answer
            if used is None or time.monotonic() < used + UNUSED:
                raise
            connection.close()  # it connects again by itself
            answer = self._begin(connection)
        answer.read()
        assert answer.status == 200, answer.status
        return not answer.will_close

    def _run(self, kind):
        connection = used = None
        while not self.over.is_set():
            try:
                connection = connection or self._connect()
                began = time.monotonic()
                stays = self._ask(connection, used)
                used = began
                with self.lock:
                    self.counts[kind] += 1
                if not stays or kind == "fresh":
                    connection.close()
                    connection = used = None
            except Exception as failure:  # each is one
                with self.lock:
                    self.failures.append((time.time(), kind, repr(failure)))
                connection = used = None
        if connection:
            connection.close()

    def asked(self):
        """How many requests of HTTP/1.1 have been answered so far."""
        with self.lock:
            return sum(self.counts.values())

    def wait(self, count, seconds=PATIENCE):
        """Until so many more have been answered."""
        until, deadline = self.asked() + count, time.monotonic() + seconds
        while self.asked() < until:
            assert time.monotonic() < deadline, f"{self.counts}, {self.failures}"
            time.sleep(0.01)

    def check(self):
        """Afterwards: nothing has failed, and each kind was there."""
        assert not self.failures, self.failures[:10]
        assert all(self.counts.values()), self.counts
        lost = {k: self.figures[k] for k in ("refused", "failed", "unconnected")}
        assert lost == {"refused": 0, "failed": 0, "unconnected": 0}, self.figures
        assert self.figures["answered"] > 0
