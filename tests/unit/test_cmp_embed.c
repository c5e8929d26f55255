/* SPDX-License-Identifier: Apache-2.0 */
/* libcmp-embed: what a program that loads a plugin gets to hear. */
#include "embed_rig.h"
#include "scratch.h"

#include <sys/stat.h>

/* ---- opening ---- */

static void expect_refused(const char *folder, const char *name, const char *options,
                           const cmp_embed_settings *settings, const char *part)
{
    cmp_embed_error error;
    assert_null(cmp_embed_open(folder, name, options, settings, &error));
    if (strstr(error.text, part) == NULL) {
        fail_msg("wanted: %s: %s", part, error.text);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    expect_refused(PLUGINS, "auth_nobody", NULL, NULL, "no auth_nobody.so in " PLUGINS);
    expect_refused(TEST_PLUGINS, "bad_major", NULL, NULL, "plugin ABI is");
    expect_refused(TEST_PLUGINS, "bad_crash", NULL, NULL, "loading it ends the process");
    expect_refused(PLUGINS, "store_remote", "peer: b", NULL, "plugin needs services");
    expect_refused(PLUGINS, "auth_hmac", "key: x", NULL, "options.key: unknown key");
    expect_refused(PLUGINS, "route_mcr", "{peer: b, mode: fly}", NULL, "options.mode: expected");
    expect_refused(PLUGINS, "route_mcr", "peer: b", NULL, "options.peer: there is no peer");
    expect_refused(PLUGINS, "auth_hmac", NULL,
                   &(cmp_embed_settings){.size = sizeof(cmp_embed_settings), .keyring = "none"},
                   "none: the keyring cannot be opened");
    assert_int_equal(cmp_embed_services() & CMP_SERVICE_HTTPS, 0);
    assert_int_equal(system("cp " PLUGINS "/auth_hmac.so . && chmod 666 auth_hmac.so"), 0);
    expect_refused(".", "auth_hmac", NULL, NULL, "can be written by others");
    cmp_embed *e = cmp_embed_open(".", "auth_hmac", NULL,
                                  &(cmp_embed_settings){.size = sizeof(cmp_embed_settings),
                                                        .flags = CMP_EMBED_ANY_FILE},
                                  NULL);
    assert_non_null(e);
    assert_string_equal(cmp_embed_plugin(e)->name, "auth_hmac");
    cmp_embed_close(&e);
    assert_null(e);
}

static void a_check_makes_nothing(void **state)
{
    (void)state;
    cmp_embed_error error;
    const cmp_embed_settings settings = {.size = sizeof(settings), .flags = CMP_EMBED_CHECK};
    cmp_embed *e = cmp_embed_open(PLUGINS, "store_sql", "{url: \"sqlite:new.db\", create: false}",
                                  &settings, &error);
    assert_null(e);
    assert_non_null(strstr(error.text, "new.db"));
    e = cmp_embed_open(PLUGINS, "auth_hmac", NULL, &settings, &error);
    assert_non_null(e);
    assert_null(cmp_embed_attach(e, &error));
    assert_non_null(strstr(error.text, "CMP_EMBED_CHECK"));
    struct stat none;
    assert_int_equal(stat("new.db", &none), -1);
    cmp_embed_close(&e);
}

/* ---- keys ---- */

static void keys_change_while_it_runs(void **state)
{
    (void)state;
    cmp_embed *e = embed_open_hmac(0, NULL);
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_error error;
    cmp_embed_answer a;
    char first[1024], second[1024];
    assert_false(embed_query(w, "tid", "A-1", "", first, sizeof(first)));
    embed_add_keys(e, "k1", false);
    assert_true(embed_query(w, "tid", "A-1", "", first, sizeof(first)));
    assert_int_equal(embed_verify(w, first, &a), 200);
    assert_true(cmp_embed_key_remove(e, CMP_KEY_RECEIVED, "k1", "b"));
    assert_false(cmp_embed_key_remove(e, CMP_KEY_RECEIVED, "k1", "b"));
    embed_add_keys(e, "k2", false);
    assert_true(embed_query(w, "tid2", "A-1", "", second, sizeof(second)));
    assert_non_null(strstr(second, "apikeyid=k2"));
    assert_int_equal(embed_verify(w, second, &a), 200);
    assert_true(cmp_embed_key_remove(e, CMP_KEY_ISSUED, "k1", NULL));
    assert_int_equal(embed_verify(w, first, &a), 401);

    scratch_write("ring.yaml", "issued: [{id: k3, peer: b, secret: \"" EMBED_SECRET "\"}]\n"
                               "received: [{id: k3, peer: b, secret: \"" EMBED_SECRET "\"}]\n");
    assert_true(cmp_embed_keyring(e, "ring.yaml", &error));
    assert_int_equal(embed_verify(w, second, &a), 401);
    assert_true(embed_query(w, "tid3", "A-1", "", second, sizeof(second)));
    assert_non_null(strstr(second, "apikeyid=k3"));
    assert_int_equal(embed_verify(w, second, &a), 200);

    assert_int_equal(chmod("ring.yaml", 0644), 0);
    assert_false(cmp_embed_keyring(e, "ring.yaml", &error));
    assert_non_null(strstr(error.text, "open to others"));
    cmp_key weak = embed_key_for(CMP_KEY_ISSUED, "weak");
    weak.secret_size = 15;
    assert_false(cmp_embed_key(e, &weak, &error));
    assert_non_null(strstr(error.text, "at least 16 octets"));
    assert_true(embed_query(w, "tid4", "A-1", "", second, sizeof(second)));
    assert_int_equal(embed_verify(w, second, &a), 200);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

/* ---- stores ---- */

static void looks_up_in_a_file(void **state)
{
    (void)state;
    scratch_write("codes.ndjson",
                  "{\"ici\":\"A-1\",\"content\":\"https://example.org/\",\"ttl\":60,\"variants\":"
                  "[{\"when\":{\"language\":\"de\"},\"content\":\"https://example.org/de\"}]}\n"
                  "{\"ici\":\"A-2\",\"content\":\"x\",\"status\":\"revoked\"}\n"
                  "{\"ici\":\"A-3\",\"transferred_to\":\"c.example.net\"}\n"
                  "{\"ici\":\"A-4\",\"content\":\"x\",\"not_before\":\"2999-01-01T00:00:00Z\"}\n");
    cmp_embed_error error;
    cmp_embed *e = cmp_embed_open(PLUGINS, "store_file", "path: codes.ndjson", NULL, &error);
    if (e == NULL) {
        fail_msg("%s", error.text);
    }
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    char body[512];
    cmp_embed_request request = CMP_EMBED_REQUEST;
    request.form = CMP_STR("tid=t&ici=A-1&user=u&language=de");
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-1"), &request, &a), 200);
    assert_true(cmp_str_equal(a.record->content, CMP_STR("https://example.org/")));
    body[cmp_embed_body(&a, body, sizeof(body))] = '\0';
    assert_string_equal(body, "{\"tid\":\"t\",\"ici\":\"A-1\",\"status\":\"resolved\",\"content\":"
                              "\"https://example.org/de\",\"content_type\":\"uri\",\"ttl\":60,"
                              "\"language\":\"de\"}");
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-2"), NULL, &a), 410);
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-3"), NULL, &a), 200);
    assert_true(cmp_str_equal(a.record->transferred_to, CMP_STR("c.example.net")));
    assert_int_equal(cmp_embed_body(&a, body, sizeof(body)), 0);
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-4"), NULL, &a), 404);
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-9"), NULL, &a), 404);
    assert_int_equal(a.verdict, CMP_STORE_ABSENT);
    assert_int_equal(cmp_embed_verify(w, &request, &a), 500);
    assert_string_equal(a.reason, "the plugin is of another kind");
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

/* ---- routes ---- */

static void routes_to_peers(void **state)
{
    (void)state;
    static const cmp_peer peers[] = {{.name = CMP_STR("c"), .host = CMP_STR("c.example.net")},
                                     {.name = CMP_STR("mcr"), .host = CMP_STR("mcr.example.org")}};
    const cmp_embed_settings settings = {.size = sizeof(settings), .peers = peers, .peer_count = 2};
    cmp_embed_error error;
    cmp_embed *e = cmp_embed_open(PLUGINS, "route_addr", NULL, &settings, &error);
    assert_non_null(e);
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    cmp_embed_request request = CMP_EMBED_REQUEST;
    request.form = CMP_STR("ici=A-1");
    request.requestor = CMP_STR("mcr");
    const cmp_str target = CMP_STR("c.example.net"), nobody = CMP_STR("d.example.net");
    assert_int_equal(cmp_embed_route(w, CMP_ROUTE_ADDRESSED, target, &request, &a), 200);
    assert_int_equal(a.verdict, CMP_ROUTE_FORWARD);
    assert_true(cmp_str_equal(a.routed->peer, CMP_STR("c")));
    request.requestor = CMP_NONE;
    assert_int_equal(cmp_embed_route(w, CMP_ROUTE_ADDRESSED, nobody, &request, &a), 403);
    assert_string_equal(a.code, "addr_not_allowed");
    assert_int_equal(cmp_embed_route(w, CMP_ROUTE_ABSENT, CMP_NONE, &request, &a), 404);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

/* ---- what no plugin gets to see ---- */

static char many[CMP_ICI_MAX + 1];

static void expect_bad(int status, const cmp_embed_answer *a, const char *code, const char *part)
{
    assert_int_equal(status, 400);
    assert_string_equal(a->code, code);
    if (strncmp(a->reason, part, strlen(part)) != 0) {
        fail_msg("wanted: %s: %s", part, a->reason);
    }
}

static void looks_up_icis_alone(void **state)
{
    (void)state;
    scratch_write("some.ndjson", "{\"ici\":\"A-1\",\"content\":\"one\"}\n");
    cmp_embed_error error;
    cmp_embed *e = cmp_embed_open(PLUGINS, "store_file", "path: some.ndjson", NULL, &error);
    assert_non_null(e);
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    const cmp_str long_one = {many, sizeof(many)};
    const char *bad = "invalid_parameter";
    assert_int_equal(cmp_embed_lookup(w, (cmp_str){many, sizeof(many) - 1}, NULL, &a), 404);
    expect_bad(cmp_embed_lookup(w, long_one, NULL, &a), &a, bad, "ici: ");
    expect_bad(cmp_embed_lookup(w, CMP_STR("A 1"), NULL, &a), &a, bad, "ici: ");
    expect_bad(cmp_embed_lookup(w, CMP_STR(""), NULL, &a), &a, bad, "ici: ");
    expect_bad(cmp_embed_lookup(w, CMP_NONE, NULL, &a), &a, "missing_parameter", "ici");
    assert_int_equal(cmp_embed_lookup(w, CMP_STR("A-1"), NULL, &a), 200);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

static void routes_icis_alone(void **state)
{
    (void)state;
    cmp_embed *e = cmp_embed_open(PLUGINS, "route_addr", NULL, NULL, NULL);
    assert_non_null(e);
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    cmp_embed_request r = CMP_EMBED_REQUEST;
    const cmp_str target = CMP_STR("c.example.net"), none = CMP_STR("10.0.0.1");
    const cmp_pair params[] = {{CMP_STR("ici"), {many, sizeof(many)}}};
    const char *bad = "invalid_parameter";
    expect_bad(cmp_embed_route(w, CMP_ROUTE_ABSENT, CMP_NONE, NULL, &a), &a, "missing_parameter",
               "ici");
    r.params = params;
    r.param_count = 1;
    expect_bad(cmp_embed_route(w, CMP_ROUTE_ABSENT, CMP_NONE, &r, &a), &a, bad, "ici: ");
    r = CMP_EMBED_REQUEST;
    r.form = CMP_STR("ici=A-1");
    assert_int_equal(cmp_embed_route(w, CMP_ROUTE_ABSENT, CMP_NONE, &r, &a), 404);
    expect_bad(cmp_embed_route(w, CMP_ROUTE_ABSENT, target, &r, &a), &a, bad, "addr: ");
    expect_bad(cmp_embed_route(w, CMP_ROUTE_ADDRESSED, CMP_NONE, &r, &a), &a, bad, "addr: ");
    expect_bad(cmp_embed_route(w, CMP_ROUTE_TRANSFERRED, none, &r, &a), &a, bad, "addr: ");
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

static void signs_icis_alone(void **state)
{
    (void)state;
    cmp_embed *e = embed_open_hmac(0, NULL);
    embed_add_keys(e, "k", false);
    cmp_embed_worker *w = embed_attach(e);
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    cmp_outgoing outgoing = {CMP_STR("b"), CMP_STR("tid"), CMP_STR("A-1")};
    assert_int_equal(cmp_embed_sign(w, &outgoing, &a), 200);
    outgoing.tid = (cmp_str){many, 129};
    expect_bad(cmp_embed_sign(w, &outgoing, &a), &a, "invalid_parameter", "tid: ");
    outgoing = (cmp_outgoing){CMP_STR("b"), CMP_STR("tid"), CMP_NONE};
    expect_bad(cmp_embed_sign(w, &outgoing, &a), &a, "missing_parameter", "ici");
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

int main(void)
{
    memset(many, 'A', sizeof(many));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_does_not_fit), cmocka_unit_test(a_check_makes_nothing),
        cmocka_unit_test(keys_change_while_it_runs), cmocka_unit_test(looks_up_in_a_file),
        cmocka_unit_test(routes_to_peers),           cmocka_unit_test(looks_up_icis_alone),
        cmocka_unit_test(routes_icis_alone),         cmocka_unit_test(signs_icis_alone),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
