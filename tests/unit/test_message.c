/* SPDX-License-Identifier: Apache-2.0 */
/* mc/message.c: Table 19, row by row. */
#include "mc/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static kit_arena memory;
static message m;
static fault f;

static int setup(void **state)
{
    (void)state;
    kit_arena_init(&memory, NULL, 0);
    m = (message){0};
    f = (fault){.code = ERROR_NONE};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_arena_reset(&memory);
    return 0;
}

static bool add(cmp_str name, cmp_str value)
{
    return message_add(&m, &memory, name, value, &f);
}

static void add_mandatory(void)
{
    assert_true(add(CMP_STR("tid"), CMP_STR("t-1")));
    assert_true(add(CMP_STR("ici"), CMP_STR("1A0F1-77")));
    assert_true(add(CMP_STR("user"), CMP_STR("someone")));
}

static void assert_str(cmp_str got, cmp_str wanted)
{
    assert_int_equal(got.size, wanted.size);
    assert_int_equal(got.at == NULL, wanted.at == NULL);
    if (wanted.size > 0) {
        assert_memory_equal(got.at, wanted.at, wanted.size);
    }
}

static void assert_fault(error_code code, cmp_str parameter)
{
    assert_int_equal(f.code, code);
    assert_str(f.parameter, parameter);
}

/* `size` times the octet x. */
static cmp_str xs(size_t size)
{
    char *at = kit_arena_alloc(&memory, size);
    memset(at, 'x', size);
    return (cmp_str){at, size};
}

/* ---- names ---- */

static const char *const wire_names[CMP_PARAM_MAX] = {
    "tid",  "ici", "user",   "apikeyid", "signature", "language", "cc",
    "post", "age", "income", "gender",   "count",     "addr",
};

static void names(void **state)
{
    (void)state;
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        assert_str(param_name(param), cmp_str_from(wire_names[param]));
        assert_int_equal(param_find(cmp_str_from(wire_names[param])), param);
    }
    assert_int_equal(param_find(CMP_STR("in")), CMP_PARAM_INCOME);
}

static void unknown_names(void **state)
{
    (void)state;
    static const char *const others[] = {"",          "t",          "i",       "inn",
                                         "TID",       "tidd",       "xxx",     "xxxx",
                                         "xxxxx",     "xxxxxx",     "xxxxxxx", "xxxxxxxx",
                                         "xxxxxxxxx", "xxxxxxxxxx", "Income"};
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_int_equal(param_find(cmp_str_from(others[i])), CMP_PARAM_MAX);
    }
    assert_int_equal(param_find(CMP_NONE), CMP_PARAM_MAX);
}

/* ---- values ---- */

