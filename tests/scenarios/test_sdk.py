# SPDX-License-Identifier: Apache-2.0
"""The SDK as a vendor has it: installed to some prefix, found by pkg-config and CMake from where it
lies."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from abi import ABI
from daemon import BUILD, ROOT, SANITIZED, run

# Nobody gets what was built with a sanitizer: nothing could be linked with it but by the same.
pytestmark = pytest.mark.skipif(SANITIZED, reason="built with a sanitizer")

PLUGIN = """
#include <cmp/plugin.h>
#include <cmp-kit/memory.h>
#include <stdlib.h>
static void *create(const cmp_host *host, const void *options, void *previous, cmp_report *report)
{
    (void)host, (void)options, (void)previous, (void)report;
    return kit_alloc(1);
}
static cmp_store_verdict lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                cmp_record *record)
{
    (void)instance, (void)worker, (void)ici, (void)op, (void)record;
    return CMP_STORE_ABSENT;
}
static const cmp_store_ops ops = {.size = sizeof(ops), .lookup = lookup};
CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI, .name = "store_mine", .kind = CMP_PLUGIN_STORE, .version = "1",
    .summary = "knows nothing", .create = create, .destroy = free, .ops = {.store = &ops},
};
"""


def install(build, *words, **options):
    ended = run("cmake", "--install", build, *words, **options)
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Installed, and then moved to where nothing that was written down could lead."""
    folder = tmp_path_factory.mktemp("sdk")
    install(BUILD, "--prefix", folder / "first")
    (folder / "first").rename(folder / "moved")
    return folder / "moved"


def pkg_config(prefix, *words):
    ended = run("pkg-config", *words, env={**os.environ, "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"})
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "store_mine.c"
    path.write_text(PLUGIN)
    return path


def assert_loads(prefix, folder):
    folder.chmod(0o755)
    described = run(prefix / "sbin/cmpd", "--help-plugin", "store_mine", "-p", folder)
    assert described.stdout.startswith(f"store_mine (store, version 1, plugin ABI {ABI})"), described


def test_nothing_names_the_place_where_it_was_built(prefix):
    texts = [*prefix.rglob("*.pc"), *prefix.rglob("*.cmake"), *(prefix / "include").rglob("*.h")]
    assert len(texts) > 20
    assert [path for path in texts if str(ROOT) in path.read_text() or "/first" in path.read_text()] == []


def test_a_plugin_by_pkg_config(prefix, source):
    assert pkg_config(prefix, "--variable=abi_version", "cmp-sdk") == ABI
    assert os.path.samefile(
        pkg_config(prefix, "--variable=plugindir", "cmp-sdk"), prefix / "lib/cmpd/plugins"
    )
    flags = pkg_config(prefix, "--cflags", "--libs", "cmp-kit").split()
    for expected in (
        "-Wall",
        "-Werror=implicit-function-declaration",
        "-fvisibility=hidden",
        "-Wl,-z,defs",
        "-lcmp-kit",
    ):
        assert expected in flags
    made = source.with_suffix(".so")
    ended = run("gcc", "-std=c17", "-shared", "-fPIC", "-o", made, source, *flags)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert_loads(prefix, made.parent)


