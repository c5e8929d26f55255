# SPDX-License-Identifier: Apache-2.0
"""cmp-plugin-check: names what is wrong with a plugin, and finds nothing in those that are good."""
import json
import re
import shutil
import subprocess
import tempfile
import time

import pytest
from abi import ABI
from daemon import BUILD, PLUGINS, ROOT, SANITIZED, TEST_PLUGINS, run

CHECK = BUILD / "cmp-plugin-check"
VALGRIND = not SANITIZED

# The rule that each breaks, and words of what is said.
WRONG = {
    "bad_commands": ("descriptor", "commands without command"),
    "bad_crash": ("loading", "Segmentation fault"),
    "bad_exit": ("loading", "exit status 3"),
    "bad_hang": ("loading", "took longer than 10 s"),
    "bad_headers": ("descriptor", '"Authorization"'),
    "bad_kind": ("descriptor", "plugin kind is 99"),
    "bad_major": ("descriptor", "plugin ABI is 3.0"),
    "bad_minor": ("descriptor", "newer than this host's"),
    "bad_name": ("descriptor", 'calls itself "good_name"'),
    "bad_needs": ("needs", "libgone.so"),
    "bad_ops": ("descriptor", "cmp_store_ops has"),
    "bad_rows": ("descriptor", "option row 1 (far)"),
    "bad_service": ("descriptor", "needs services 0x80000000"),
    "bad_size": ("descriptor", "octets"),
    "bad_symbol": ("exports", "no cmp_plugin_descriptor"),
    "bad_undefined": ("symbols", "nobody_has_this"),
    "bad_write": ("descriptor", "begin without put"),
}
# Options with which each of ours can be made.
OURS = {
    "auth_hmac": "",
    "auth_vpn": "links: [{source: [10.8.0.0/16], peer: b}]",
    "store_file": "path: codes.ndjson",
    "store_remote": "url: https://codes.example/codes/v1\npeer: b",
    "store_sql": "url: 'sqlite:codes.sqlite'",
    "route_addr": "",
    "route_prefix": "",
    "route_mcr": "peer: registry",
}
# What the plugin of many faults can break: the rule, and words of what is said.
ILL = {
    "leak": ("life", "octets of memory"),
    "descriptor": ("life", "descriptors"),
    "file": ("checking", "changes files in {folder}, such as {folder}/ill.txt"),
    "file_once": ("checking", "changes files in {folder}, such as {folder}/ill.txt"),
    "listen": ("checking", "listens"),
    "stall": ("stalls", " holds its worker"),
    "stall_answer": ("stalls", " holds its worker"),
    "stall_start": ("stalls", "worker_start holds its worker"),
    "stall_stop": ("stalls", "worker_stop holds its worker"),
    "shared": ("workers", "on another loop than that of the worker that calls"),
    "stall_cancel": ("stalls", ", cancelled, holds its worker"),
    "never": ("answers", "never completed"),
    "never_cancelled": ("cancel", "never completed"),
    "twice": ("answers", "operation that is over"),
    "absent": ("services", "CMP_STORE_ABSENT"),
    "keeps": ("memory", "Invalid read"),
    "overrun": ("memory", "Invalid"),
    "beyond": ("memory", "Invalid write"),
    "after": ("memory", "Invalid write"),
    "lent": ("memory", "Invalid read"),
    "record": ("memory", "Invalid write"),
    "crash": ("input", "Aborted"),
    "timer": ("life", "left behind: 1 timers"),
    "silent": ("options", "no reason reported"),
    "exit": ("options", "exit status 4"),
    "leave": ("input", "exit status 0"),
    "pool": ("services", "when the pool is full, it answers CMP_STORE_ABSENT"),
}


def checked(path, *words):
    """Without a file of options it looks at the folder it is in, where nobody else may be at work."""
    with tempfile.TemporaryDirectory() as folder:
        ended = run(CHECK, "--json", *words, path, cwd=folder)
    found = json.loads(ended.stdout)
    assert ended.returncode == (1 if not found["good"] else 0 if found["complete"] else 3)
    return found