/* In a row without a text the value is that many times x. */
static const struct {
    cmp_param param;
    bool good;
    const char *text;
    size_t size;
} values[] = {
    {CMP_PARAM_TID, false, "", 0},
    {CMP_PARAM_TID, false, "a b", 0},
    {CMP_PARAM_TID, false, "caf\xC3\xA9", 0},
    {CMP_PARAM_TID, false, NULL, 129},
    {CMP_PARAM_TID, true, NULL, 128},
    {CMP_PARAM_TID, true, "!~", 0},
    {CMP_PARAM_ICI, false, "", 0},
    {CMP_PARAM_ICI, false, "1A0 F1", 0},
    {CMP_PARAM_ICI, false, "1A0\xE2\x82\xAC", 0},
    {CMP_PARAM_ICI, false, NULL, 257},
    {CMP_PARAM_ICI, true, NULL, 256},
    {CMP_PARAM_ICI, true, "1A0F1/\"x\"", 0},
    {CMP_PARAM_USER, false, "", 0},
    {CMP_PARAM_USER, false, NULL, 257},
    {CMP_PARAM_USER, true, NULL, 256},
    {CMP_PARAM_USER, true, "J\xC3\xBCrgen M", 0},
    {CMP_PARAM_APIKEYID, false, "", 0},
    {CMP_PARAM_APIKEYID, false, "a b", 0},
    {CMP_PARAM_APIKEYID, false, NULL, 257},
    {CMP_PARAM_APIKEYID, true, NULL, 256},
    {CMP_PARAM_SIGNATURE, false, "", 0},
    {CMP_PARAM_SIGNATURE, false, "ab cd", 0},
    {CMP_PARAM_SIGNATURE, false, NULL, 257},
    {CMP_PARAM_SIGNATURE, true, "q83v+/==", 0},
    {CMP_PARAM_LANGUAGE, false, "", 0},
    {CMP_PARAM_LANGUAGE, false, "f", 0},
    {CMP_PARAM_LANGUAGE, false, "fra", 0},
    {CMP_PARAM_LANGUAGE, false, "f1", 0},
    {CMP_PARAM_LANGUAGE, false, "\xC3\xA9", 0},
    {CMP_PARAM_LANGUAGE, true, "fr", 0},
    {CMP_PARAM_LANGUAGE, true, "FR", 0},
    {CMP_PARAM_CC, false, "", 0},
    {CMP_PARAM_CC, false, "C", 0},
    {CMP_PARAM_CC, false, "CAN", 0},
    {CMP_PARAM_CC, false, "C@", 0},
    {CMP_PARAM_CC, false, "[A", 0},
    {CMP_PARAM_CC, true, "CA", 0},
    {CMP_PARAM_CC, true, "ca", 0},
    {CMP_PARAM_POST, false, "", 0},
    {CMP_PARAM_POST, false, NULL, 33},
    {CMP_PARAM_POST, true, NULL, 32},
    {CMP_PARAM_POST, true, "K1A 0B1", 0},
    {CMP_PARAM_AGE, false, "", 0},
    {CMP_PARAM_AGE, false, "151", 0},
    {CMP_PARAM_AGE, false, "200", 0},
    {CMP_PARAM_AGE, false, "22-", 0},
    {CMP_PARAM_AGE, false, "55-22", 0},
    {CMP_PARAM_AGE, false, "22-151", 0},
    {CMP_PARAM_AGE, false, "22-55-60", 0},
    {CMP_PARAM_AGE, false, "35 years", 0},
    {CMP_PARAM_AGE, false, "<18", 0},
    {CMP_PARAM_AGE, false, ">18", 0},
    {CMP_PARAM_AGE, false, NULL, 21},
    {CMP_PARAM_AGE, true, NULL, 20},
    {CMP_PARAM_AGE, true, "0", 0},
    {CMP_PARAM_AGE, true, "35", 0},
    {CMP_PARAM_AGE, true, "150", 0},
    {CMP_PARAM_AGE, true, "22-55", 0},
    {CMP_PARAM_AGE, true, "22-22", 0},
    {CMP_PARAM_AGE, true, "0-150", 0},
    {CMP_PARAM_AGE, true, "\xC3\xA9tudiant", 0},
    {CMP_PARAM_INCOME, false, "", 0},
    {CMP_PARAM_INCOME, false, "50,00", 0},
    {CMP_PARAM_INCOME, false, "75,000-35,000", 0},
    {CMP_PARAM_INCOME, false, "<", 0},
    {CMP_PARAM_INCOME, false, ">abc", 0},
    {CMP_PARAM_INCOME, false, "50k", 0},
    {CMP_PARAM_INCOME, false, NULL, 21},
    {CMP_PARAM_INCOME, true, NULL, 20},
    {CMP_PARAM_INCOME, true, "50000", 0},
    {CMP_PARAM_INCOME, true, "50,000", 0},
    {CMP_PARAM_INCOME, true, "35,000-75,000", 0},
    {CMP_PARAM_INCOME, true, "1,000,000,000-2,000,000,000", 0},
    {CMP_PARAM_INCOME, true, "<30,000", 0},
    {CMP_PARAM_INCOME, true, ">100,000", 0},
    {CMP_PARAM_INCOME, true, "moyen", 0},
    {CMP_PARAM_GENDER, false, "", 0},
    {CMP_PARAM_GENDER, false, "Female", 0},
    {CMP_PARAM_GENDER, false, "m", 0},
    {CMP_PARAM_GENDER, false, "males", 0},
    {CMP_PARAM_GENDER, true, "female", 0},
    {CMP_PARAM_GENDER, true, "male", 0},
    {CMP_PARAM_COUNT, false, "", 0},
    {CMP_PARAM_COUNT, false, "-1", 0},
    {CMP_PARAM_COUNT, false, "+1", 0},
    {CMP_PARAM_COUNT, false, "100", 0},
    {CMP_PARAM_COUNT, false, "001", 0},
    {CMP_PARAM_COUNT, false, "1 ", 0},
    {CMP_PARAM_COUNT, false, "x", 0},
    {CMP_PARAM_COUNT, true, "0", 0},
    {CMP_PARAM_COUNT, true, "99", 0},
    {CMP_PARAM_ADDR, false, "", 0},
    {CMP_PARAM_ADDR, false, "localhost", 0},
    {CMP_PARAM_ADDR, false, "192.0.2.1", 0},
    {CMP_PARAM_ADDR, false, "b.example.net:443", 0},
    {CMP_PARAM_ADDR, false, "b.example.net.", 0},
    {CMP_PARAM_ADDR, false, "https://b.example.net", 0},
    {CMP_PARAM_ADDR, false, "[2001:db8::1]", 0},
    {CMP_PARAM_ADDR, true, "b.example.net", 0},
};

