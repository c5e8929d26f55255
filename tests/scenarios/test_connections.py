"""Connections: what one of them may hold, who gets in when there are many, and what is left of them
for the others."""
import re

import pytest
from client import connect
from daemon import run


def receive_buffers(port):
    """Of the connections that a server holds at a port, as the kernel shows them: twice the size."""
    shown = run("ss", "-Htmn", "state", "established", "sport", "=", f":{port}").stdout
    return {int(size) // 2 for size in re.findall(r"skmem:\(r\d+,rb(\d+)", shown)}


@pytest.mark.parametrize("asked, kept", [(None, (65536, 16384)), ("32K", (32768, 32768))])
def test_what_the_kernel_holds_of_a_connection(world, asked, kept):
    """The less, the less of a flood comes into one turn of the loop: few where anybody may ask."""
    home = world.cmp("a", "1A0F1")
    home.handsets["tls"] = home.listener["tls"]
    if asked is not None:
        home.listener["receive_buffer"] = home.handsets["receive_buffer"] = asked
    home.start()
    for port, size in zip((home.port, home.handset_port), kept):
        with connect(port, home.authority.path):
            assert receive_buffers(port) == {size}


def test_a_buffer_that_the_kernel_does_not_allow(site):
    site.listener["receive_buffer"] = "64M"
    site.start()
    allowed = int(open("/proc/sys/net/core/rmem_max").read())
    if allowed < 64 << 20:
        line = site.wait_for_log("net.core.rmem_max")
        assert f"{allowed} octets only, not {64 << 20}" in line["message"]
