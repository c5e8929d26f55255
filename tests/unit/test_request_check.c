/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests may be sent over https, and what is said of the others. */
#include "outbound/request_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static cmp_https_request good(void)
{
    static const cmp_pair headers[] = {{{"x-cmp-one", 9}, {"a b", 3}}, {{"x-two", 5}, {"", 0}}};
    return (cmp_https_request){.method = "POST",
                               .path = CMP_STR("/lookup?a=%20b"),
                               .content_type = CMP_STR("application/json; charset=utf-8"),
                               .body = CMP_STR("{\"any\":\"octets\r\n\"}"),
                               .accept = CMP_STR("application/json"),
                               .authorization = CMP_STR("Bearer c0ffee"),
                               .headers = headers,
                               .header_count = 2};
}

static void expect_refused(const cmp_https_request *r, const char *said)
{
    char fault[REQUEST_FAULT_MAX] = "";
    assert_false(request_check(r, fault));
    if (strncmp(fault, said, strlen(said)) != 0) {
        fail_msg("said \"%s\", not \"%s\"", fault, said);
    }
}

static void what_is_proper_is_sent(void **state)
{
    (void)state;
    char fault[REQUEST_FAULT_MAX];
    const cmp_https_request r = good();
    assert_true(request_check(&r, fault));
    const cmp_https_request least = {.method = "GET"};
    assert_true(request_check(&least, fault));
}

static void no_value_ends_its_field(void **state)
{
    (void)state;
    static const cmp_str bad[] = {
        {"a\r\nX-Forged: 1", 14}, {"a\n", 2}, {" a", 2},   {"a ", 2},
        {"caf\xc3\xa9", 5},       {NULL, 3},  {"a\0b", 3},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cmp_https_request r = good();
        r.content_type = bad[i];
        expect_refused(&r, "content_type: ");
        r = good();
        r.accept = bad[i];
        expect_refused(&r, "accept: ");
        r = good();
        r.authorization = bad[i];
        expect_refused(&r, "authorization: ");
        r = good();
        const cmp_pair header = {CMP_STR("x-one"), bad[i]};
        r.headers = &header;
        r.header_count = 1;
        expect_refused(&r, "a header's value: ");
    }
}

static void no_path_ends_its_line(void **state)
{
    (void)state;
    static const cmp_str bad[] = {
        {"/a b", 4}, {"/a HTTP/1.1\r\nHost: x", 20}, {"/a#b", 4}, {"/caf\xc3\xa9", 6}, {NULL, 1},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cmp_https_request r = good();
        r.path = bad[i];
        expect_refused(&r, "path: ");
    }
    cmp_https_request r = good();
    r.body = (cmp_str){NULL, 10};
    expect_refused(&r, "body: 10 octets at no address");
    r = good();
    r.method = "get";
    expect_refused(&r, "method: ");
    r.method = NULL;
    expect_refused(&r, "method: ");
}

static void names_are_the_callers_own(void **state)
{
    (void)state;
    static const cmp_str bad[] = {
        {"X-One", 5},
        {"x one", 5},
        {"x\r\n", 3},
        {":path", 5},
        {"", 0},
        {NULL, 2},
        {"host", 4},
        {"content-length", 14},
        {"accept", 6},
        {"content-type", 12},
        {"authorization", 13},
        {"transfer-encoding", 17},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cmp_https_request r = good();
        const cmp_pair header = {bad[i], CMP_STR("x")};
        r.headers = &header;
        r.header_count = 1;
        expect_refused(&r, "headers[0]: ");
    }
    cmp_https_request r = good();
    r.header_count = 9;
    expect_refused(&r, "headers: 9 at");
    r.headers = NULL;
    r.header_count = 1;
    expect_refused(&r, "headers: 1 at no address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_proper_is_sent),
        cmocka_unit_test(no_value_ends_its_field),
        cmocka_unit_test(no_path_ends_its_line),
        cmocka_unit_test(names_are_the_callers_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