def broken(path, *words):
    return [(f["rule"], f["text"]) for f in checked(path, *words)["findings"]
            if f["verdict"] == "broken"]


def test_every_bad_plugin_of_ours_is_in_the_list():
    assert {p.stem for p in TEST_PLUGINS.glob("bad_*.so")} == set(WRONG)


@pytest.mark.parametrize("name", WRONG)
def test_a_fault_is_named_by_the_rule_that_it_breaks(name):
    rule, words = WRONG[name]
    found = broken(TEST_PLUGINS / f"{name}.so")
    assert any(r == rule and words in text for r, text in found), found


def options(tmp_path, text):
    (tmp_path / "codes.ndjson").write_text('{"ici":"A-1","content":"https://example.org/"}\n')
    (tmp_path / "options.yaml").write_text(text + "\n")
    return ["--options", tmp_path / "options.yaml"] if text else []


@pytest.mark.parametrize("name", OURS)
def test_our_own_are_clean_and_looked_at_in_all_trials(tmp_path, name):
    found = checked(PLUGINS / f"{name}.so", *options(tmp_path, OURS[name]))
    assert [f for f in found["findings"] if f["verdict"] == "broken"] == []
    assert found["good"] and found["complete"]
    assert {"life", "checking", "answers", "cancel", "services", "input", "changes",
            "workers"} <= {
        f["rule"] for f in found["findings"]}


@pytest.mark.parametrize("fault", ILL)
def test_a_fault_in_use_is_named_by_the_rule_that_it_breaks(tmp_path, fault):
    rule, words = ILL[fault]
    if fault == "leak" and not VALGRIND:
        rule, words = "memory", "leaked"  # that build's allocator does not count, but tells itself
    elif rule == "memory" and not VALGRIND:
        pytest.skip("this build watches memory by itself")
    words_of = options(tmp_path, f"of: {fault}") + ([] if rule == "memory" and VALGRIND else ["--no-valgrind"])
    found = broken(TEST_PLUGINS / "store_ill.so", *words_of)
    words = words.format(folder=tmp_path)
    assert any(r == rule and words in text for r, text in found), found


def said_of(found, rule):
    return [(f["verdict"], f["text"]) for f in found["findings"] if f["rule"] == rule]


def test_what_refuses_its_options_later_is_not_seen_and_no_crash(tmp_path):
    found = checked(TEST_PLUGINS / "store_ill.so", "--no-valgrind", *options(tmp_path, "of: lock"))
    for rule in ("life", "answers", "cancel", "services", "input", "changes", "writes"):
        [(verdict, text)] = said_of(found, rule)
        assert verdict == "not seen" and "another process has the lock" in text, found
    assert found["good"], found


@pytest.mark.skipif(not VALGRIND, reason="this build watches memory by itself")
@pytest.mark.parametrize("fault, words", [
    ("crash", "valgrind ended with Aborted"),
    ("leave", "valgrind ended with exit status 0, before all was tried"),
    ("never", "valgrind ended with exit status 98, before all was tried"),
])
def test_memory_that_was_not_watched_to_the_end_is_not_seen(tmp_path, fault, words):
    found = checked(TEST_PLUGINS / "store_ill.so", *options(tmp_path, f"of: {fault}"))
    assert said_of(found, "memory") == [("not seen", words)]


def test_what_is_given_up_is_told_once(tmp_path):
    found = checked(TEST_PLUGINS / "store_ill.so", "--no-valgrind", *options(tmp_path, "of: never"))
    said = [f["text"] for f in found["findings"]]
    assert "lookup, question 1: it is never completed in 10 s, nor when it is cancelled then" in said
    assert not [text for text in said if "exit status" in text]


