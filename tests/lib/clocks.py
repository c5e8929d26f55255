# SPDX-License-Identifier: Apache-2.0
"""A cmpd whose wall clock goes wrong while it runs; the monotonic one goes on."""
import daemon
import pytest


def settable(site):
    """To be called before the site starts; returns what sets its clock, by as many seconds."""
    if daemon.SANITIZED:
        pytest.skip("a preloaded library does not go with sanitizers")
    offset = site.folder / "offset"
    site.wrapped = ["env", f"LD_PRELOAD={daemon.BUILD}/tests/set_clock.so", f"SET_CLOCK={offset}"]
    return lambda seconds: offset.write_text(f"{seconds}\n")
