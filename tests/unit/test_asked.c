/* SPDX-License-Identifier: Apache-2.0 */
/* http/asked.c: of a request's fields those that were asked for, and what becomes of doubles. */
#include "http/asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static h2o_req_t req;
static txn t;
static listener l;

static cmp_str asked_names[] = {{"authorization", 13}, {"cookie", 6}, {"x-other", 7}};

static int setup(void **state)
{
    (void)state;
    memset(&req, 0, sizeof(req));
    memset(&t, 0, sizeof(t));
    h2o_mem_init_pool(&req.pool);
    l = (listener){.fields = {asked_names, 3}};
    t.listener = &l;
    t.request.interface = CMP_INTERFACE_MC3;
    kit_arena_init(&t.memory, NULL, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_arena_reset(&t.memory);
    h2o_mem_clear_pool(&req.pool);
    return 0;
}

static void add(const char *name, const char *value)
{
    h2o_add_header_by_str(&req.pool, &req.headers, name, strlen(name), 1, NULL, value,
                          strlen(value));
}

static void assert_field(size_t at, const char *value)
{
    assert_int_equal(t.request.header_count, 3);
    assert_true(cmp_str_equal(t.request.headers[at].name, asked_names[at]));
    assert_int_equal(t.request.headers[at].value.at != NULL, value != NULL);
    assert_true(cmp_str_equal(t.request.headers[at].value, cmp_str_from(value)));
}

static void what_is_sent_once_is_borrowed(void **state)
{
    (void)state;
    add("accept", "*/*");
    add("authorization", "Bearer t");
    add("x-other", "");
    assert_int_equal(asked_read(&req, &t).code, ERROR_NONE);
    assert_field(0, "Bearer t");
    assert_field(1, NULL);
    assert_field(2, "");
}

static void doubles_are_joined(void **state)
{
    (void)state;
    add("x-other", "a");
    add("cookie", "k=1");
    add("x-other", "");
    add("cookie", "l=2");
    add("x-other", "c");
    assert_int_equal(asked_read(&req, &t).code, ERROR_NONE);
    assert_field(0, NULL);
    assert_field(1, "k=1; l=2");
    assert_field(2, "a, , c");
}

static void two_credentials_are_malformed(void **state)
{
    (void)state;
    add("authorization", "Bearer t");
    add("authorization", "Bearer t");
    assert_int_equal(asked_read(&req, &t).code, ERROR_MALFORMED);
}

static void handsets_are_not_looked_at(void **state)
{
    (void)state;
    t.request.interface = CMP_INTERFACE_MC1;
    add("authorization", "Bearer t");
    add("authorization", "Bearer t");
    assert_int_equal(asked_read(&req, &t).code, ERROR_NONE);
    assert_int_equal(t.request.header_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_sent_once_is_borrowed),
        TEST(doubles_are_joined),
        TEST(two_credentials_are_malformed),
        TEST(handsets_are_not_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