def test_a_file_of_options_that_is_too_large_is_refused_whole(tmp_path):
    words = options(tmp_path, "of: not\n" + "#" * 65536)
    ended = run(CHECK, *words, PLUGINS / "auth_vpn.so")
    assert ended.returncode == 2 and "it has more than 65535 octets" in ended.stderr


def test_options_are_read_from_a_file_that_can_be_read_again(tmp_path):
    ended = run(CHECK, "--options", tmp_path, PLUGINS / "auth_vpn.so")
    assert ended.returncode == 2 and "it is no regular file" in ended.stderr


def test_a_plugin_that_abstains_from_every_question_is_noted(tmp_path):
    found = checked(PLUGINS / "auth_vpn.so", "--no-valgrind", *options(tmp_path, OURS["auth_vpn"]))
    assert said_of(found, "answers") == [
        ("note", "it abstains from every question, so it was hardly tried")]
    assert found["complete"]


def test_the_same_plugin_without_a_fault_is_clean(tmp_path):
    found = checked(TEST_PLUGINS / "store_ill.so", *options(tmp_path, "of: not"))
    assert found["good"] and found["complete"], found


TRACES = {
    TEST_PLUGINS: [f"built for ABI {ABI}; its tables need 2.0", "it calls what hosts have since 2.1"],
    TEST_PLUGINS.parent / "abi/for-2.0": ["ABI 2.0, which it needs"],
}


@pytest.mark.parametrize("folder", TRACES, ids=[ABI, "2.0"])
def test_the_minor_that_it_needs_is_told_by_what_it_calls(folder):
    found = checked(folder / "store_traces.so", "--no-valgrind")
    assert said_of(found, "minor") == [("held", words) for words in TRACES[folder]]


def test_a_plugin_that_would_do_with_an_older_minor_is_noted(tmp_path):
    found = checked(PLUGINS / "auth_vpn.so", "--no-valgrind", *options(tmp_path, OURS["auth_vpn"]))
    [(_, tables), (verdict, calls)] = said_of(found, "minor")
    assert tables == f"built for ABI {ABI}; its tables need 2.0"
    assert verdict == "note" and "with -DCMP_ABI_MINOR=0 it would load in more hosts" in calls


def test_several_workers_ask_servers_at_once(tmp_path):
    found = checked(PLUGINS / "store_remote.so", "--no-valgrind",
                    *options(tmp_path, OURS["store_remote"]))
    [(verdict, text)] = said_of(found, "workers")
    assert verdict == "held" and text.endswith("(servers answer with an empty object)"), text


def test_what_takes_long_in_the_pool_holds_no_worker(tmp_path):
    found = checked(TEST_PLUGINS / "store_ill.so", "--no-valgrind", *options(tmp_path, "of: busy"))
    assert found["good"] and found["complete"], found
    assert said_of(found, "services") == [("held", "it asks no server; a full pool is borne")]


def test_a_plugin_that_can_never_tell_is_noted(tmp_path):
    words = options(tmp_path, OURS["store_remote"])
    found = checked(PLUGINS / "store_remote.so", "--no-valgrind", *words)
    assert said_of(found, "answers") == [
        ("note", "it cannot tell, whatever it is asked, so it was hardly tried")]


def test_what_others_change_in_the_folder_meanwhile_is_not_blamed_on_it(tmp_path):
    words = options(tmp_path, "of: not")
    busy = tmp_path / "busy"
    other = subprocess.Popen(["sh", "-c", 'while :; do echo >> "$0"; done', busy])
    try:
        while not busy.exists():
            time.sleep(0.01)
        found = checked(TEST_PLUGINS / "store_ill.so", "--no-valgrind", *words)
    finally:
        other.kill()
        other.wait()
    assert found["good"], found
    [(verdict, text)] = said_of(found, "checking")
    assert verdict == "held" or text == f"others change files in {tmp_path} meanwhile, such as {busy}"


