/* SPDX-License-Identifier: Apache-2.0 */
/* base/log_source.c: whole addresses, networks, and none. */
#include "base/log_source.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *shown(const char *address, unsigned ipv6_bits)
{
    static char text[LOG_SOURCE_SIZE];
    uint8_t octets[16] = {[10] = 0xff, [11] = 0xff};
    assert_true(inet_pton(AF_INET, address, octets + 12) == 1 ||
                inet_pton(AF_INET6, address, octets) == 1);
    log_source_write(octets, ipv6_bits, text);
    const log_field f = log_source(octets, (char[LOG_SOURCE_SIZE]){0});
    assert_string_equal(f.name, "source");
    return text;
}

static void whole_addresses(void **state)
{
    (void)state;
    assert_string_equal(shown("192.0.2.255", 128), "192.0.2.255");
    assert_string_equal(shown("2001:db8::ff", 128), "2001:db8::ff");
    log_source_setup(32, 128);
    assert_string_equal(shown("192.0.2.255", 128), "192.0.2.255");
    assert_string_equal(shown("2001:db8::ff", 128), "2001:db8::ff");
}

static void networks(void **state)
{
    static const struct {
        unsigned ipv4, ipv6;
        const char *shown_ipv4, *shown_ipv6;
    } cases[] = {
        {24, 48, "192.0.2.0/24", "2001:db8:aaaa::/48"},
        {31, 127, "192.0.2.254/31", "2001:db8:aaaa:bbbb:ffff:ffff:ffff:fffe/127"},
        {7, 49, "192.0.0.0/7", "2001:db8:aaaa:8000::/49"},
        {1, 1, "128.0.0.0/1", "::/1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        log_source_setup(cases[i].ipv4, cases[i].ipv6);
        assert_string_equal(shown("192.0.2.255", 128), cases[i].shown_ipv4);
        assert_string_equal(shown("2001:db8:aaaa:bbbb:ffff:ffff:ffff:ffff", 128),
                            cases[i].shown_ipv6);
    }
}

static void less_may_be_asked_for_and_not_more(void **state)
{
    (void)state;
    log_source_setup(32, 128);
    assert_string_equal(shown("2001:db8::ff", 64), "2001:db8::/64");
    assert_string_equal(shown("192.0.2.255", 64), "192.0.2.255");
    log_source_setup(24, 48);
    assert_string_equal(shown("2001:db8::ff", 64), "2001:db8::/48");
}

static void none(void **state)
{
    uint8_t octets[16] = {0x20, 1};
    char text[LOG_SOURCE_SIZE];
    (void)state;
    log_source_setup(0, 0);
    assert_string_equal(shown("192.0.2.255", 128), "");
    assert_string_equal(shown("2001:db8::ff", 128), "");
    assert_null(log_source(octets, text).value.at);
    log_source_setup(32, 0);
    assert_string_equal(shown("192.0.2.255", 128), "192.0.2.255");
    assert_string_equal(shown("2001:db8::ff", 128), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_addresses),
        cmocka_unit_test(networks),
        cmocka_unit_test(less_may_be_asked_for_and_not_more),
        cmocka_unit_test(none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
