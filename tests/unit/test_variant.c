/* SPDX-License-Identifier: Apache-2.0 */
/* Content variants: which conditions hold for which request, and which can be written at all. */
#include "mc/variant.h"

#include <cmp-kit/times.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int64_t ms_of(const char *text)
{
    int64_t ms;
    assert_true(kit_time_parse(cmp_str_from(text), &ms));
    return ms;
}

/* A request that carries one parameter of that name. */
static message request_with(const char *name, const char *value, cmp_pair *pair)
{
    message m = {.count = 0};
    const cmp_param param = param_find(cmp_str_from(name));
    if (value == NULL) {
        return m;
    }
    if (param != CMP_PARAM_MAX) {
        m.params[param] = cmp_str_from(value);
        return m;
    }
    *pair = (cmp_pair){cmp_str_from(name), cmp_str_from(value)};
    m.contextual = pair;
    m.contextual_count = 1;
    return m;
}

static const struct {
    const char *name, *rule;
    const char *value; /* in the request; NULL: it carries none */
    bool holds;
} parameters[] = {
    {"language", "fr", NULL, false},
    {"language", "fr", "en", false},
    {"language", "fr", "f", false},
    {"language", "fr", "fr", true},
    {"language", "fr", "FR", true},
    {"cc", "CA", "ca", true},
    {"cc", "CA", "C", false},
    {"cc", "CA", "US", false},
    {"gender", "female", "FEMALE", true},
    {"gender", "female", "male", false},
    /* a prefix */
    {"post", "K1A", "K1", false},
    {"post", "K1A", "K2A 0B1", false},
    {"post", "K1A", "K1A", true},
    {"post", "K1A", "k1a 0b1", true},
    {"post", "K1A 0", "K1A0B1", false}, /* spaces are octets like any other */
    {"post", "K1A", NULL, false},
    /* numbers, ranges, bounds */
    {"age", "18-30", NULL, false},
    {"age", "18-30", "17", false},
    {"age", "18-30", "18", true},
    {"age", "18-30", "30", true},
    {"age", "18-30", "31", false},
    {"age", "18-30", "20-25", true},
    {"age", "18-30", "18-30", true},
    {"age", "18-30", "25-31", false},
    {"age", "18-30", "adult", false}, /* free text never matches a numeric rule */
    {"age", "18", "18", true},
    {"age", "18", "18-19", false},
    {"age", ">65", "65", false},
    {"age", ">65", "66", true},
    {"age", ">65", ">70", false}, /* Table 19 gives no bounds to a request's age */
    {"age", "teenager", "Teenager", true},
    {"age", "teenager", "teen", false},
    {"age", "teenager", "15", false},
    {"income", "35,000-75,000", "50,000", true},
    {"income", "35,000-75,000", "50000", true},
    {"income", "35,000-75,000", "40,000-75,001", false},
    {"income", "<30,000", "29,999", true},
    {"income", "<30,000", "30,000", false},
    {"income", "<30,000", "<20,000", true},
    {"income", "<30,000", "<40,000", false},
    {"income", ">100,000", ">100,000", true},
    {"income", ">100,000", "<30,000", false},
    {"income", "35,000-75,000", "<50,000", false},
    /* contextual: octet by octet */
    {"store", "Ottawa-7", NULL, false},
    {"store", "Ottawa-7", "ottawa-7", false},
    {"store", "Ottawa-7", "Ottawa-7", true},
    {"store", "Ottawa-7", "Ottawa-77", false},
    {"store", "", "", true},
};

static void conditions_on_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(parameters); i++) {
        cmp_pair pair;
        const message m = request_with(parameters[i].name, parameters[i].value, &pair);
        const cmp_condition c = {cmp_str_from(parameters[i].name),
                                 cmp_str_from(parameters[i].rule)};
        const cmp_variant v = {.content = CMP_STR("x"), .conditions = &c, .condition_count = 1};
        const cmp_record r = {.variants = &v, .variant_count = 1};
        const cmp_variant *wanted = parameters[i].holds ? &v : NULL;
        if (variant_choose(&r, &m, 0) != wanted) {
            fail_msg("%s: rule %s, request %s", parameters[i].name, parameters[i].rule,
                     parameters[i].value != NULL ? parameters[i].value : "without");
        }
    }
}

static const struct {
    const char *rule, *now;
    bool holds;
} times[] = {
    {"08:00-12:30", "2026-11-24T07:59:59.999Z", false},
    {"08:00-12:30", "2026-11-24T08:00:00Z", true},
    {"08:00-12:30", "2026-11-24T12:29:59.999Z", true},
    {"08:00-12:30", "2026-11-24T12:30:00Z", false},
    {"08:00-12:30", "1969-12-31T09:00:00Z", true}, /* before 1970 */
    {"08:00-12:30", "1969-12-31T13:00:00Z", false},
    {"22:00-06:00", "2026-11-24T21:59:59Z", false}, /* wraps midnight */
    {"22:00-06:00", "2026-11-24T22:00:00Z", true},
    {"22:00-06:00", "2026-11-25T00:00:00Z", true},
    {"22:00-06:00", "2026-11-25T05:59:59Z", true},
    {"22:00-06:00", "2026-11-25T06:00:00Z", false},
    {"18:00-00:00", "2026-11-24T23:59:59Z", true},
    {"18:00-00:00", "2026-11-25T00:00:00Z", false},
    {"2026-12-01T00:00:00Z/2026-12-24T00:00:00Z", "2026-11-30T23:59:59.999Z", false},
    {"2026-12-01T00:00:00Z/2026-12-24T00:00:00Z", "2026-12-01T00:00:00Z", true},
    {"2026-12-01T00:00:00Z/2026-12-24T00:00:00Z", "2026-12-23T23:59:59.999Z", true},
    {"2026-12-01T00:00:00Z/2026-12-24T00:00:00Z", "2026-12-24T00:00:00Z", false},
    {"2026-12-01T00:00:00+02:00/2026-12-24T00:00:00Z", "2026-11-30T22:00:00Z", true},
    {"never", "2026-12-24T00:00:00Z", false}, /* a careless store's rule never holds */
};