def test_status_200_may_be_all_that_lets_a_peer_in(tmp_path):
    found = checked(TEST_PLUGINS / "auth_gate.so", "--no-valgrind", *options(tmp_path, "peer: b"))
    assert found["good"], found
    assert said_of(found, "services") == [
        ("note", "verify, question 1: when the server answers 200 without a body, "
                 "it answers CMP_AUTH_ACCEPT; and so in 23 more cases")]


def test_what_lets_in_whatever_a_server_says_is_named():
    found = checked(TEST_PLUGINS / "auth_gate.so", "--no-valgrind")
    [(verdict, text)] = said_of(found, "services")
    assert verdict == "broken" and "half an object, it answers CMP_AUTH_ACCEPT" in text, found


def test_writes_to_what_asks_a_server_are_not_seen(tmp_path):
    words = ["--write", "--no-valgrind", *options(tmp_path, "of: not")]
    found = checked(TEST_PLUGINS / "store_ill.so", *words)
    assert said_of(found, "writes") == [("not seen", "a look-up after a write asks a server")]


def test_why_nothing_can_be_written_is_told_once(tmp_path):
    words = ["--write", "--no-valgrind", *options(tmp_path, "of: no_write")]
    found = checked(TEST_PLUGINS / "store_ill.so", *words)
    assert said_of(found, "writes") == [("not seen", "no write can begin: the disk is full")]


def test_writes_are_tried_when_they_may_be(tmp_path):
    (tmp_path / "init.yaml").write_text("")
    words = options(tmp_path, "url: 'sqlite:codes.sqlite'\ncreate: true")
    found = checked(PLUGINS / "store_sql.so", "--write", "--no-valgrind", *words)
    assert ("writes", "held") in [(f["rule"], f["verdict"]) for f in found["findings"]], found


def test_options_that_are_refused_are_no_fault_and_not_all_is_seen(tmp_path):
    ended = run(CHECK, *options(tmp_path, "of: nothing"), TEST_PLUGINS / "store_ill.so")
    assert ended.returncode == 3
    assert "those options are refused" in ended.stdout
    assert "options.of" in ended.stdout


def compiled(tmp_path, source, *flags):
    (tmp_path / "own.c").write_text(source)
    subprocess.run(["gcc", "-shared", *flags, "-o", tmp_path / "own.so", tmp_path / "own.c"],
                   check=True)
    return tmp_path / "own.so"


def test_what_is_exported_beside_the_descriptor_is_named(tmp_path):
    found = broken(compiled(tmp_path, "int cmp_plugin_descriptor; int helper(void){return 1;}",
                            "-fPIC"))
    assert ("exports", "it exports helper, too (compile with -fvisibility=hidden)") in found


def test_a_descriptor_that_is_a_function_is_named(tmp_path):
    found = broken(compiled(tmp_path, "void cmp_plugin_descriptor(void) {}", "-fPIC"))
    assert any("is a function" in text for rule, text in found if rule == "exports")


def test_an_executable_stack_is_named(tmp_path):
    found = broken(compiled(tmp_path, "int cmp_plugin_descriptor;", "-fPIC", "-z", "execstack"))
    assert any(rule == "stack" for rule, _ in found), found


def test_a_relative_runpath_is_named(tmp_path):
    found = broken(compiled(tmp_path, "int cmp_plugin_descriptor;", "-fPIC", "-Wl,-rpath,here"))
    assert any(rule == "runpath" and '"here"' in text for rule, text in found), found


def test_a_file_that_others_can_write_is_named(tmp_path):
    shutil.copy(PLUGINS / "auth_vpn.so", tmp_path / "auth_vpn.so")
    (tmp_path / "auth_vpn.so").chmod(0o666)
    assert [rule for rule, _ in broken(tmp_path / "auth_vpn.so")] == ["file"]


def test_what_is_no_library_is_named(tmp_path):
    (tmp_path / "text.so").write_text("not a library\n")
    assert broken(tmp_path / "text.so") == [("elf", "the file is no ELF file")]
    shutil.copy("/bin/true", tmp_path / "true.so")
    assert checked(tmp_path / "true.so")["good"] is False


