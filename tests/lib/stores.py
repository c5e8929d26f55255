# SPDX-License-Identifier: Apache-2.0
"""Every store that can be had, filled in the way that its operator would fill it."""
import json
import time

from daemon import CMPCTL, run
from patience import PATIENCE


def sqlite(site):
    return {"use": "store_sql", "url": f"sqlite:{site.folder}/codes.db"}


def postgresql(site, database):
    return {"use": "store_sql", "url": database.url()}


def memory(site):
    return {"use": "store_memory", "path": "store.ndjson"}


def file(site):
    return {"use": "store_file", "path": "codes.ndjson", "check_interval": "100ms"}


def remote(site, codes_server):
    return {
        "use": "store_remote",
        "url": codes_server.url("/codes/v1"),
        "token": codes_server.token(site.folder.name),
        "tls": {"ca": str(site.authority.path)},
        "timeout": "20s",
    }


# Further arguments are fixtures of that name.
WRITABLE = {"memory": memory, "sqlite": sqlite, "postgresql": postgresql}
ALL = {"file": file, "remote": remote} | WRITABLE


def section_of(name, site, request):
    """The options of such a store; `request` is pytest's."""
    make = ALL[name]
    needed = make.__code__.co_varnames[1 : make.__code__.co_argcount]
    return make(site, *[request.getfixturevalue(fixture) for fixture in needed])


def eventually(check, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "did not come to pass"
        time.sleep(0.02)


def grown(path, size):
    """Waits until a file has so many octets."""
    eventually(lambda: path.exists() and path.stat().st_size >= size)


def ask_until_logged(site, words, ask):
    """A worker that has failed says that it is over, and others may get all requests for a while."""

    def logged():
        ask()
        return any(words in line["message"] for line in site.log())

    eventually(logged)


def codes(site, command, *words, **how):
    """`cmpctl codes` on the site's store `shelf`."""
    config = site.write()
    return run(CMPCTL, "codes", command, *words, "--config", config, "--store", "shelf", **how)


class Shelf:
    """A site whose only store is `shelf`, and a peer `b` that asks it."""

    def __init__(self, site, section):
        self.site = site
        self.b = site.peer("b")
        site.store(name="shelf", **section)
        del site.config["plugins"]["codes"]

    def codes(self, *words, **how):
        return codes(self.site, *words, **how)

    def take(self, *records):
        """Imports records; they add to what is there."""
        text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
        ended = self.codes("import", "-", "--quiet", input=text)
        assert ended.returncode == 0, ended.stderr

    def start(self):
        self.site.start()
        return self

    def ask(self, ici, **how):
        return self.site.ask(self.b, ici, **how)

    def content(self, ici):
        """The content, or the code word of the error."""
        answer = self.ask(ici)
        return answer.json["content"] if answer.status == 200 else answer.code
