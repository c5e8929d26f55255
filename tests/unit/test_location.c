/* SPDX-License-Identifier: Apache-2.0 */
/* IRIs as values of Location: what is mapped, what stays as it is, and what is no address. */
#include "mc/location.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check(const char *content, const char *expected)
{
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    const cmp_str location = location_of(cmp_str_from(content), &memory);
    if ((location.at == NULL) != (expected == NULL) ||
        (expected != NULL && !cmp_str_equal(location, cmp_str_from(expected)))) {
        fail_msg("%s: %.*s", content, location.at != NULL ? (int)location.size : 7,
                 location.at != NULL ? location.at : "nothing");
    }
    kit_arena_reset(&memory);
}

static void what_is_a_uri_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const uris[] = {
        "https://a.example/",
        "http://a.example",
        "HTTPS://A.EXAMPLE/X", /* QR codes' alphanumeric mode has capitals only */
        "hTTp://a.example/x?y=1&z[]=%20#f",
        "https://u:p@a.example:8443/x",
        "https://[2001:db8::1]:8443/x",
        "https://192.0.2.7/",
        "https://a_b.example./x",
        "https://caf%C3%A9.example/", /* RFC 3986, 3.2.2 */
        "https://a.example:/x",
        "https://a.example?at=@:x",
    };
    for (size_t i = 0; i < COUNT(uris); i++) {
        check(uris[i], uris[i]);
    }
}

static void characters_are_mapped(void **state)
{
    (void)state;
    static const struct {
        const char *iri, *uri;
    } rows[] = {
        {"https://a.example/café", "https://a.example/caf%C3%A9"},
        {"https://a.example/?q=日本#ü", "https://a.example/?q=%E6%97%A5%E6%9C%AC#%C3%BC"},
        {"https://a.example/\xF0\x9F\x8D\xB7", "https://a.example/%F0%9F%8D%B7"},
        {"https://a.example/caf%C3%A9/é", "https://a.example/caf%C3%A9/%C3%A9"},
        {"https://a.example/100%", "https://a.example/100%25"},
        {"https://a.example/%zz%4", "https://a.example/%25zz%254"},
        {"https://a.example/<\"{|}^`\\>", "https://a.example/%3C%22%7B%7C%7D%5E%60%5C%3E"},
        {"https://é@a.example/", "https://%C3%A9@a.example/"},
        /* hosts, by IDNA */
        {"https://café.example/", "https://xn--caf-dma.example/"},
        {"HTTPS://CAFÉ.EXAMPLE:8443/É", "HTTPS://xn--caf-dma.example:8443/%C3%89"},
        {"https://faß.example", "https://xn--fa-hia.example"}, /* 2008, not 2003 */
        {"https://日本。example/", "https://xn--wgv71a.example/"},
        {"https://u@café.example:1?x", "https://u@xn--caf-dma.example:1?x"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        check(rows[i].iri, rows[i].uri);
    }
}

static void what_is_no_address_of_the_web_is_none(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "https",
        "https://",
        "https:///x",
        "https://?x",
        "https://:443/x",
        "https://u@/x",
        "https:a.example",
        "javascript:alert(1)",
        "JavaScript://a.example/%0Aalert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "ftp://a.example/",
        "mailto:a@a.example",
        " https://a.example/",
        "https://a.example/ x",
        "https://a.example/\r\nSet-Cookie: x",
        "https://a.example/\nx",
        "https://a.example/\tx",
        "https://a.example/\x7f",
        "https://a.example/\xC2\x85",         /* C1, NEXT LINE */
        "https://a.example/\xE2\x80\xAEgpj",  /* turns the text around */
        "https://a.example/\xE2\x81\xA6x",    /* isolates it */
        "https://a.example/\xEF\xBF\xBF",     /* no character */
        "https://a.example/\xF3\xA0\x81\x81", /* a tag */
        "https://a.example/\xFF",
        "https://a.example/\xC3",
        "https://a.example\\@b.example/",
        "https://a@b@c.example/",
        "https://a.example:80x/",
        "https://a.example:65536/",
        "https://a.example:-1/",
        "https://a|b.example/",
        "https://[::1/",
        "https://[]/",
        "https://[::1]x/",
        "https://[é]/",
        "https://caf\xC3\xA9%2Eexample/",   /* mapped or escaped, not both */
        "https://a\xEF\xBC\x8F.b.example/", /* a full-width slash */
        "https://\xE2\x84\x80.example/",    /* a/c in one character */
        "https://caf\xC3\xA9..example/",
        "https://a_b.\xC3\xA9.example/",
        "https://\xC3\xA9!.example/",
        "https://\xC2\xAD/", /* nothing is left of it */
        "https://-\xC3\xA9.example/",
    };
    for (size_t i = 0; i < COUNT(others); i++) {
        check(others[i], NULL);
    }
}

static void nothing_is_cut_off_at_a_nul(void **state)
{
    (void)state;
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    assert_null(location_of(CMP_STR("https://a.example\0.b.example/"), &memory).at);
    assert_null(location_of(CMP_STR("https://caf\xC3\xA9.example\0/"), &memory).at);
    kit_arena_reset(&memory);
}

/* A label has at most 63 octets; what is far beyond is not even looked at. */
static void a_long_host_is_none(void **state)
{
    (void)state;
    static const size_t letters[] = {28, 200, 500, 30000};
    static char text[65536];
    kit_arena memory;
    for (size_t i = 0; i < COUNT(letters); i++) {
        size_t size = (size_t)sprintf(text, "https://");
        for (size_t n = 0; n < letters[i]; n++) {
            size += (size_t)sprintf(text + size, "é");
        }
        size += (size_t)sprintf(text + size, ".example");
        kit_arena_init(&memory, NULL, 0);
        assert_int_equal(location_of((cmp_str){text, size}, &memory).at != NULL, i == 0);
        kit_arena_reset(&memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_uri_stays_as_it_is),
        cmocka_unit_test(characters_are_mapped),
        cmocka_unit_test(what_is_no_address_of_the_web_is_none),
        cmocka_unit_test(nothing_is_cut_off_at_a_nul),
        cmocka_unit_test(a_long_host_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
