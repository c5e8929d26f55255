/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the plugin auth_vpn: who is exempt from signing, and who is not. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NETS_MAX = 3 };

/* A link as an operator writes it. */
typedef struct written {
    const char *listener;
    const char *nets[NETS_MAX];
    const char *peer;
} written;

/* The plugin's section with these links. */
static const char *section(const written *links, size_t count)
{
    static char text[1024];
    size_t used = (size_t)sprintf(text, "links:\n");
    for (size_t i = 0; i < count; i++) {
        used += (size_t)sprintf(text + used, "  - {peer: \"%s\", source: [", links[i].peer);
        for (size_t k = 0; k < NETS_MAX && links[i].nets[k] != NULL; k++) {
            used += (size_t)sprintf(text + used, "%s\"%s\"", k > 0 ? ", " : "", links[i].nets[k]);
        }
        used += (size_t)sprintf(text + used, "]%s%s}\n",
                                links[i].listener != NULL ? ", listener: " : "",
                                links[i].listener != NULL ? links[i].listener : "");
    }
    return text;
}

static const cmp_peer peers[] = {{.name = CMP_STR("b")},
                                 {.name = CMP_STR("c")},
                                 {.name = CMP_STR("d")},
                                 {.name = CMP_STR("e")}};

static cmp_test *host_with_peers(void)
{
    cmp_test *host = cmp_test_create();
    cmp_test_peers(host, peers, COUNT(peers));
    return host;
}

/* ---- check ---- */

