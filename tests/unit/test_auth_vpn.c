/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the plugin auth_vpn: who is exempt from signing, and who is not. */
#include "fake_host.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

extern const cmp_plugin cmp_plugin_descriptor;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { NETS_MAX = 3, LINKS_MAX = 8 };

/* A link as an operator writes it. */
typedef struct written {
    const char *listener;
    const char *nets[NETS_MAX];
    const char *peer;
} written;

/* ---- options: the rows filled as a host does, with nothing known of the plugin's structs ---- */

typedef struct filled {
    void *options;
    char *links;
    cmp_cidr nets[LINKS_MAX][NETS_MAX];
} filled;

static const cmp_option *row_named(const cmp_option *rows, const char *name)
{
    for (; rows->name != NULL; rows++) {
        if (strcmp(rows->name, name) == 0) {
            return rows;
        }
    }
    fail_msg("no option %s", name);
    return NULL;
}

static void *field(void *options, const cmp_option *rows, const char *name)
{
    return (char *)options + row_named(rows, name)->offset;
}

static cmp_cidr net_parse(const char *text)
{
    char address[64];
    const size_t size = (size_t)(strchr(text, '/') - text);
    memcpy(address, text, size);
    address[size] = '\0';
    cmp_cidr net = {.bits = (uint8_t)atoi(text + size + 1)};
    if (inet_pton(AF_INET6, address, net.address) != 1) {
        net.address[10] = net.address[11] = 0xFF;
        assert_int_equal(inet_pton(AF_INET, address, net.address + 12), 1);
        net.bits = (uint8_t)(net.bits + 96);
    }
    return net;
}

static void fill(filled *f, const written *from, size_t count)
{
    const cmp_option *list = row_named(cmp_plugin_descriptor.options, "links");
    f->options = calloc(1, cmp_plugin_descriptor.options_size);
    f->links = calloc(count + 1, list->row_size);
    for (size_t i = 0; i < count; i++) {
        char *at = f->links + i * list->row_size;
        cmp_cidrs nets = {f->nets[i], 0};
        while (nets.count < NETS_MAX && from[i].nets[nets.count] != NULL) {
            f->nets[i][nets.count] = net_parse(from[i].nets[nets.count]);
            nets.count++;
        }
        *(const char **)field(at, list->rows, "listener") = from[i].listener;
        *(const char **)field(at, list->rows, "peer") = from[i].peer;
        *(cmp_cidrs *)field(at, list->rows, "source") = nets;
    }
    *(cmp_rows *)field(f->options, cmp_plugin_descriptor.options, "links") =
        (cmp_rows){f->links, count};
}

static void empty(filled *f)
{
    free(f->options);
    free(f->links);
}

static const cmp_peer peers[] = {{.name = CMP_STR("b")},
                                 {.name = CMP_STR("c")},
                                 {.name = CMP_STR("d")},
                                 {.name = CMP_STR("e")}};

static void host_init(fake_host *host)
{
    fake_host_init(host);
    host->peers = peers;
    host->peer_count = COUNT(peers);
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
        static fake_host host;
        host_init(&host);
        filled f;
        fill(&f, cases[i].links, 2);
        cmp_plugin_descriptor.check(&host.table, f.options, fake_report_of(&host));
        if (cases[i].complaint == NULL) {
            assert_string_equal(host.report.text, "");
        } else {
            assert_int_equal(host.report.count, 1);
            assert_true(fake_host_reported(&host, cases[i].complaint));
        }
        empty(&f);
        fake_host_dispose(&host);
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
    fake_host host;
    fake_txn txn;
    filled options;
} bench;

static int open_plugin(void **state)
{
    static bench b;
    host_init(&b.host);
    fill(&b.options, links, COUNT(links));
    assert_non_null(fake_host_open(&b.host, &cmp_plugin_descriptor, b.options.options));
    fake_txn_init(&b.txn, &b.host);
    *state = &b;
    return 0;
}

static int close_plugin(void **state)
{
    bench *b = *state;
    fake_txn_dispose(&b->txn);
    fake_host_close(&b->host);
    empty(&b->options);
    fake_host_dispose(&b->host);
    return 0;
}

static cmp_auth_verdict ask(bench *b, const char *source, const char *listener,
                            cmp_auth_answer *answer)
{
    fake_txn_source(&b->txn, source);
    b->txn.listener = cmp_str_from(listener);
    fake_op op;
    memset(answer, 0xAA, sizeof(*answer));
    const cmp_auth_verdict verdict =
        cmp_plugin_descriptor.ops.auth->verify(b->host.instance, b->host.worker,
                                               fake_op_begin(&op, CMP_PLUGIN_AUTH, &b->txn),
                                               answer);
    assert_int_equal(op.completions, 0);
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
        b->txn.params[CMP_PARAM_APIKEYID] = cases[c].apikeyid;
        b->txn.params[CMP_PARAM_SIGNATURE] = cases[c].signature;
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