def test_a_plugin_by_cmake(prefix, source):
    folder = source.parent
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\n"
        "project(mine C)\n"
        "find_package(CmpSdk REQUIRED)\n"
        "cmp_add_plugin(store_mine store_mine.c)\n"
        "target_link_libraries(store_mine PRIVATE Cmp::kit)\n"
        'message(STATUS "ABI ${CmpSdk_ABI_VERSION} ${CmpSdk_PLUGIN_DIR}")\n'
    )
    built = run("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    assert built.returncode == 0, built.stderr
    assert f"ABI {ABI} {prefix}/lib/cmpd/plugins" in built.stdout
    built = run("cmake", "--build", folder / "build")
    assert built.returncode == 0, built.stdout + built.stderr
    install(folder / "build", "--prefix", folder / "there")
    assert_loads(prefix, folder / "there/lib/cmpd/plugins")


def test_the_kit_takes_no_names_of_others(prefix):
    listed = run("nm", "--defined-only", "--extern-only", prefix / "lib/libcmp-kit.a")
    names = [line.split()[2] for line in listed.stdout.splitlines() if len(line.split()) == 3]
    assert len(names) > 50
    assert [name for name in names if not name.startswith("kit_")] == []


def test_parts_of_it(tmp_path):
    """Headers and all that only vendors need are a component of their own; DESTDIR goes before."""
    destination = {**os.environ, "DESTDIR": str(tmp_path)}
    install(BUILD, "--component", "sdk", "--prefix", "/usr", env=destination)
    assert (tmp_path / "usr/include/cmp/plugin.h").is_file()
    assert pkg_config(tmp_path / "usr", "--variable=abi_major", "cmp-sdk") == ABI.split(".")[0]
    assert not (tmp_path / "usr/sbin").exists()
    assert sorted(path.name for path in (tmp_path / "usr/bin").iterdir()) == ["cmp-plugin-check"]
    install(BUILD, "--component", "runtime", "--prefix", "/opt", env=destination)
    assert (tmp_path / "opt/sbin/cmpd").is_file()
    assert not (tmp_path / "opt/include").exists()


def test_both_parts_in_one_prefix_are_all_that_a_vendor_needs(tmp_path):
    for part in ("sdk", "runtime"):
        install(BUILD, "--component", part, "--prefix", tmp_path / "both")
    folder = made(tmp_path / "both", tmp_path, "store")
    for target in ("check", "run"):
        ended = alone(tmp_path / "both", folder, "make", target)
        assert ended.returncode == 0, ended.stdout + ended.stderr


# ---- new plugins: in an empty folder, with the installed SDK alone ----


def alone(prefix, folder, *command):
    """Runs a command where there is no source and no build of ours. Only root can take them away;
    others are held to what names them."""
    words = [str(word) for word in command]
    if os.geteuid() == 0:
        hide = 'for there in "$1" "$2"; do mount -t tmpfs none "$there"; done; shift 2; exec "$@"'
        words = ["unshare", "--mount", "sh", "-ec", hide, "hide", str(BUILD), str(ROOT), *words]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder)}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def made(prefix, folder, kind, *flavour, name=None):
    name = name or f"{kind}_mine"
    ended = alone(
        prefix, folder, prefix / "bin/cmpctl", "new-plugin", "--kind", kind, *flavour, name
    )
    assert ended.returncode == 0, ended.stderr
    assert "make && make check && make run" in ended.stdout
    return folder / name


FLAVOURS = {
    "plain": [],
    "async": ["--async"],
    "blocking": ["--blocking"],
    "https": ["--https"],
    "c++": ["--language", "c++"],
    "c++ blocking": ["--language", "c++", "--blocking"],
}


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("kind", ["auth", "store", "route"])
def test_a_new_plugin_works_at_once(prefix, tmp_path, kind, flavour):
    """By make, make check and make run, without a line written by hand; and no rule is broken."""
    folder = made(prefix, tmp_path, kind, *FLAVOURS[flavour])
    for target in ("", "check", "run"):
        ended = alone(prefix, folder, *["make", target][: 2 if target else 1])
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "warning" not in ended.stdout + ended.stderr
        assert target != "check" or "no rule is broken\n" in ended.stdout
    assert '"status":"resolved","content":"https://example.net/hello"' in ended.stdout
    source = folder / (f"{kind}_mine.cc" if "c++" in flavour else f"{kind}_mine.c")
    assert len(source.read_text().splitlines()) < 100
    texts = [folder / name for name in ("Makefile", "CMakeLists.txt", "cmpd.yaml", "run.sh")]
    assert [path for path in texts if str(ROOT) in path.read_text()] == []


