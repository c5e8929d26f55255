/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the search for prefixes: always the longest prefix that heads the ICI, in any table. */
#include <cmp-kit/prefixes.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static kit_prefixes *build(const char *const *texts, size_t count, kit_prefix_twins *twins)
{
    kit_prefix_list l = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        kit_prefix added = {.value = (uint32_t)i, .order = (uint32_t)i + 1};
        assert_true(kit_prefix_read(cmp_str_from(texts[i]), &added.digits));
        kit_prefixes_add(&l, &added);
    }
    kit_prefixes *p = kit_prefixes_build(&l, twins);
    kit_prefixes_free(&l);
    return p;
}

/* Index of the text that a search answers with, -1: none. */
static int find(const kit_prefixes *p, const char *ici, unsigned *matched)
{
    const uint32_t found = kit_prefixes_find(p, cmp_str_from(ici), matched);
    return found == KIT_PREFIX_NONE ? -1 : (int)found;
}

#define TWENTY "0123456789ABCDEF0123"

static void the_longest_prefix_wins(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1A0",      "1a0F1",      "1A0F12",     "2B0", "000",       "0000",
        "00000000", TWENTY,       TWENTY "AB",  "FFF", "FFFFFFFFF", TWENTY TWENTY TWENTY,
        TWENTY "0", TWENTY "000", "FFFFFFFFFF",
    };
    static const struct {
        const char *ici;
        int found;
    } cases[] = {
        {"", -1},
        {"1", -1},
        {"1A", -1},
        {"1AZ", -1},
        {"1B0", -1},
        {"2B1FFFFFFF", -1},
        {"FFE", -1},
        {"00", -1},
        {"00-0", -1},
        {"\x80\xFF", -1},
        {"0123456789ABCDEF0122", -1},
        {"0123456789ABCDEF", -1},
        {"1A0", 0},
        {"1A0-F1", 0},
        {"1A0F", 0},
        {"1a0e1", 0},
        {"1A0F1", 1},
        {"1a0f1 2", 1},
        {"1A0F10", 1},
        {"1A0F1-2", 1},
        {"1A0F12", 2},
        {"1A0F12FFFFFFFFFFFFFFFFFFFFFFFFFF", 2},
        {"1A0F13", 1},
        {"1A1", -1},
        {"2B0", 3},
        {"2B0:anything", 3},
        {"000", 4},
        {"000.0", 4},
        {"0001", 4},
        {"0000", 5},
        {"0000000", 5},
        {"00000000", 6},
        {"000000000", 6},
        {TWENTY, 7},
        {TWENTY "A", 7},
        {TWENTY "0Z", 12},
        {TWENTY "00Z", 12},
        {TWENTY "000Z", 13},
        {TWENTY "abc", 8},
        {TWENTY "AC", 7},
        {TWENTY TWENTY TWENTY, 11},
        {TWENTY TWENTY TWENTY "00000000", 11},
        {TWENTY TWENTY "0123456789ABCDEF012", 12},
        {"FFFF", 9},
        {"FFFFFFFFF", 10},
        {"fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 14},
    };
    kit_prefix_twins twins;
    kit_prefixes *p = build(texts, COUNT(texts), &twins);
    assert_non_null(p);
    assert_int_equal(kit_prefixes_count(p), COUNT(texts));
    for (size_t i = 0; i < COUNT(cases); i++) {
        unsigned matched;
        const int found = find(p, cases[i].ici, &matched);
        if (found != cases[i].found) {
            fail_msg("%s: found %d", cases[i].ici, found);
        }
        assert_int_equal(matched, found < 0 ? 0 : strlen(texts[found]));
    }
    kit_prefixes_destroy(&p);
    assert_null(p);
    kit_prefixes_destroy(&p);
}

static void nothing_matches_where_nothing_is(void **state)
{
    (void)state;
    kit_prefix_twins twins;
    unsigned matched;
    kit_prefixes *p = build(NULL, 0, &twins);
    assert_int_equal(find(p, "1A0F1", &matched), -1);
    assert_int_equal(find(p, "", &matched), -1);
    assert_int_equal(kit_prefixes_count(p), 0);
    kit_prefixes_destroy(&p);
}

static void twins_are_found_in_either_case(void **state)
{
    (void)state;
    static const char *const texts[] = {"2B0", "1a0f", "1A0", "1A0F", "1A0F0"};
    static const char *const lengthy[] = {TWENTY "a0", TWENTY "A", TWENTY "A0"};
    kit_prefix_twins twins;
    assert_null(build(texts, COUNT(texts), &twins));
    assert_int_equal(twins.first.order, 2);
    assert_int_equal(twins.second.order, 4);
    char text[KIT_DIGITS_TEXT_SIZE];
    assert_string_equal(kit_digits_text(&twins.first.digits, text), "1A0F");
    assert_null(build(lengthy, COUNT(lengthy), &twins));
    assert_int_equal(twins.first.order, 1);
    assert_int_equal(twins.second.order, 3);
    assert_string_equal(kit_digits_text(&twins.first.digits, text), TWENTY "A0");
}

