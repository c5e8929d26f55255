/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults that depend on other values, and the bounds that these set. */
#include "conf/conf.h"

#include "scratch.h"

static void what_depends_on_the_interfaces(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        int64_t receive_buffer;
        bool anonymous;
    } cases[] = {
        {"interfaces: [mc-3, mc-6]", 65536, false},
        {"interfaces: codes", 65536, false},
        {"interfaces: mc-1", 16384, true},
        {"interfaces: [mc-3, mc-1]", 16384, true},
        {"interfaces: mc-1, receive_buffer: 100K", 102400, true},
        {"interfaces: mc-3, receive_buffer: 4K", 4096, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        cmp_report report;
        report_init(&report);
        snprintf(
            text, sizeof(text),
            "resolve: {stores: []}\nplugins: {hmac: {use: auth_hmac}}\nlisteners:\n"
            "  - {name: l, bind: '*:1', authenticate: hmac, tls: {certificate: a, key: b}, %s}\n",
            cases[i].settings);
        scratch_write("c.yaml", text);
        conf *c = conf_load("c.yaml", &report);
        assert_report(&report, "");
        const conf_listener *l = c->top.listeners.at;
        assert_int_equal(l->receive_buffer_bytes, cases[i].receive_buffer);
        assert_int_equal(conf_listener_anonymous(l), cases[i].anonymous);
        conf_destroy(&c);
        report_dispose(&report);
    }
}

/* Shares of half of all connections, but for those that name their own. */
static void shares_of_listeners(void **state)
{
    (void)state;
    static const struct {
        const char *settings[3];
        int64_t shares[3];
    } cases[] = {
        {{"", "", ""}, {166, 166, 166}},
        {{"connections: 100", "", ""}, {100, 200, 200}},
        {{"connections: 600", "", "connections: 400"}, {600, 0, 400}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        int size = snprintf(text, sizeof(text),
                            "resolve: {stores: []}\nlimits: {connections: 1000}\nlisteners:\n");
        for (int l = 0; l < 3; l++) {
            size += snprintf(text + size, sizeof(text) - (size_t)size,
                             "  - {name: l%d, bind: '*:%d', interfaces: mc-1, %s}\n", l, l + 1,
                             cases[i].settings[l]);
        }
        cmp_report report;
        report_init(&report);
        scratch_write("c.yaml", text);
        conf *c = conf_load("c.yaml", &report);
        assert_report(&report, "");
        for (size_t l = 0; l < 3; l++) {
            const conf_listener *listener = (const conf_listener *)c->top.listeners.at + l;
            assert_int_equal(listener->connections, cases[i].shares[l]);
            assert_int_equal(listener->source_connections, 500);
            assert_int_equal(listener->source_connects, 500 * 3600);
        }
        conf_destroy(&c);
        report_dispose(&report);
    }
}

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* A file goes as a whole: with one of all of `size` nothing would stay. */
static void segments_are_a_quarter_of_all_at_most(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        int64_t segment;
        const char *error;
    } cases[] = {
        {"path: j", 64 * MIB, ""},
        {"size: 256M", 64 * MIB, ""},
        {"size: 64M", 16 * MIB, ""},
        {"size: 1M", 256 * KIB, ""},
        {"size: 1M, segment_size: 256K", 256 * KIB, ""},
        {"segment_size: 2G", 2 * GIB, ""},
        {"size: 1M, segment_size: 257K", 257 * KIB,
         "c.yaml:4:35: journal.segment_size: 257K; expected at most a quarter of journal.size, "
         "which is 1M\n"},
        {"segment_size: 4G", 4 * GIB,
         "c.yaml:4:25: journal.segment_size: 4G; expected at most a quarter of journal.size, "
         "which is 10G\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        cmp_report report;
        report_init(&report);
        snprintf(text, sizeof(text),
                 "resolve: {stores: []}\nlisteners:\n"
                 "  - {name: l, bind: '*:1', interfaces: mc-1}\njournal: {%s}\n",
                 cases[i].settings);
        scratch_write("c.yaml", text);
        conf *c = conf_load("c.yaml", &report);
        assert_report(&report, cases[i].error);
        assert_int_equal(c->top.journal.segment_bytes, cases[i].segment);
        conf_destroy(&c);
        report_dispose(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_depends_on_the_interfaces),
        cmocka_unit_test(shares_of_listeners),
        cmocka_unit_test(segments_are_a_quarter_of_all_at_most),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
