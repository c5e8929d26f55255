/* SPDX-License-Identifier: Apache-2.0 */
/* Free names that were to be one of Table 19's, and those that were not; what may be withheld. */
#include "mc/meant.h"

#include "pipeline/release.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void finds_what_was_meant(void **state)
{
    (void)state;
    static const struct {
        const char *name, *meant;
    } rows[] = {
        {"gendr", "gender"},
        {"Gender", "gender"},
        {"egnder", "gender"},
        {"langauge", "language"},
        {"languages", "language"},
        {"incom", "income"},
        {"agee", "age"},
        {"AGE", "age"},
        {"pots", "post"},
        {"CC", "cc"},
        {"usr", "user"},
        {"adr", "addr"},
        {"apikey_id", "apikeyid"},
        {"signatur", "signature"},
        {"tiem", "time"},
        /* honest names */
        {"page", NULL},
        {"host", NULL},
        {"cost", NULL},
        {"ca", NULL},
        {"co", NULL},
        {"device", NULL},
        {"store", NULL},
        {"device.model", NULL},
        {"origin-tid", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *meant = param_meant(cmp_str_from(rows[i].name), "time");
        if ((meant == NULL) != (rows[i].meant == NULL) ||
            (meant != NULL && strcmp(meant, rows[i].meant) != 0)) {
            fail_msg("%s: %s", rows[i].name, meant != NULL ? meant : "nothing");
        }
    }
    assert_null(param_meant(CMP_STR("tiem"), NULL));
}

static void only_what_goes_on_can_be_withheld(void **state)
{
    (void)state;
    static const struct {
        const char *name, *fault;
    } rows[] = {
        {"user", NULL},
        {"gender", NULL},
        {"post", NULL},
        {"contextual", NULL},
        {"device.model", NULL},
        {"gendr", "there is no parameter \"gendr\"; did you mean \"gender\"?"},
        {"contextuall", "there is no parameter \"contextuall\"; did you mean \"contextual\"?"},
        {"in", "it is called \"income\" here"},
        {"ici", "this parameter cannot be withheld: without it the next hop cannot answer"},
        {"addr", "this parameter cannot be withheld: without it the next hop cannot answer"},
        {"two words", "expected the name of a parameter"},
        {"", "expected the name of a parameter"},
    };
    kit_arena memory;
    kit_arena_init(&memory, NULL, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *fault = release_fault(cmp_str_from(rows[i].name), &memory);
        if (rows[i].fault == NULL) {
            assert_null(fault);
        } else {
            assert_non_null(fault);
            assert_string_equal(fault, rows[i].fault);
        }
    }
    kit_arena_reset(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_meant),
        cmocka_unit_test(only_what_goes_on_can_be_withheld),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
