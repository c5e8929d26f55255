/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/kit/tid.c: what is wrong with a transaction id by its key. */
#include <cmp-kit/tid.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS  INT64_C(0x017F22E279B0) /* of V7 */
#define V7      "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define V4      "919108f7-52d1-4320-9bac-f847db4148a8"
#define SKEW_MS 1000

static void shapes(void **state)
{
    (void)state;
    const kit_tid none = kit_tid_read(CMP_NONE), other = kit_tid_read(CMP_STR("t-1"));
    assert_false(none.uuid || none.version_7 || other.uuid || other.version_7);
    const kit_tid four = kit_tid_read(CMP_STR(V4)), seven = kit_tid_read(CMP_STR(V7));
    assert_true(four.uuid && !four.version_7 && four.time_ms == 0);
    assert_true(seven.uuid && seven.version_7 && seven.time_ms == NOW_MS);
}

static void faults(void **state)
{
    static const struct {
        const char *tid;
        cmp_tid_format format;
        int64_t skew_ms, now_ms;
        const char *fault;
    } cases[] = {
        {"t-1", CMP_TID_ANY, SKEW_MS, NOW_MS, NULL},
        {"t-1", CMP_TID_UUID, 0, NOW_MS, "tid is no UUID"},
        {V4, CMP_TID_UUID, SKEW_MS, NOW_MS, NULL},
        {"t-1", CMP_TID_UUIDV7, 0, NOW_MS, "tid is no UUID"},
        {V4, CMP_TID_UUIDV7, 0, NOW_MS, "tid is no UUIDv7"},
        {V7, CMP_TID_UUIDV7, SKEW_MS, NOW_MS + SKEW_MS, NULL},
        {V7, CMP_TID_UUIDV7, SKEW_MS, NOW_MS + SKEW_MS + 1, "tid is too old"},
        {V7, CMP_TID_UUIDV7, SKEW_MS, NOW_MS - SKEW_MS, NULL},
        {V7, CMP_TID_UUIDV7, SKEW_MS, NOW_MS - SKEW_MS - 1, "tid is too new"},
        {V7, CMP_TID_UUIDV7, 0, NOW_MS + 1000 * SKEW_MS, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const cmp_key key = {.tid_format = cases[i].format, .max_skew_ms = cases[i].skew_ms};
        const kit_tid tid = kit_tid_read(cmp_str_from(cases[i].tid));
        const char *fault = kit_tid_fault(&tid, &key, cases[i].now_ms);
        assert_int_equal(fault != NULL, cases[i].fault != NULL);
        if (fault != NULL) {
            assert_string_equal(fault, cases[i].fault);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
