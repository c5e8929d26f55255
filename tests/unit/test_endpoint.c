/* SPDX-License-Identifier: Apache-2.0 */
/* Numeric addresses and ports: what is read, what is not, and how it is written. */
#include "base/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void reads_and_writes_addresses(void **state)
{
    static const struct {
        const char *text, *written; /* NULL: no address */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:80"},
        {"0.0.0.0", "0.0.0.0:80"},
        {"2001:DB8:0::1", "[2001:db8::1]:80"},
        {"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:80"},
        {"", NULL},
        {"192.0.2", NULL},
        {"192.0.2.1 ", NULL},
        {"192.0.2.256", NULL},
        {"[::1]", NULL},
        {"fe80::1%lo", NULL},
        {"localhost", NULL},
        {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        endpoint e;
        char text[ENDPOINT_TEXT_SIZE];
        if (endpoint_parse(cmp_str_from(cases[i].text), 80, &e) != (cases[i].written != NULL)) {
            fail_msg("%s", cases[i].text);
        }
        assert_int_equal(e.size != 0, cases[i].written != NULL);
        if (cases[i].written != NULL) {
            endpoint_format(&e, text);
            assert_string_equal(text, cases[i].written);
            assert_int_equal(endpoint_port(&e), 80);
        }
    }
    endpoint e;
    assert_false(endpoint_parse(CMP_STR("::1\0"), 0, &e));
}

static void maps_ipv4_into_ipv6(void **state)
{
    uint8_t octets[16];
    endpoint e;
    (void)state;
    assert_true(endpoint_parse(CMP_STR("192.0.2.1"), 0, &e));
    endpoint_octets(&e, octets);
    assert_memory_equal(octets, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01", 16);
    assert_true(endpoint_parse(CMP_STR("2001:db8::7"), 0, &e));
    endpoint_octets(&e, octets);
    assert_memory_equal(octets, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07", 16);
}

static void splits_host_and_port(void **state)
{
    static const struct {
        const char *text, *host, *port;
        bool bracketed, good;
    } cases[] = {
        {"a.test", "a.test", "", false, true},
        {"a.test:1", "a.test", ":1", false, true},
        {"a.test:", "a.test", ":", false, true},
        {":1", "", ":1", false, true},
        {"[::1]", "::1", "", true, true},
        {"[::1]:1", "::1", ":1", true, true},
        {"[::1]1", "::1", "1", true, true},
        {"[]", "", "", true, true},
        {"::1:80", "", "::1:80", false, true},
        {"", "", "", false, true},
        {"a:b@c.test:1", "a", ":b@c.test:1", false, true},
        {"[::1", "", "", true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        host_port parts;
        if (host_port_split(cmp_str_from(cases[i].text), &parts) != cases[i].good) {
            fail_msg("%s", cases[i].text);
        }
        if (cases[i].good) {
            assert_true(cmp_str_equal(parts.host, cmp_str_from(cases[i].host)));
            assert_true(cmp_str_equal(parts.port, cmp_str_from(cases[i].port)));
            assert_int_equal(parts.bracketed, cases[i].bracketed);
        }
    }
}

static void reads_ports(void **state)
{
    static const struct {
        const char *text;
        uint16_t min;
        int port; /* -1: none */
    } cases[] = {
        {":443", 1, 443},  {":65535", 0, 65535}, {":0", 0, 0},      {":0", 1, -1},
        {":65536", 0, -1}, {":-1", 0, -1},       {":", 0, -1},      {"", 0, -1},
        {"443", 0, -1},    {":4 4", 0, -1},      {"::1:80", 0, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint16_t port;
        const bool good = port_parse(cmp_str_from(cases[i].text), cases[i].min, &port);
        if (good != (cases[i].port >= 0) || (good && port != cases[i].port)) {
            fail_msg("%s: %d", cases[i].text, good ? port : -1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_addresses),
        cmocka_unit_test(maps_ipv4_into_ipv6),
        cmocka_unit_test(splits_host_and_port),
        cmocka_unit_test(reads_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