static void every_row_of_table_19(void **state)
{
    (void)state;
    unsigned good[CMP_PARAM_MAX] = {0}, bad[CMP_PARAM_MAX] = {0};
    for (size_t i = 0; i < COUNT(values); i++) {
        const cmp_param param = values[i].param;
        m = (message){0};
        f = (fault){.code = ERROR_NONE};
        const cmp_str value =
            values[i].text != NULL ? cmp_str_from(values[i].text) : xs(values[i].size);
        bool is_good = add(param_name(param), value); /* one that is far too long is refused here */
        assert_true(is_good || value.size > PARAM_VALUE_MAX);
        for (cmp_param other = CMP_PARAM_TID; is_good && other <= CMP_PARAM_USER; other++) {
            assert_true(other == param || add(param_name(other), CMP_STR("x")));
        }
        is_good = is_good && message_validate(&m, &f);
        if (is_good != values[i].good) {
            fail_msg("%s: %.*s", wire_names[param], (int)value.size, value.at);
        }
        if (values[i].good) {
            good[param]++;
            assert_str(m.params[param], value);
        } else {
            bad[param]++;
            assert_fault(ERROR_INVALID_PARAMETER, param_name(param));
            assert_non_null(f.detail);
        }
    }
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        assert_true(good[param] > 0 && bad[param] > 0);
    }
}

static void each_mandatory_one_is_missed(void **state)
{
    (void)state;
    for (cmp_param absent = CMP_PARAM_TID; absent <= CMP_PARAM_USER; absent++) {
        m = (message){0};
        for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
            m.params[param] = param == absent ? CMP_NONE : CMP_STR("0");
        }
        f = (fault){.code = ERROR_NONE};
        assert_false(message_validate(&m, &f));
        assert_fault(ERROR_MISSING_PARAMETER, param_name(absent));
    }
}

static void nothing_else_is_mandatory(void **state)
{
    (void)state;
    m.count = 5;
    add_mandatory();
    assert_true(message_validate(&m, &f));
    assert_int_equal(m.count, 0);
}

static void the_first_fault_of_the_table_is_reported(void **state)
{
    (void)state;
    assert_true(add(CMP_STR("addr"), CMP_STR("-")));
    assert_true(add(CMP_STR("cc"), CMP_STR("-")));
    add_mandatory();
    assert_false(message_validate(&m, &f));
    assert_fault(ERROR_INVALID_PARAMETER, CMP_STR("cc"));
}

static void count_is_read(void **state)
{
    (void)state;
    add_mandatory();
    assert_true(add(CMP_STR("count"), CMP_STR("42")));
    assert_true(message_validate(&m, &f));
    assert_int_equal(m.count, 42);
}

/* ---- adding ---- */

static const cmp_str bad_values[] = {
    {"\0", 1},           {"ab\0cd", 5},   {"ab\n", 3}, {"\x1F", 1},
    {"12345678\x7F", 9}, {"caf\xC3", 4},  {"\xFF", 1}, {"12345678\xC0\x80", 10},
    {"\xED\xA0\x80", 3}, {"\xC2\x85", 2}, /* NEL, a control character of C1 */
    {"\xC3\xA9\t", 3},
};