def test_an_exception_stops_at_the_border(prefix, tmp_path):
    """It costs its own request, and is named; the daemon goes on to its proper end."""
    folder = made(prefix, tmp_path, "store", "--language", "c++")
    source = folder / "store_mine.cc"
    good = source.read_text()
    throwing = 'if (ici == "1A0F1-HELLO") throw std::out_of_range("no shelf");'
    thrown = good.replace("const auto found", f"{throwing}\n        const auto found")
    thrown = thrown.replace("#include <string>", "#include <stdexcept>\n#include <string>")
    assert thrown != good
    source.write_text(thrown)
    ended = alone(prefix, folder, "make", "run")
    assert ended.returncode == 2 and "HTTP/2 503" in ended.stderr, ended.stderr
    log = (folder / "run/cmpd.log").read_text()
    assert "look-up failed: no shelf" in log and "the process ends" not in log


def test_a_new_plugin_by_cmake(prefix, tmp_path):
    for flavour in ("plain", "c++"):
        name = f"store_{len(flavour)}"
        folder = made(prefix, tmp_path, "store", *FLAVOURS[flavour], name=name)
        for command in (
            ["cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}"],
            ["cmake", "--build", "build"],
            ["ctest", "--test-dir", "build", "--no-tests=error"],
            ["env", f"DESTDIR={folder}/cmake", "cmake", "--install", "build"],
            ["make", "install", f"DESTDIR={folder}/make"],
            ["cmake", "--install", "build", "--prefix", "there"],
        ):
            ended = alone(prefix, folder, *command)
            assert ended.returncode == 0, ended.stdout + ended.stderr
        assert (folder / f"there/lib/cmpd/plugins/{name}.so").is_file()
        for tool in ("cmake", "make"):  # both where this SDK's cmpd looks
            assert Path(f"{folder}/{tool}{prefix}/lib/cmpd/plugins/{name}.so").is_file()


def test_a_prefix_that_was_chosen_stays(prefix, tmp_path):
    folder = made(prefix, tmp_path, "store", name="store_chosen")
    chosen = f"-DCMAKE_INSTALL_PREFIX={folder}/there"
    for command in (
        ["cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={prefix}", chosen],
        ["cmake", "--build", "build"],
        ["cmake", "--install", "build"],
    ):
        ended = alone(prefix, folder, *command)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (folder / "there/lib/cmpd/plugins/store_chosen.so").is_file()


@pytest.mark.parametrize(
    "words, expected",
    [
        (["store_x"], "--kind has to be given; see cmpctl new-plugin --help"),
        (["--kind", "shop", "store_x"], '"shop" is none of auth, store, route'),
        (["--kind", "store", "Shop"], '"Shop" is no name of a plugin: a letter and up to 47 of'),
        (["--kind", "store", "a/b"], '"a/b" is no name of a plugin'),
        (["--kind", "store", "s" * 49], "is no name of a plugin"),
        (["--kind", "store", "store_file"], "a plugin of that name is installed: "),
        (["--kind", "store", "there"], "there: it is there already; take another name"),
        (["--kind", "store", "--async", "--https", "x"], "exclude each other"),
        (["--kind", "store", "--async", "--language", "c++", "x"], "goes alone or with --blocking"),
    ],
)
def test_what_new_plugin_refuses(prefix, tmp_path, words, expected):
    (tmp_path / "there").mkdir()
    ended = run(prefix / "bin/cmpctl", "new-plugin", *words, cwd=tmp_path)
    assert ended.returncode == 2 and expected in ended.stderr, ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_without_an_sdk_it_says_what_is_missing(prefix, tmp_path):
    (tmp_path / "bin").mkdir()
    shutil.copy(prefix / "bin/cmpctl", tmp_path / "bin")
    ended = run(tmp_path / "bin/cmpctl", "new-plugin", "--kind", "store", "x", cwd=tmp_path)
    assert ended.returncode == 2
    assert "is the SDK installed (cmake --install BUILD --component sdk)?" in ended.stderr
