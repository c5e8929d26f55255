# SPDX-License-Identifier: Apache-2.0
"""`cmpctl restart`: a new process takes over, and nobody is refused meanwhile."""
import concurrent.futures
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess

import journal
import pytest
import successor
from client import connect, receive_all, written
from daemon import BUILD, CMPCTL, CMPD, SANITIZED, free_port, message, run
from frames import Http2
from hyperframe.frame import DataFrame
from load import Load
from manager import Manager
from patience import PATIENCE
from stores import eventually, grown
from test_watchdog import Asking, holding, let_go, listening

pytestmark = pytest.mark.threads

ICI = "1A0F1-1"
TARGET = "/mc-3/resolve-ici?"


@pytest.fixture
def served(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.write_codes({"ici": ICI, "content": "x"})
    return site


@pytest.fixture
def b(served):
    return served.peer("b", rate="100000/s")


def restart_fails(site, *words):
    """Returns what is printed."""
    before = site.process.pid
    ended = run(CMPCTL, "restart", "--socket", site.folder / "admin.sock", *words)
    assert ended.returncode == 1, ended
    site.expect_error("no restart: ")
    assert site.process.pid == before and site.process.poll() is None
    # It is asked again, and what has failed has left its socket alone.
    assert run(CMPCTL, "stats", "--socket", site.folder / "admin.sock").returncode == 0
    return ended.stderr


def test_another_process_takes_over(served, b):
    served.start()
    first = served.process.pid
    assert served.ask(b, ICI).status == 200
    before = served.restart()
    assert served.process.pid != first
    assert before.wait(PATIENCE) == 0
    assert served.ask(b, ICI).status == 200
    assert (served.folder / "admin.sock").is_socket()
    again = served.restart()
    assert again.wait(PATIENCE) == 0
    assert served.ask(b, ICI).status == 200
    served.stop()
    assert not (served.folder / "admin.sock").exists()


def test_nobody_is_refused(served, b):
    """With other numbers of workers than before, too."""
    served.start()
    numbers = [3, 1, 2, 2, 4]
    with Load(served, b, ICI) as load:
        load.wait(50)
        for i in range(int(os.environ.get("CMPD_RESTARTS", "5"))):
            served.config["workers"] = numbers[i % len(numbers)]
            served.write()
            before = served.restart()
            load.wait(50)
            assert before.wait(PATIENCE) == 0
    load.check()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's threads are its own")
def test_one_that_lacks_a_worker_does_not_take_over(served, b):
    few = served.folder / "few"
    served.config["workers"] = 2
    served.environment |= {"LD_PRELOAD": str(BUILD / "tests" / "few_threads.so"),
                           "FEW_THREADS": str(few), "FEW_THREADS_MOST": "0"}  # fmt: skip
    served.start()
    threads = len(os.listdir(f"/proc/{served.process.pid}/task"))
    served.stop()
    served.environment["FEW_THREADS_MOST"] = str(threads - 2)  # all but this one and the last
    served.start()
    few.touch()
    served.expect_error("cannot start worker 1")
    assert "ended with status 1" in restart_fails(served)
    assert served.ask(b, ICI).status == 200
    few.unlink()
    assert served.restart().wait(PATIENCE) == 0
    assert served.ask(b, ICI).status == 200


# ---- what was used stays used ----


class Kept:
    """A connection from before the restart, with a request begun that is not yet whole: so it is not
    idle, and the process before waits for the rest."""

    def __init__(self, site, http2):
        self.h2 = Http2(site.port, site.authority.path) if http2 else None
        if http2:
            fields = [("content-type", "application/x-www-form-urlencoded")]
            self.stream = self.h2.get(TARGET[:-1], fields, end=False, method="POST")
            self.h2.settle()
        else:
            self.h1 = connect(site.port, site.authority.path)
            self.h1.sendall(b"GET ")

    def ask(self, pairs):
        if self.h2:
            data = DataFrame(self.stream, written(pairs.items()).encode(), flags=["END_STREAM"])
            self.h2.send(data)
            assert self.h2.read(self.stream)
            return self.h2.status[self.stream]
        rest = f"{TARGET}{written(pairs.items())} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        self.h1.sendall(rest.encode())
        return int(receive_all(self.h1)[0].split()[1])


@pytest.mark.parametrize("file", [False, True], ids=["memory", "file"])
def test_a_request_is_good_once_for_both(served, b, file):
    """As long as the one before still answers."""
    served.config["replay"] = {"file": "once"} if file else {}
    served.config |= {"limits": {"request_timeout": "60s"}, "drain": "60s"}  # so they are kept
    served.start()
    kept = [Kept(served, http2=i % 2 == 1) for i in range(12)]
    used = [message(b, ICI) for _ in range(4)]
    assert [served.send(pairs).status for pairs in used] == [200] * 4
    before = served.restart()
    assert [served.send(pairs).status for pairs in used] == [409] * 4  # used before
    assert [one.ask(pairs) for one, pairs in zip(kept[:4], used)] == [409] * 4
    for one in kept[4:8]:  # from the new one to the old one
        mine = message(b, ICI)
        assert served.send(mine).status == 200
        assert one.ask(mine) == 409
    for one in kept[8:]:  # from the old one to the new one
        mine = message(b, ICI)
        assert before.poll() is None
        assert one.ask(mine) == 200
        assert served.send(mine).status == 409
    assert before.wait(PATIENCE) == 0


def test_another_place_of_the_memory_is_refused(served, b):
    served.start()
    served.config["replay"] = {"file": "once"}
    served.write()
    served.expect_error("the process before remembers elsewhere")
    said = restart_fails(served)
    assert "replay.file: " in said and "the process before remembers elsewhere" in said
    assert served.ask(b, ICI).status == 200


# ---- the journal ----


def test_both_write_the_journal(served, b):
    """Each request is recorded once, whoever answered it; and small segments end in both."""
    journal.keep(served, segment_size="64K")
    served.start()
    with Load(served, b, ICI) as load:
        load.wait(50)
        for _ in range(2):
            before = served.restart()
            load.wait(50)
            assert before.wait(PATIENCE) == 0
    load.check()
    answered = load.asked() + load.answered
    eventually(lambda: len(journal.records(served)) >= answered)
    tids = [record["tid"] for record in journal.records(served)]
    assert len(set(tids)) == len(tids)
    assert not [line for line in served.log("warning") if line["area"] == "journal"]


def test_who_follows_the_journal_sees_what_the_one_before_writes_last(served, b):
    """When the new process has begun a segment of its own already."""
    journal.keep(served)
    begun = served.folder / "begun"
    served.config["resolve"]["deadline"] = "60s"
    served.store("store_async", delay="5s", begun=str(begun), path=str(served.folder / "ended"))
    served.start()
    with following(served) as statuses, concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert served.ask(b, ICI, more={"count": "99"}).status == 508
        eventually(lambda: statuses() == [508])
        late = pool.submit(served.ask, b, "1A0F1-ASYNC")
        grown(begun, 1)
        served.config["plugins"]["special"]["delay"] = "10ms"
        served.write()
        before = served.restart()
        assert served.ask(b, "1A0F1-NONE").status == 404
        eventually(lambda: 404 in statuses())
        assert late.result().status == 200 and before.wait(PATIENCE) == 0
        eventually(lambda: sorted(statuses()) == [200, 404, 508])
        assert served.ask(b, "1A0F1-NONE").status == 404
        eventually(lambda: statuses()[3:] == [404])


@contextlib.contextmanager
def following(site):
    """Gives a function: the statuses of what `cmpctl journal follow` has shown so far."""
    path = site.folder / "followed"
    words = [CMPCTL, "journal", "follow", "--path", journal.folder(site), "--form", "ndjson"]
    with path.open("w") as shown:
        follower = subprocess.Popen(words, stdout=shown)
    try:
        yield lambda: [json.loads(line)["status"] for line in path.read_text().split("\n")[:-1]]
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(PATIENCE) == 0


# ---- a plugin that holds a worker ----


def test_a_worker_that_is_stuck_is_no_hindrance(site):
    """Its listening socket, which it has withdrawn, is served again by the new process; and what it
    holds is still answered by the old one."""
    site.config["drain"] = site.config["resolve"]["deadline"] = "60s"
    key = holding(site, stall="50ms", stuck_after="1s")
    site.expect_error("is stuck in lookup of special")
    asking = Asking(site, key)
    eventually(lambda: len(stuck_workers(site)) == 1)
    eventually(lambda: listening(site) == 1)
    before = site.restart()
    eventually(lambda: listening(site) == 2)
    for _ in range(10):
        assert site.ask(key, "1A0F1-GOOD").status == 200
    assert asking.is_alive() and before.poll() is None
    let_go(site)
    asking.join()
    assert asking.answer.status == 200
    assert before.wait(PATIENCE) == 0
    assert listening(site) == 2


def stuck_workers(site):
    return [line["message"] for line in site.log("error") if "is stuck in" in line["message"]]


# ---- what fails ----


def test_a_configuration_that_is_broken_is_told(served, b):
    served.start()
    good = served.config["listeners"][0].pop("interfaces")
    served.config["workers"] = "many"
    path = served.write()
    served.expect_error(f"{path}:")
    said = restart_fails(served)
    assert f"{path}:" in said and "workers: " in said and "listeners[0].interfaces" in said
    assert served.ask(b, ICI).status == 200
    served.config["listeners"][0]["interfaces"] = good
    served.config["workers"] = 2
    served.write()
    assert served.restart().wait(PATIENCE) == 0
    assert served.ask(b, ICI).status == 200


def test_who_does_not_start_takes_leave_of_no_listener(served, b):
    served.start()
    with socket.create_server(("127.0.0.1", 0)) as other:
        served.listener["bind"] = f"127.0.0.1:{other.getsockname()[1]}"
        served.write()
        served.expect_error("Address already in use")
        assert "Address already in use" in restart_fails(served)
    assert "no listener is any more at" not in served.log_text()


@pytest.fixture
def own_program(served, monkeypatch):
    """A copy of the daemon that can be replaced."""
    path = served.folder / "bin" / "cmpd"
    path.parent.mkdir()
    shutil.copy(CMPD, path)
    monkeypatch.setattr("daemon.CMPD", path)
    return path


def replace(path, text):
    new = path.with_name("new")
    new.write_text(text)
    new.chmod(0o755)
    new.rename(path)


@pytest.mark.parametrize(
    "script, words, said",
    [
        ("#!/bin/sh\nexit 7\n", [], "ended with status 7 before it was ready"),
        ("#!/bin/sh\nkill -SEGV $$\n", [], "was ended by signal 11 (Segmentation fault)"),
        ("#!/bin/sh\nexec sleep 1000\n", ["--timeout", "1"], "not ready within 1000 ms"),
        ("#!/bin/sh\nexec 3>&-\nexec sleep 1000\n", [], "was ended by signal 9 (Killed)"),
        ("no program", [], "cannot be started: Exec format error"),
    ],
    ids=["exits", "crashes", "hangs", "lets go", "is none"],
)
def test_a_program_that_fails_leaves_the_old_one(served, b, own_program, script, words, said):
    served.start()
    good = own_program.with_name("good")
    own_program.rename(good)
    replace(own_program, script)
    assert said in restart_fails(served, *words)
    assert served.ask(b, ICI).status == 200
    good.rename(own_program)
    assert served.restart().wait(PATIENCE) == 0
    assert served.ask(b, ICI).status == 200


def test_a_stop_ends_a_restart(served, b, own_program):
    served.start()
    pid_file = served.folder / "pid"
    replace(own_program, f"#!/bin/sh\necho $$ > {pid_file}\nexec sleep 1000\n")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        said = pool.submit(run, CMPCTL, "restart", "--socket", served.folder / "admin.sock")
        eventually(lambda: pid_file.is_file() and pid_file.read_text().strip())
        served.signal(signal.SIGTERM)
        assert "the daemon is stopping" in said.result().stderr
    assert served.wait() == 0
    eventually(lambda: not os.path.exists(f"/proc/{pid_file.read_text().strip()}"))


# ---- who hears of it ----


def test_systemd_hears_whose_service_it_is(served, b):
    manager = Manager(served.folder / "notify")
    served.environment = manager.environment
    served.start()
    first = served.process.pid
    assert manager.hear() == ({"READY": "1"}, first)
    assert served.restart().wait(PATIENCE) == 0
    assert manager.hear() == ({"MAINPID": str(served.process.pid)}, first)
    assert manager.hear() == ({"READY": "1"}, served.process.pid)
    assert manager.heard_all() == []  # the old one's end is not the service's


# ---- what changes with it ----


def test_listeners_come_and_go(served, b):
    first, port = dict(served.listener), free_port()
    served.start()
    served.config["listeners"].append(first | {"name": "more", "bind": f"127.0.0.1:{port}"})
    served.write()
    assert served.restart().wait(PATIENCE) == 0
    assert served.ask(b, ICI, port=port).status == 200
    served.config["listeners"].pop()
    served.write()
    assert served.restart().wait(PATIENCE) == 0
    assert served.ask(b, ICI).status == 200
    with pytest.raises(Exception, match="refused"):
        served.ask(b, ICI, port=port)


def test_a_port_gets_another_address(served, b):
    """Which the process before still has when it is bound, and shares."""
    served.start()
    for address in ("*", "127.0.0.1"):
        served.listener["bind"] = f"{address}:{served.port}"
        served.write()
        assert served.restart().wait(PATIENCE) == 0
        assert served.ask(b, ICI).status == 200


def test_the_admin_socket_may_move(served, b):
    served.start()
    served.config["admin"]["socket"] = "other.sock"
    old = served.folder / "old.yaml"
    (served.folder / "cmpd.yaml").rename(old)
    served.write()
    successor.prepare()
    ended = run(CMPCTL, "restart", "--socket", served.folder / "admin.sock")
    assert ended.returncode == 0, ended.stderr
    pid = int(ended.stdout.split()[1])
    before, served.process = served.process, successor.Successor(pid)
    assert before.wait(PATIENCE) == 0
    assert not (served.folder / "admin.sock").exists()
    assert served.restart().wait(PATIENCE) == 0
    assert served.ask(b, ICI).status == 200
