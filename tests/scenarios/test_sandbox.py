# SPDX-License-Identifier: Apache-2.0
"""The shipped unit's sandbox refuses nothing that cmpd is built on: what it does refuse, nobody would
notice."""
import journal
import pytest
import sandbox
from daemon import ROOT, SANITIZED
from stores import eventually
from test_metrics import scraped

UNIT = (ROOT / "etc" / "systemd" / "cmpd.service.in").read_text()
ICI = "1A0F1-1"


@pytest.mark.skipif(SANITIZED, reason="who looks for leaks traces itself, which the unit refuses")
def test_the_units_filter_refuses_nothing_that_is_wanted(site):
    site.config["admin"] = {"socket": "admin.sock"}
    site.write_codes({"ici": ICI, "content": "one"})
    b = site.peer("b")
    journal.keep(site, segment_age="1s")
    site.wrapped = sandbox.around(UNIT)
    site.start()
    assert site.ask(b, ICI).status == 200
    # Packed by a process that steps back before it begins, and says when it cannot.
    eventually(lambda: list(journal.folder(site).glob("journal-*.cmpj.zst")))
    assert len(journal.records(site)) == 1
    assert scraped(site).value("cmpd_clock_kept") in (0, 1)
    site.stop()
    assert "not permitted" not in site.log_text()


def test_it_sets_no_clock_and_loads_nothing():
    allowed = sandbox.let_through(UNIT)
    for group in ("@module", "@mount", "@raw-io", "@reboot", "@swap", "@debug"):
        assert not allowed & sandbox.members(group), group
    assert not allowed & {"clock_settime", "settimeofday", "setuid", "chroot", "sched_setscheduler"}
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in UNIT  # else adjtimex could set it