static void the_first_of_twins_counts_where_nobody_asks_for_them(void **state)
{
    (void)state;
    static const char *const texts[] = {"1A0F", "2B0", "1a0f", "1A0", "1a0F"};
    unsigned matched;
    kit_prefixes *p = build(texts, COUNT(texts), NULL);
    assert_non_null(p);
    assert_int_equal(kit_prefixes_count(p), 3);
    assert_int_equal(find(p, "1A0F1", &matched), 0);
    assert_int_equal(matched, 4);
    assert_int_equal(find(p, "1A0E1", &matched), 3);
    assert_int_equal(find(p, "2b0", &matched), 1);
    kit_prefixes_destroy(&p);
}

static void what_is_no_prefix_is_not_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "1A",   "1A0G",
                                      "1A-0", " 1A0", TWENTY TWENTY TWENTY "01234"};
    kit_digits d;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(kit_prefix_read(cmp_str_from(bad[i]), &d));
    }
    assert_false(kit_prefix_read(CMP_NONE, &d));
    assert_true(kit_prefix_read(CMP_STR(TWENTY TWENTY TWENTY "0123"), &d));
    assert_int_equal(d.size, KIT_PREFIX_SIZE_MAX);
}

/* ---- against a search that looks at every prefix ---- */

enum { PREFIXES = 700, ICIS = 3000, ROUNDS = 4 };

static uint64_t random_state;

static unsigned random_below(unsigned end)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((random_state >> 33) % end);
}

/* Digits of a small alphabet, so that many prefixes head each other. */
static void random_text(char *text, unsigned size, const char *alphabet)
{
    for (unsigned i = 0; i < size; i++) {
        text[i] = alphabet[random_below((unsigned)strlen(alphabet))];
    }
    text[size] = '\0';
}

static int find_slowly(char texts[][KIT_PREFIX_SIZE_MAX + 1], size_t count, const char *ici)
{
    int best = -1;
    for (size_t i = 0; i < count; i++) {
        const size_t size = strlen(texts[i]);
        if (strncasecmp(texts[i], ici, size) == 0 && (best < 0 || size > strlen(texts[best]))) {
            best = (int)i;
        }
    }
    return best;
}

static void it_finds_what_a_slow_search_finds(void **state)
{
    (void)state;
    static char texts[PREFIXES][KIT_PREFIX_SIZE_MAX + 1];
    static const char *pointers[PREFIXES];
    for (unsigned round = 0; round < ROUNDS; round++) {
        const char *alphabet = round % 2 == 0 ? "0f" : "0123456789abcdef";
        const unsigned longest = round < 2 ? 10 : KIT_PREFIX_SIZE_MAX;
        size_t count = 0;
        while (count < PREFIXES) {
            char *text = texts[count];
            random_text(text, KIT_PREFIX_SIZE_MIN + random_below(longest - KIT_PREFIX_SIZE_MIN + 1),
                        alphabet);
            if (count > 0 && random_below(2) == 0) { /* below another one */
                const char *head = texts[random_below((unsigned)count)];
                memcpy(text, head, strlen(head) < strlen(text) ? strlen(head) : strlen(text));
            }
            pointers[count] = text;
            bool twin = false;
            for (size_t i = 0; i < count && !twin; i++) {
                twin = strcmp(texts[i], text) == 0;
            }
            count += !twin;
        }
        kit_prefix_twins twins;
        kit_prefixes *p = build(pointers, count, &twins);
        assert_non_null(p);
        for (unsigned i = 0; i < ICIS; i++) {
            char ici[KIT_PREFIX_SIZE_MAX + 8];
            unsigned matched;
            random_text(ici, random_below(sizeof(ici)), i % 3 == 0 ? "0Ff-" : alphabet);
            const char *head = texts[random_below(PREFIXES)];
            memcpy(ici, head, strlen(head) < strlen(ici) ? strlen(head) : strlen(ici));
            assert_int_equal(find(p, ici, &matched), find_slowly(texts, count, ici));
        }
        kit_prefixes_destroy(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_wins),
        cmocka_unit_test(nothing_matches_where_nothing_is),
        cmocka_unit_test(twins_are_found_in_either_case),
        cmocka_unit_test(the_first_of_twins_counts_where_nobody_asks_for_them),
        cmocka_unit_test(what_is_no_prefix_is_not_read),
        cmocka_unit_test(it_finds_what_a_slow_search_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