static void complains_about_links_that_make_no_sense(void **unused)
{
    (void)unused;
    static const struct {
        written links[2];
        const char *complaint; /* NULL: none */
    } cases[] = {
        {{{NULL, {"10.8.0.0/16"}, "nobody"}, {NULL, {"10.9.0.0/16"}, "b"}}, "links[0].peer: "},
        {{{NULL, {"10.8.0.0/16"}, "b"}, {NULL, {"10.9.0.0/16"}, "B"}}, "links[1].peer: "},
        {{{NULL, {"10.8.0.0/16"}, "b"}, {NULL, {"10.9.0.0/16", "10.8.0.0/16"}, "c"}},
         "links[1].source: "},
        {{{"x", {"fd00::/8"}, "b"}, {"x", {"fd00::/8"}, "c"}}, "links[1].source: "},
        {{{NULL, {"0.0.0.0/0"}, "b"}, {NULL, {"10.8.0.0/16"}, "c"}}, "links[0].source: "},
        {{{NULL, {"10.8.0.0/16"}, "b"}, {NULL, {"::/0"}, "c"}}, "links[1].source: "},
        {{{NULL, {"10.8.0.0/16"}, "b"}, {NULL, {"::/64"}, "c"}}, "links[1].source: "},
        {{{NULL, {"10.8.0.0/16"}, "b"}, {NULL, {"10.8.0.0/16"}, "b"}}, NULL},
        {{{NULL, {"10.8.0.0/16"}, "b"}, {NULL, {"10.8.0.0/24"}, "c"}}, NULL},
        {{{"x", {"10.8.0.0/16"}, "b"}, {NULL, {"10.8.0.0/16"}, "c"}}, NULL},
        {{{"x", {"10.8.0.0/16"}, "b"}, {"y", {"10.8.0.0/16"}, "c"}}, NULL},
        {{{"x", {"0.0.0.0/0"}, "b"}, {"y", {"::/0"}, "c"}}, NULL},
        {{{NULL, {"::/127"}, "b"}, {NULL, {"2000::/3"}, "c"}}, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cmp_test *host = host_with_peers();
        const bool good = cmp_test_open(host, &cmp_plugin_descriptor, section(cases[i].links, 2));
        assert_int_equal(good, cases[i].complaint == NULL);
        if (!good) {
            assert_int_equal(cmp_test_report_count(host), 1);
            assert_true(cmp_test_reported(host, cases[i].complaint));
        }
        cmp_test_destroy(&host);
    }
}

/* ---- verify ---- */

static const written links[] = {
    {NULL, {"10.8.0.0/16", "fd00:8::/32"}, "b"},
    {NULL, {"10.8.7.0/24"}, "c"},
    {"lan", {"10.8.0.0/16"}, "d"},
    {"lan", {"fd00::/8", "0.0.0.0/0"}, "e"},
    {NULL, {"192.0.2.17/32"}, "d"},
};

typedef struct bench {
    cmp_test *host;
    cmp_test_txn *txn;
} bench;

static int open_plugin(void **state)
{
    static bench b;
    b.host = host_with_peers();
    assert_true(cmp_test_open(b.host, &cmp_plugin_descriptor, section(links, COUNT(links))));
    b.txn = cmp_test_txn_create(b.host);
    *state = &b;
    return 0;
}

static int close_plugin(void **state)
{
    bench *b = *state;
    cmp_test_txn_destroy(&b->txn);
    cmp_test_destroy(&b->host);
    return 0;
}

static cmp_auth_verdict ask(bench *b, const char *source, const char *listener,
                            cmp_auth_answer *answer)
{
    cmp_test_source(b->txn, source);
    cmp_test_listener(b->txn, listener);
    cmp_test_op *op = cmp_test_verify(b->host, b->txn);
    const cmp_auth_verdict verdict = (cmp_auth_verdict)cmp_test_verdict(op);
    *answer = *cmp_test_auth(op);
    cmp_test_end(&op);
    return verdict;
}

static const struct {
    const char *source, *listener;
    const char *peer; /* NULL: no link */
} sources[] = {
    {"10.9.0.1", "wan", NULL},    {"10.7.255.255", "wan", NULL},   {"192.0.2.16", "wan", NULL},
    {"192.0.2.18", "wan", NULL},  {"fd00:9::1", "wan", NULL},      {"fd00::1", "wan", NULL},
    {"::1", "wan", NULL},         {"::10.8.0.1", "wan", NULL}, /* not the mapped form */
    {"fe00::1", "lan", NULL},     {"10.9.0.1", "LAN", NULL},       {"10.8.0.0", "wan", "b"},
    {"10.8.255.255", "wan", "b"}, {"::ffff:10.8.0.1", "wan", "b"}, {"fd00:8::1", "wan", "b"},
    {"10.8.7.1", "wan", "c"},   /* the smaller network */
    {"10.8.7.1", "lan", "c"},   /* even before one that names the listener */
    {"10.8.6.255", "lan", "d"}, /* of equal networks the one that names the listener */
    {"fd00:8::1", "lan", "b"},    {"fd00:9::1", "lan", "e"},       {"203.0.113.1", "lan", "e"},
    {"192.0.2.17", "lan", "d"},   {"192.0.2.17", "wan", "d"},
};

static void only_links_are_exempt_from_signing(void **state)
{
    for (size_t i = 0; i < COUNT(sources); i++) {
        cmp_auth_answer answer;
        const cmp_auth_verdict verdict =
            ask(*state, sources[i].source, sources[i].listener, &answer);
        assert_int_equal(verdict, sources[i].peer == NULL ? CMP_AUTH_ABSTAIN : CMP_AUTH_ACCEPT);
        assert_true(cmp_str_equal(answer.peer, cmp_str_from(sources[i].peer)));
        assert_int_equal(answer.peer.at == NULL, sources[i].peer == NULL);
        assert_null(answer.credential.at);
        assert_int_equal(answer.once, CMP_ONCE_NO);
    }
}

static void a_signed_request_is_left_to_the_next_and_must_be_the_links_peer(void **state)
{
    static const struct {
        cmp_str apikeyid, signature;
    } cases[] = {
        {CMP_STR("k-1"), CMP_STR("00")}, {CMP_STR("k-1"), CMP_NONE}, {CMP_NONE, CMP_STR("00")},
        {CMP_STR(""), CMP_NONE},         {CMP_NONE, CMP_STR("")},
    };
    bench *b = *state;
    for (size_t c = 0; c < COUNT(cases); c++) {
        cmp_test_param_str(b->txn, CMP_PARAM_APIKEYID, cases[c].apikeyid);
        cmp_test_param_str(b->txn, CMP_PARAM_SIGNATURE, cases[c].signature);
        for (size_t i = 0; i < COUNT(sources); i++) {
            cmp_auth_answer answer;
            assert_int_equal(ask(b, sources[i].source, sources[i].listener, &answer),
                             CMP_AUTH_ABSTAIN);
            assert_true(cmp_str_equal(answer.peer, cmp_str_from(sources[i].peer)));
        }
    }
}

static void it_does_not_sign(void **state)
{
    (void)state;
    assert_null(cmp_plugin_descriptor.ops.auth->sign);
}

#define WITH_PLUGIN(test) cmocka_unit_test_setup_teardown(test, open_plugin, close_plugin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complains_about_links_that_make_no_sense),
        WITH_PLUGIN(only_links_are_exempt_from_signing),
        WITH_PLUGIN(a_signed_request_is_left_to_the_next_and_must_be_the_links_peer),
        cmocka_unit_test(it_does_not_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
