/* SPDX-License-Identifier: Apache-2.0 */
/* http/proxy.c: the headers of the PROXY protocol's document, and what is none. */
#include "http/proxy.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SIGNATURE "\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A"
#define OCTETS(literal)                                                                            \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

typedef struct octets {
    const char *at;
    size_t size;
} octets;

/* A copy of just that size, so that a sanitizer sees octets read too many. */
static proxy_state read_exactly(const char *at, size_t size, proxy_header *h)
{
    char *copy = malloc(size + (size == 0));
    memcpy(copy, at, size);
    const proxy_state state = proxy_read(copy, size, h);
    free(copy);
    return state;
}

static void assert_source(const proxy_header *h, const char *expected)
{
    char text[INET6_ADDRSTRLEN];
    assert_non_null(inet_ntop(AF_INET6, h->source, text, sizeof(text)));
    assert_string_equal(text, expected);
}

/* Every shorter piece is incomplete, and what follows is not touched. */
static void assert_header(octets o, proxy_origin origin, const char *source)
{
    proxy_header h;
    for (size_t size = 0; size < o.size; size++) {
        assert_int_equal(read_exactly(o.at, size, &h), PROXY_INCOMPLETE);
    }
    char *more = malloc(o.size + 5);
    memcpy(more, o.at, o.size);
    memcpy(more + o.size, "\x16\x03\x01\r\n", 5);
    for (size_t size = o.size; size <= o.size + 5; size++) {
        assert_int_equal(read_exactly(more, size, &h), PROXY_WHOLE);
        assert_int_equal(h.size, o.size);
        assert_int_equal(h.origin, origin);
        assert_source(&h, source);
    }
    free(more);
}

