/* SPDX-License-Identifier: Apache-2.0 */
/* plugin/headers_check.c: names that a plugin asks for, and fields that it adds; the wrong ones
 * first. */
#include "plugin/headers_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static bool asked(const char *const *names, const char *part)
{
    char error[256] = "";
    const bool good = headers_check_asked(names, error, sizeof(error));
    if (!good && strstr(error, part) == NULL) {
        fail_msg("\"%s\" does not say: %s", error, part);
    }
    return good;
}

static void names_that_are_refused(void **state)
{
    static const struct {
        const char *names[3];
        const char *part;
    } cases[] = {
        {{"", NULL}, "\"\", which is no name"},
        {{"Authorization", NULL}, "\"Authorization\", which is no name of a header field in lower"},
        {{":path", NULL}, "\":path\", which is no name"},
        {{"x y", NULL}, "is no name"},
        {{"x\r\ny", NULL}, "is no name"},
        {{"x-12345678901234567890123456789012345678901234567890123456789012345", NULL}, "no name"},
        {{"x", "connection", NULL}, "\"connection\", which is a connection's"},
        {{"te", NULL}, "not to be seen"},
        {{"host", NULL}, "not to be seen"},
        {{"transfer-encoding", NULL}, "not to be seen"},
        {{"content-length", NULL}, "not to be seen"},
        {{"x", "x", NULL}, "\"x\", which is given twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(asked(cases[i].names, cases[i].part));
    }
}

static void as_many_names_as_are_allowed(void **state)
{
    static const char *names[] = {"a", "b", "c", "d", "e", "f", "g", "h",  "i",
                                  "j", "k", "l", "m", "n", "o", "p", NULL, NULL};
    (void)state;
    assert_true(asked(names, ""));
    names[CMP_AUTH_HEADERS_MAX] = "q";
    assert_false(asked(names, "more than 16"));
    assert_true(asked(NULL, ""));
}

static void challenges(void **state)
{
    char text[CMP_AUTH_CHALLENGE_MAX + 2];
    (void)state;
    assert_true(headers_check_challenge(NULL));
    assert_true(headers_check_challenge("Bearer realm=\"mc-3\""));
    assert_false(headers_check_challenge(""));
    assert_false(headers_check_challenge("Bearer\r\nX: y"));
    assert_false(headers_check_challenge(" Bearer"));
    memset(text, 'a', sizeof(text));
    text[CMP_AUTH_CHALLENGE_MAX + 1] = '\0';
    assert_false(headers_check_challenge(text));
    text[CMP_AUTH_CHALLENGE_MAX] = '\0';
    assert_true(headers_check_challenge(text));
}

static void fields_that_are_not_sent(void **state)
{
    static const cmp_pair cases[] = {
        {{"", 0}, {"v", 1}},
        {{NULL, 0}, {"v", 1}},
        {{"X", 1}, {"v", 1}},
        {{":authority", 10}, {"v", 1}},
        {{"x", 1}, {NULL, 0}},
        {{"x", 1}, {"a\r\nb: c", 7}},
        {{"x", 1}, {"a\nb", 3}},
        {{"x", 1}, {"a\0b", 3}},
        {{"x", 1}, {"a\tb", 3}},
        {{"x", 1}, {" a", 2}},
        {{"x", 1}, {"a ", 2}},
        {{"x", 1}, {"\xC3\xA4", 2}},
        {{"host", 4}, {"v", 1}},
        {{"content-length", 14}, {"0", 1}},
        {{"content-type", 12}, {"text/plain", 10}},
        {{"content-encoding", 16}, {"gzip", 4}},
        {{"accept", 6}, {"*/*", 3}},
        {{"connection", 10}, {"close", 5}},
        {{"te", 2}, {"trailers", 8}},
        {{"upgrade", 7}, {"h2c", 3}},
        {{"transfer-encoding", 17}, {"chunked", 7}},
        {{"traceparent", 11}, {"v", 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (headers_check_added(&cases[i], 1)) {
            fail_msg("accepted: %.*s", (int)cases[i].name.size, cases[i].name.at);
        }
    }
}

static void fields_that_are_sent(void **state)
{
    static char large[CMP_SIGNATURE_HEADERS_SIZE];
    cmp_pair headers[CMP_SIGNATURE_HEADERS_MAX + 1];
    (void)state;
    for (size_t i = 0; i <= CMP_SIGNATURE_HEADERS_MAX; i++) {
        headers[i] = (cmp_pair){{&"abcdefgh"[i], 1}, {"", 0}};
    }
    assert_true(headers_check_added(NULL, 0));
    assert_false(headers_check_added(NULL, 1));
    assert_true(headers_check_added(headers, CMP_SIGNATURE_HEADERS_MAX));
    assert_false(headers_check_added(headers, CMP_SIGNATURE_HEADERS_MAX + 1));
    headers[0] = (cmp_pair){CMP_STR("authorization"), CMP_STR("Bearer abc")};
    assert_true(headers_check_added(headers, 2));
    const cmp_pair twice[] = {headers[0], headers[0]};
    assert_false(headers_check_added(twice, 2));
    memset(large, 'v', sizeof(large));
    headers[1].value = (cmp_str){large, sizeof(large)};
    assert_false(headers_check_added(headers + 1, 1));
    headers[1].value.size--;
    assert_true(headers_check_added(headers + 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_refused),
        cmocka_unit_test(as_many_names_as_are_allowed),
        cmocka_unit_test(challenges),
        cmocka_unit_test(fields_that_are_not_sent),
        cmocka_unit_test(fields_that_are_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