static void values_that_nobody_may_have(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_values); i++) {
        for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
            assert_false(add(param_name(param), bad_values[i]));
            assert_fault(ERROR_INVALID_PARAMETER, param_name(param));
            assert_null(m.params[param].at);
        }
        assert_false(add(CMP_STR("x-one"), bad_values[i]));
        assert_fault(ERROR_INVALID_PARAMETER, CMP_STR("x-one"));
        assert_int_equal(m.contextual_count, 0);
    }
}

static void given_twice(void **state)
{
    (void)state;
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        assert_true(add(param_name(param), param % 2 == 0 ? CMP_STR("first") : CMP_NONE));
    }
    for (cmp_param param = 0; param < CMP_PARAM_MAX; param++) {
        assert_false(add(param_name(param), CMP_STR("second")));
        assert_fault(ERROR_DUPLICATE_PARAMETER, param_name(param));
    }
    assert_str(m.params[CMP_PARAM_TID], CMP_STR("first"));
}

static void in_is_income(void **state)
{
    (void)state;
    assert_true(add(CMP_STR("in"), CMP_STR("<30,000")));
    assert_str(m.params[CMP_PARAM_INCOME], CMP_STR("<30,000"));
    assert_false(add(CMP_STR("income"), CMP_STR("<30,000")));
    assert_fault(ERROR_DUPLICATE_PARAMETER, CMP_STR("income"));
    assert_false(add(CMP_STR("in"), CMP_STR("<30,000")));
    assert_fault(ERROR_DUPLICATE_PARAMETER, CMP_STR("income"));
}

