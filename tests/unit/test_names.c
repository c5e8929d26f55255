/* SPDX-License-Identifier: Apache-2.0 */
/* base/names.c: what is no good host or prefix has to be refused; a misspelt key is found. */
#include "base/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A copy that ends where its memory ends, so that a sanitizer sees every octet read too many. */
static cmp_str exact(cmp_str text)
{
    char *at = malloc(text.size != 0 ? text.size : 1);
    assert_non_null(at);
    memcpy(at, text.at, text.size);
    return (cmp_str){at, text.size};
}

static void drop(cmp_str text)
{
    free((char *)(uintptr_t)text.at);
}

static const char label63[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void host_bad(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        ".",
        "a",
        "localhost",
        "a.",
        ".a",
        "a..b",
        "a.b.",
        "-a.b",
        "a-.b",
        "a.-b",
        "a.b-",
        "a_b.c",
        "a b.c",
        "a.b:443",
        "192.0.2.1",
        "a.1",
        "[2001:db8::1]",
        "2001:db8::1",
        "h\xC3\xA9.fr",
        "https://a.b",
        "a.b/",
        "user@a.b",
        "a.b?c",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        const cmp_str text = exact(cmp_str_from(texts[i]));
        assert_false(host_valid(text));
        drop(text);
    }
    char text[300];
    assert_int_equal(snprintf(text, sizeof(text), "%sa.net", label63), 68);
    assert_false(host_valid(cmp_str_from(text)));
    snprintf(text, sizeof(text), "%s.%s.%s.%.62s", label63, label63, label63, label63);
    assert_int_equal(strlen(text), 254);
    assert_false(host_valid(cmp_str_from(text)));
    assert_false(host_valid(CMP_STR("a\0.b")));
    assert_false(host_valid(CMP_NONE));
}

static void host_good(void **state)
{
    (void)state;
    static const char *const texts[] = {"a.b",      "A.Example.NET",         "a-b.c", "1.2.3.4a",
                                        "3com.com", "xn--bcher-kva.example", "a.b-c", "a--b.c"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_true(host_valid(cmp_str_from(texts[i])));
    }
    char text[300];
    snprintf(text, sizeof(text), "%s.%s.%s.%.61s", label63, label63, label63, label63);
    assert_int_equal(strlen(text), 253);
    assert_true(host_valid(cmp_str_from(text)));
}

static void nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"listeners", "peers", "plugins", "resolve", "url", NULL};
    static const struct {
        const char *text, *name;
    } cases[] = {
        {"", NULL},
        {"x", NULL},
        {"journal", NULL},
        {"peerage", NULL},
        {"listners", "listeners"},
        {"pears", "peers"},
        {"pere", NULL},
        {"preers", "peers"},
        {"epers", "peers"},
        {"plugin", "plugins"},
        {"resovle", "resolve"},
        {"URL", "url"},
        {"uri", "url"},
        {"lru", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *name = name_nearest(cmp_str_from(cases[i].text), names);
        if (cases[i].name == NULL) {
            assert_null(name);
        } else {
            assert_string_equal(name, cases[i].name);
        }
    }
    char text[1000];
    memset(text, 'p', sizeof(text));
    assert_null(name_nearest((cmp_str){text, sizeof(text)}, names));
}

static void distance(void **state)
{
    (void)state;
    assert_int_equal(name_distance(CMP_STR("peers"), "peers"), 0);
    assert_int_equal(name_distance(CMP_STR("epers"), "peers"), 1);
    assert_int_equal(name_distance(CMP_STR("listeber"), "listeners"), 2);
    assert_int_equal(name_distance(CMP_STR("a"), "ab"), 1);
    assert_int_equal(name_distance(CMP_STR("xyz"), "abc"), SIZE_MAX);
    assert_int_equal(name_distance(CMP_STR("peers"), "pairs"), SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_bad),
        cmocka_unit_test(host_good),
        cmocka_unit_test(nearest),
        cmocka_unit_test(distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
