"""HTTP/2 is bounded before libh2o sees it, which bounds nothing itself."""
import daemon
from daemon import run

OWN_HPACK = daemon.BUILD / "tests" / "cmpd_own_hpack"


def test_a_libh2o_that_goes_its_own_way_is_refused(site):
    site.peer("b")
    ended = run(OWN_HPACK, "-c", site.write())
    assert ended.returncode == 1
    assert "libh2o reads header blocks of HTTP/2 by itself" in ended.stderr