static void bad_contextual_names(void **state)
{
    (void)state;
    static const struct {
        cmp_str name, shown;
    } cases[] = {
        {{NULL, 0}, {NULL, 0}},       {{"1a", 2}, {NULL, 0}},   {{"-a", 2}, {NULL, 0}},
        {{"\xC3\xA9", 2}, {NULL, 0}}, {{"a b", 3}, {"a", 1}},   {{"a\0b", 3}, {"a", 1}},
        {{"a[0]", 4}, {"a", 1}},      {{"ab\n", 3}, {"ab", 2}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(add(cases[i].name, CMP_STR("x")));
        assert_fault(ERROR_INVALID_PARAMETER, cases[i].shown);
    }
    assert_false(add(xs(65), CMP_STR("x")));
    assert_fault(ERROR_INVALID_PARAMETER, xs(64));
    assert_true(add(xs(64), CMP_STR("x")));
}

static void contextual_keep_their_order(void **state)
{
    (void)state;
    assert_null(m.contextual);
    assert_true(add(CMP_STR("zeta"), CMP_STR("1")));
    assert_true(add(CMP_STR("cc"), CMP_STR("CA")));
    assert_true(add(CMP_STR("TID"), CMP_STR("")));
    assert_true(add(CMP_STR("A.b_c-9"), CMP_STR("caf\xC3\xA9 au lait")));
    assert_int_equal(m.contextual_count, 3);
    assert_str(m.contextual[0].name, CMP_STR("zeta"));
    assert_str(m.contextual[0].value, CMP_STR("1"));
    assert_str(m.contextual[1].name, CMP_STR("TID"));
    assert_str(m.contextual[1].value, CMP_STR(""));
    assert_str(m.contextual[2].name, CMP_STR("A.b_c-9"));
    assert_str(m.contextual[2].value, CMP_STR("caf\xC3\xA9 au lait"));
    assert_false(add(CMP_STR("zeta"), CMP_STR("2")));
    assert_fault(ERROR_DUPLICATE_PARAMETER, CMP_STR("zeta"));
}

static void too_many_contextual(void **state)
{
    (void)state;
    for (int i = 0; i < CONTEXTUAL_MAX; i++) {
        assert_true(add(cmp_str_from(kit_arena_printf(&memory, "x%d", i)), CMP_STR("")));
    }
    assert_false(add(CMP_STR("one-more"), CMP_STR("")));
    assert_fault(ERROR_INVALID_PARAMETER, CMP_STR("one-more"));
    assert_int_equal(m.contextual_count, CONTEXTUAL_MAX);
    assert_true(add(CMP_STR("tid"), CMP_STR("t")));
}

static void too_large_contextual(void **state)
{
    (void)state;
    assert_false(add(CMP_STR("a"), xs(CONTEXTUAL_SIZE_MAX)));
    assert_fault(ERROR_INVALID_PARAMETER, CMP_STR("a"));
    assert_true(add(CMP_STR("a"), xs(CONTEXTUAL_SIZE_MAX - 3)));
    assert_int_equal(m.contextual_size, CONTEXTUAL_SIZE_MAX - 2);
    assert_false(add(CMP_STR("b"), CMP_STR("xx")));
    assert_fault(ERROR_INVALID_PARAMETER, CMP_STR("b"));
    assert_true(add(CMP_STR("b"), CMP_STR("x")));
    assert_int_equal(m.contextual_size, CONTEXTUAL_SIZE_MAX);
    assert_false(add(CMP_STR("c"), CMP_STR("")));
    assert_fault(ERROR_INVALID_PARAMETER, CMP_STR("c"));
}

/* ---- what authentication needs ---- */

static void identified(void **state)
{
    (void)state;
    static const struct {
        cmp_str tid, ici;
        error_code code;
        const char *parameter;
    } cases[] = {
        {{NULL, 0}, {"i", 1}, ERROR_MISSING_PARAMETER, "tid"},
        {{"", 0}, {"i", 1}, ERROR_INVALID_PARAMETER, "tid"},
        {{"t", 1}, {NULL, 0}, ERROR_MISSING_PARAMETER, "ici"},
        {{"t", 1}, {"", 0}, ERROR_INVALID_PARAMETER, "ici"},
        {{NULL, 0}, {NULL, 0}, ERROR_MISSING_PARAMETER, "tid"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        m.params[CMP_PARAM_TID] = cases[i].tid;
        m.params[CMP_PARAM_ICI] = cases[i].ici;
        assert_false(message_identified(&m, &f));
        assert_fault(cases[i].code, cmp_str_from(cases[i].parameter));
    }
    m.params[CMP_PARAM_TID] = CMP_STR("t");
    m.params[CMP_PARAM_ICI] = CMP_STR("i");
    assert_true(message_identified(&m, &f));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* ---- the digest ---- */

static uint64_t digest_with(const char *name, const char *value)
{
    m = (message){0};
    add_mandatory();
    if (name != NULL) {
        assert_true(add(cmp_str_from(name), cmp_str_from(value)));
    }
    return message_digest(&m, 17);
}

/* The same value under another name is another message, and so is one that is not there. */
static void each_difference_shows_in_the_digest(void **state)
{
    (void)state;
    static const char *const with[][2] = {
        {NULL, NULL},  {"cc", "de"},       {"language", "de"}, {"post", "de"},  {"post", "d"},
        {"age", "de"}, {"campaign", "de"}, {"campaigN", "de"}, {"income", "7"}, {"age", "7"},
    };
    uint64_t digests[COUNT(with)];
    for (size_t i = 0; i < COUNT(with); i++) {
        digests[i] = digest_with(with[i][0], with[i][1]);
        assert_true(digests[i] == digest_with(with[i][0], with[i][1]));
        for (size_t k = 0; k < i; k++) {
            assert_true(digests[i] != digests[k]);
        }
    }
    assert_true(message_digest(&m, 17) != message_digest(&m, 18));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names),
        TEST(unknown_names),
        TEST(every_row_of_table_19),
        TEST(each_mandatory_one_is_missed),
        TEST(nothing_else_is_mandatory),
        TEST(the_first_fault_of_the_table_is_reported),
        TEST(count_is_read),
        TEST(values_that_nobody_may_have),
        TEST(given_twice),
        TEST(in_is_income),
        TEST(bad_contextual_names),
        TEST(contextual_keep_their_order),
        TEST(too_many_contextual),
        TEST(too_large_contextual),
        TEST(identified),
        TEST(each_difference_shows_in_the_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
