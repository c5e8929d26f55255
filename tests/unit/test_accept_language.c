/* SPDX-License-Identifier: Apache-2.0 */
/* Accept-Language: the language that the client wants most, of those that Table 19 can say. */
#include "base/accept_language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void the_highest_weight_counts(void **state)
{
    (void)state;
    static const struct {
        const char *field, *code;
    } rows[] = {
        {"fr", "fr"},
        {"fr-CA", "fr"},
        {"FR", "FR"},
        {"zh-Hant-TW", "zh"},
        {"de-1996", "de"},
        {"da, en-gb;q=0.8, en;q=0.7", "da"}, /* RFC 9110, 12.5.4 */
        {"en;q=0.7, da", "da"},
        {"en;q=0.7,fr;q=0.9,de;q=0.8", "fr"},
        {"en;q=0.5, fr;q=0.5", "en"},
        {"en ; q=0.5 ,\tfr;q=0.501", "fr"},
        {", ,fr,", "fr"},
        {"*, fr;q=0.1", "fr"},
        {"gsw, fil;q=0.9, de;q=0.2", "de"},
        {"fr;q=0, en;q=0.001", "en"},
        {"fr;q=1.001, en;q=0.1", "en"}, /* no weight */
        {"fr;q=x, en;q=0.1", "en"},
        /* none */
        {"", NULL},
        {"*", NULL},
        {"fr;q=0", NULL},
        {"fr;q=0.000", NULL},
        {"gsw", NULL},
        {"f", NULL},
        {"fr-", NULL},
        {"-fr", NULL},
        {"f1", NULL},
        {"fr--CA", NULL},
        {"fr CA", NULL},
        {"fr-123456789", NULL},
        {"\xC3\xA9", NULL},
        {";q=1", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        accept_language a = {.quality = 0};
        accept_language_read(&a, cmp_str_from(rows[i].field));
        if ((a.code.at == NULL) != (rows[i].code == NULL) ||
            (rows[i].code != NULL && !cmp_str_equal(a.code, cmp_str_from(rows[i].code)))) {
            fail_msg("%s: %.*s", rows[i].field, (int)a.code.size, a.code.at);
        }
    }
}

static void several_fields_are_one_list(void **state)
{
    (void)state;
    accept_language a = {.quality = 0};
    accept_language_read(&a, CMP_STR("en;q=0.5"));
    accept_language_read(&a, CMP_STR("*"));
    accept_language_read(&a, CMP_STR("de;q=0.6"));
    accept_language_read(&a, CMP_STR("fr;q=0.6"));
    assert_true(cmp_str_equal(a.code, CMP_STR("de")));
    assert_int_equal(a.quality, 600);
}

/* The 64th still counts, the 65th does not. */
static void a_long_list_is_read_in_part(void **state)
{
    (void)state;
    for (unsigned before = ACCEPT_LANGUAGE_RANGES_MAX - 1; before <= ACCEPT_LANGUAGE_RANGES_MAX;
         before++) {
        accept_language a = {.quality = 0};
        for (unsigned i = 0; i < before; i++) {
            accept_language_read(&a, CMP_STR("en;q=0.5"));
        }
        accept_language_read(&a, CMP_STR("fr"));
        assert_true(cmp_str_equal(a.code, before < ACCEPT_LANGUAGE_RANGES_MAX ? CMP_STR("fr")
                                                                              : CMP_STR("en")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_weight_counts),
        cmocka_unit_test(several_fields_are_one_list),
        cmocka_unit_test(a_long_list_is_read_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