static void version_1(void **state)
{
    (void)state;
    const struct {
        octets line;
        proxy_origin origin;
        const char *source;
    } cases[] = {
        {OCTETS("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"), PROXY_ORIGIN_ADDRESS,
         "::ffff:192.168.0.1"},
        {OCTETS("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), PROXY_ORIGIN_ADDRESS,
         "::ffff:255.255.255.255"},
        {OCTETS("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), PROXY_ORIGIN_ADDRESS, "::ffff:0.0.0.0"},
        {OCTETS("PROXY TCP6 2001:db8::7 ::1 1 443\r\n"), PROXY_ORIGIN_ADDRESS, "2001:db8::7"},
        {OCTETS("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
         PROXY_ORIGIN_ADDRESS, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {OCTETS("PROXY UNKNOWN\r\n"), PROXY_ORIGIN_UNKNOWN, "::"},
        {OCTETS("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
         PROXY_ORIGIN_UNKNOWN, "::"},
        {OCTETS("PROXY UNKNOWN what ever\r\n"), PROXY_ORIGIN_UNKNOWN, "::"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_header(cases[i].line, cases[i].origin, cases[i].source);
    }
}

static void version_2(void **state)
{
    (void)state;
    const struct {
        octets header;
        proxy_origin origin;
        const char *source;
    } cases[] = {
        {OCTETS(SIGNATURE "\x21\x11\x00\x0C\xC0\x00\x02\x01\xC0\x00\x02\x02\xDC\x04\x01\xBB"),
         PROXY_ORIGIN_ADDRESS, "::ffff:192.0.2.1"},
        {OCTETS(SIGNATURE "\x21\x12\x00\x0C\xC0\x00\x02\x01\xC0\x00\x02\x02\xDC\x04\x01\xBB"),
         PROXY_ORIGIN_ADDRESS, "::ffff:192.0.2.1"},
        /* with a TLV behind: the authority "a.b" */
        {OCTETS(SIGNATURE "\x21\x11\x00\x12\xC0\x00\x02\x01\xC0\x00\x02\x02\xDC\x04\x01\xBB"
                          "\x02\x00\x03"
                          "a.b"),
         PROXY_ORIGIN_ADDRESS, "::ffff:192.0.2.1"},
        {OCTETS(SIGNATURE "\x21\x21\x00\x24"
                          "\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07"
                          "\x20\x01\x0D\xB8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08"
                          "\xDC\x04\x01\xBB"),
         PROXY_ORIGIN_ADDRESS, "2001:db8::7"},
        {OCTETS(SIGNATURE "\x20\x00\x00\x00"), PROXY_ORIGIN_LOCAL, "::"},
        /* what a local one says of addresses is not read, be it good or not */
        {OCTETS(SIGNATURE "\x20\x11\x00\x0C\xC0\x00\x02\x01\xC0\x00\x02\x02\xDC\x04\x01\xBB"),
         PROXY_ORIGIN_LOCAL, "::"},
        {OCTETS(SIGNATURE "\x20\xFF\x00\x01\xFF"), PROXY_ORIGIN_LOCAL, "::"},
        {OCTETS(SIGNATURE "\x21\x00\x00\x00"), PROXY_ORIGIN_UNKNOWN, "::"},
        {OCTETS(SIGNATURE "\x21\x00\x00\x04\x04\x00\x01\x00"), PROXY_ORIGIN_UNKNOWN, "::"},
        {OCTETS(SIGNATURE "\x21\x31\x00\x03\x00\x00\x00"), PROXY_ORIGIN_UNKNOWN, "::"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_header(cases[i].header, cases[i].origin, cases[i].source);
    }
}

static void what_is_none(void **state)
{
    (void)state;
    static const octets cases[] = {
        OCTETS("X"),
        OCTETS("GET / HTTP/1.1\r\n"),
        OCTETS("\x16\x03\x01\x02\x00"),
        OCTETS("PROXY\tTCP4"),
        OCTETS("PROXY \r\n"),
        OCTETS("PROXY\r\n"),
        OCTETS("PROXX TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
        OCTETS("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
        OCTETS("PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"),
        OCTETS("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n"),
        OCTETS("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r "),
        OCTETS("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"),
        OCTETS("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n"),
        OCTETS("PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"),
        OCTETS("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"),
        OCTETS("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"),
        OCTETS("PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"),
        OCTETS("PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n"),
        OCTETS("PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n"),
        OCTETS("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"),
        OCTETS("PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n"),
        OCTETS("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n"),
        OCTETS("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"),
        OCTETS("PROXY TCP6 2001:db8::g 2001:db8::2 1 2\r\n"),
        OCTETS("PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n"),
        OCTETS("PROXY UNKNOWN2\r\n"),
        OCTETS(SIGNATURE "\x11"),
        OCTETS(SIGNATURE "\x22"),
        OCTETS(SIGNATURE "\x31"),
        OCTETS("\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0B"),
        OCTETS(SIGNATURE "\x21\x11\x00\x0B\xC0\x00\x02\x01\xC0\x00\x02\x02\xDC\x04\x01"),
        OCTETS(SIGNATURE "\x21\x21\x00\x0C\xC0\x00\x02\x01\xC0\x00\x02\x02\xDC\x04\x01\xBB"),
        OCTETS(SIGNATURE "\x21\x41\x00\x00"),
        OCTETS(SIGNATURE "\x21\x13\x00\x0C\xC0\x00\x02\x01\xC0\x00\x02\x02\xDC\x04\x01\xBB"),
        OCTETS(SIGNATURE "\x21\x11\xFF\xFF"),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        proxy_header h;
        assert_int_equal(read_exactly(cases[i].at, cases[i].size, &h), PROXY_BAD);
    }
}

static void lines_end_at_107_octets(void **state)
{
    (void)state;
    char line[108] = "PROXY UNKNOWN ";
    memset(line + 14, 'x', sizeof(line) - 14);
    proxy_header h;
    assert_int_equal(read_exactly(line, 106, &h), PROXY_INCOMPLETE);
    assert_int_equal(read_exactly(line, 107, &h), PROXY_BAD);
    memcpy(line + 105, "\r\n", 2);
    assert_int_equal(read_exactly(line, 106, &h), PROXY_INCOMPLETE);
    assert_int_equal(read_exactly(line, 107, &h), PROXY_WHOLE);
    memcpy(line + 105, "x\r\n", 3);
    assert_int_equal(read_exactly(line, 107, &h), PROXY_BAD);
    assert_int_equal(read_exactly(line, 108, &h), PROXY_BAD);
}

static void headers_end_at_4096_octets(void **state)
{
    (void)state;
    static char header[PROXY_SIZE_MAX] = SIGNATURE "\x21\x00\x0F\xF0";
    proxy_header h;
    assert_int_equal(read_exactly(header, sizeof(header) - 1, &h), PROXY_INCOMPLETE);
    assert_int_equal(read_exactly(header, sizeof(header), &h), PROXY_WHOLE);
    assert_int_equal(h.size, PROXY_SIZE_MAX);
    header[15]++;
    assert_int_equal(read_exactly(header, 16, &h), PROXY_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1),
        cmocka_unit_test(version_2),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(lines_end_at_107_octets),
        cmocka_unit_test(headers_end_at_4096_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