def test_lines_for_people_cite_the_rule():
    ended = run(CHECK, TEST_PLUGINS / "bad_symbol.so")
    assert ended.returncode == 1
    assert "wanted: one exported object, cmp_plugin_descriptor [plugin.h:" in ended.stdout
    assert ended.stdout.endswith("3 faults\n")


def test_a_wrong_command_line_is_2(tmp_path):
    for words in ([], [tmp_path / "gone.so"], ["--what", PLUGINS / "auth_vpn.so"]):
        assert run(CHECK, *words).returncode == 2


# An authentication of a few lines, of which tests write the two that matter.
AUTH = """
#include <cmp/plugin.h>
#include <stdatomic.h>
#include <stdlib.h>

static const cmp_host *host;
static atomic_int seen;

static void *create(const cmp_host *h, const void *options, void *previous, cmp_report *report)
{
    (void)options, (void)previous, (void)report;
    host = h;
    return &host;
}

static void destroy(void *instance)
{
    (void)instance;
}

static void note(int what)
{
    seen |= what;
}

static void keys_changed(void *instance)
{
    (void)instance;
    note(seen & 4 ? 1 : 0); /* while it is asked */
}

static cmp_auth_verdict verify(void *instance, void *worker, cmp_op op, cmp_auth_answer *answer)
{
    (void)instance, (void)worker, (void)answer;
    VERIFY;
}

static cmp_sign_verdict sign(void *instance, void *worker, const cmp_outgoing *outgoing, cmp_op op,
                             cmp_signature *signature)
{
    (void)instance, (void)worker, (void)outgoing, (void)op, (void)signature;
    note(2);
    return CMP_SIGN_UNAVAILABLE;
}

static const char *const headers[] = {"x-token", NULL};
static const cmp_auth_ops ops = {.size = sizeof(ops), .verify = verify, .sign = sign,
                                 .headers = headers, .wants = CMP_AUTH_CERTIFICATE};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI, .name = "own", .kind = CMP_PLUGIN_AUTH, .version = "1", .summary = "own",
    .create = create, .destroy = destroy, .keys_changed = keys_changed, .ops.auth = &ops};
"""


def auth(tmp_path, verify):
    return compiled(tmp_path, AUTH.replace("VERIFY;", verify), "-fPIC", "-fvisibility=hidden",
                    f"-I{ROOT}/include")


def test_a_plugin_is_shown_the_header_fields_and_the_certificate_that_it_wants(tmp_path):
    plugin = auth(tmp_path, """
        if (host->txn_header(host, op, "x-token").at != NULL &&
            host->txn_certificate(host, op) != NULL) {
            abort(); /* what it has asked for was shown to it */
        }
        return CMP_AUTH_ABSTAIN;""")
    found = checked(plugin, "--no-valgrind")
    assert said_of(found, "answers") == [("broken", 'trial "answers" ends the process: Aborted')]


def test_workers_are_asked_in_all_ways_while_keys_change(tmp_path):
    plugin = auth(tmp_path, """
        note(host->txn_param(host, op, CMP_PARAM_SIGNATURE).at != NULL ? 4 : 0);
        note(host->txn_header(host, op, "x-token").at != NULL ? 8 : 0);
        if (seen == 15) {
            abort();
        }
        return CMP_AUTH_ABSTAIN;""")
    found = checked(plugin, "--no-valgrind")
    assert said_of(found, "workers") == [("broken", 'trial "workers" ends the process: Aborted')]


def test_what_workers_cannot_be_told_is_noted(tmp_path):
    found = checked(auth(tmp_path, "return CMP_AUTH_UNAVAILABLE;"), "--no-valgrind")
    [(verdict, text)] = said_of(found, "workers")
    assert verdict == "note" and " that 4 workers ask at once, " in text
    asked, unavailable = (int(n) for n in re.findall(r"(\d+) (?:questions|are)", text))
    assert asked == unavailable >= 2000, text
