/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins and hosts of different minors, in libcmp-test: one that is built for 2.1 is refused by a
 * host of 2.0; the same, built for 2.0 with the headers of 2.1, does without what is not there. */
#include <cmp-test/test.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define FOR_2_1 TEST_BINARY_DIR "/tests/plugins"
#define FOR_2_0 TEST_BINARY_DIR "/tests/abi/for-2.0"

#define TRACE   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void expect(cmp_test *t, const char *trace, const char *content)
{
    cmp_test_txn *x = cmp_test_txn_create(t);
    cmp_test_traceparent(x, trace);
    cmp_test_op *op = cmp_test_lookup(t, "A-1", x);
    assert_int_equal(cmp_test_verdict(op), CMP_STORE_FOUND);
    const cmp_str found = cmp_test_record(op)->content;
    assert_int_equal(found.size, strlen(content));
    assert_memory_equal(found.at, content, found.size);
    cmp_test_end(&op);
    cmp_test_txn_destroy(&x);
}

static void in_a_host_of_today(void **state)
{
    (void)state;
    static const char *const folders[] = {FOR_2_1, FOR_2_0};
    for (size_t i = 0; i < 2; i++) {
        cmp_test *t = cmp_test_create();
        assert_true(cmp_test_load(t, folders[i], "store_traces", NULL));
        expect(t, TRACE, TRACE);
        expect(t, NULL, "none came");
        cmp_test_destroy(&t);
    }
}

static void in_a_host_of_2_0(void **state)
{
    (void)state;
    cmp_test *t = cmp_test_create();
    cmp_test_minor(t, 0);
    assert_false(cmp_test_load(t, FOR_2_1, "store_traces", NULL));
    assert_true(cmp_test_reported(t, "plugin ABI is 2.1, newer than this host's, 2.0"));
    assert_true(cmp_test_load(t, FOR_2_0, "store_traces", NULL));
    expect(t, TRACE, "unknown to this host");
    assert_true(cmp_test_replace(t, NULL));
    expect(t, TRACE, "unknown to this host");
    cmp_test_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_host_of_today),
        cmocka_unit_test(in_a_host_of_2_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