static void conditions_on_time(void **state)
{
    (void)state;
    const message m = {.count = 0};
    for (size_t i = 0; i < COUNT(times); i++) {
        const cmp_condition c = {CMP_STR("time"), cmp_str_from(times[i].rule)};
        const cmp_variant v = {.conditions = &c, .condition_count = 1};
        const cmp_record r = {.variants = &v, .variant_count = 1};
        const cmp_variant *wanted = times[i].holds ? &v : NULL;
        if (variant_choose(&r, &m, ms_of(times[i].now)) != wanted) {
            fail_msg("%s at %s", times[i].rule, times[i].now);
        }
    }
}

static void first_whole_match_wins(void **state)
{
    (void)state;
    const cmp_condition french_adult[] = {{CMP_STR("language"), CMP_STR("fr")},
                                          {CMP_STR("age"), CMP_STR(">17")}};
    const cmp_condition french[] = {{CMP_STR("language"), CMP_STR("fr")}};
    const cmp_condition canada[] = {{CMP_STR("cc"), CMP_STR("CA")}};
    const cmp_variant variants[] = {
        {.conditions = french_adult, .condition_count = 2},
        {.conditions = french, .condition_count = 1},
        {.conditions = canada, .condition_count = 1},
    };
    const cmp_record r = {.variants = variants, .variant_count = 3};
    message m = {.count = 0};
    assert_null(variant_choose(&r, &m, 0));
    m.params[CMP_PARAM_CC] = CMP_STR("CA");
    assert_ptr_equal(variant_choose(&r, &m, 0), &variants[2]);
    m.params[CMP_PARAM_LANGUAGE] = CMP_STR("fr");
    assert_ptr_equal(variant_choose(&r, &m, 0), &variants[1]);
    m.params[CMP_PARAM_AGE] = CMP_STR("18");
    assert_ptr_equal(variant_choose(&r, &m, 0), &variants[0]);
    const cmp_record none = CMP_RECORD_INIT;
    assert_null(variant_choose(&none, &m, 0));
}

static void language_of_a_variant(void **state)
{
    (void)state;
    const cmp_condition c[] = {{CMP_STR("cc"), CMP_STR("CA")},
                               {CMP_STR("language"), CMP_STR("fr")}};
    const cmp_variant v = {.conditions = c, .condition_count = 2};
    assert_true(cmp_str_equal(variant_language(&v), CMP_STR("fr")));
    const cmp_variant without = {.conditions = c, .condition_count = 1};
    assert_null(variant_language(&without).at);
}

static const struct {
    const char *name, *value;
    const char *expected; /* part of what could be there; NULL: the condition is good */
} rules[] = {
    {"language", "fra", "two letters"},
    {"language", "f1", "two letters"},
    {"language", "", "two letters"},
    {"cc", "C", "two letters"},
    {"post", "", "postal code"},
    {"post", "K1A\n", "postal code"},
    {"post", "123456789012345678901234567890123", "postal code"},
    {"age", "", "a number"},
    {"age", "30-18", "a number"},
    {"age", "18-", "a number"},
    {"age", "a text of more than 20", "a number"},
    {"income", "50,00", "a number"},
    {"gender", "f", "female or male"},
    {"time", "8:00-12:30", "daily window"},
    {"time", "08:00-24:00", "daily window"},
    {"time", "08:60-12:00", "daily window"},
    {"time", "08:00-08:00", "daily window"},
    {"time", "08:00 12:00", "daily window"},
    {"time", "", "daily window"},
    {"time", "2026-12-24T00:00:00Z/2026-12-01T00:00:00Z", "daily window"},
    {"time", "2026-12-24T00:00:00Z/", "daily window"},
    {"tid", "x", "contextual parameter"},
    {"user", "x", "contextual parameter"},
    {"count", "1", "contextual parameter"},
    {"7up", "x", "letters, digits"},
    {"a b", "x", "letters, digits"},
    {"", "x", "letters, digits"},
    {"store", "a\tb", "control"},
    {"store", "\xFF", "control"},
    {"language", "FR", NULL},
    {"cc", "ca", NULL},
    {"post", "K1A 0", NULL},
    {"age", "18", NULL},
    {"age", ">65", NULL},
    {"age", "12345678901234567890", "a number"},
    {"age", "jugendlich (12-17)", NULL},
    {"income", "<30,000", NULL},
    {"gender", "Male", NULL},
    {"time", "22:00-06:00", NULL},
    {"time", "2026-12-01T00:00:00Z/2026-12-24T00:00:00Z", NULL},
    {"store", "", NULL},
    {"x.y_z-1", "été", NULL},
};

static void rules_that_can_be_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rules); i++) {
        const char *expected = "";
        const bool valid = variant_condition_valid(cmp_str_from(rules[i].name),
                                                   cmp_str_from(rules[i].value), &expected);
        if (valid != (rules[i].expected == NULL) ||
            (!valid && strstr(expected, rules[i].expected) == NULL)) {
            fail_msg("%s: %s gave %d, %s", rules[i].name, rules[i].value, valid, expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_on_parameters),  cmocka_unit_test(conditions_on_time),
        cmocka_unit_test(first_whole_match_wins),    cmocka_unit_test(language_of_a_variant),
        cmocka_unit_test(rules_that_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
