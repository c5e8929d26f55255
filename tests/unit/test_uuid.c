/* SPDX-License-Identifier: Apache-2.0 */
/* sdk/kit/uuid.c: our tids are UUIDv7 (RFC 9562, 5.7), and a peer's may have to be. */
#include <cmp-kit/uuid.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool uuid(const char *text, uint8_t octets[16])
{
    return kit_uuid_parse(cmp_str_from(text), octets);
}

static void no_uuid(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
        "017f22e279b07cc398c4dc0c0c07398f",
        "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
        "g17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
        "017f22e2-79b0-7cc3_98c4-dc0c0c07398f",
        "017f22e-279b0-7cc3-98c4-dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint8_t octets[16];
        assert_false(uuid(texts[i], octets));
    }
    assert_false(kit_uuid_parse(CMP_NONE, (uint8_t[16]){0}));
}

static void other_versions_have_no_time(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "00000000-0000-0000-0000-000000000000",
        "c232ab00-9414-11ec-b3c8-9f6bdeced846", /* version 1 */
        "919108f7-52d1-4320-9bac-f847db4148a8", /* version 4 */
        "017f22e2-79b0-7cc3-18c4-dc0c0c07398f", /* another variant */
        "017f22e2-79b0-7cc3-c8c4-dc0c0c07398f", /* another variant */
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint8_t octets[16];
        int64_t ms = 77;
        assert_true(uuid(texts[i], octets));
        assert_false(kit_uuid_v7_time(octets, &ms));
        assert_int_equal(ms, 77);
    }
}

static void known_time(void **state)
{
    (void)state;
    static const uint8_t known[16] = {0x01, 0x7F, 0x22, 0xE2, 0x79, 0xB0, 0x7C, 0xC3,
                                      0x98, 0xC4, 0xDC, 0x0C, 0x0C, 0x07, 0x39, 0x8F};
    uint8_t octets[16];
    int64_t ms;
    /* RFC 9562, A.6 */
    assert_true(uuid("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", octets));
    assert_memory_equal(octets, known, sizeof(known));
    assert_true(kit_uuid_v7_time(octets, &ms));
    assert_int_equal(ms, INT64_C(0x017F22E279B0));
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, KIT_UUID_TEXT_SIZE);
}

/* More than one filling of the pool of random octets. */
static void made_ones_are_good_and_differ(void **state)
{
    (void)state;
    static char texts[1000][KIT_UUID_TEXT_SIZE];
    const int64_t now_ms = INT64_C(1795498200250);
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint8_t octets[16];
        int64_t ms;
        kit_uuid_v7_make(now_ms, texts[i]);
        assert_true(kit_uuid_parse((cmp_str){texts[i], KIT_UUID_TEXT_SIZE}, octets));
        assert_true(kit_uuid_v7_time(octets, &ms));
        assert_int_equal(ms, now_ms);
    }
    qsort(texts, COUNT(texts), KIT_UUID_TEXT_SIZE, compare);
    for (size_t i = 1; i < COUNT(texts); i++) {
        assert_memory_not_equal(texts[i - 1], texts[i], KIT_UUID_TEXT_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_uuid),
        cmocka_unit_test(other_versions_have_no_time),
        cmocka_unit_test(known_time),
        cmocka_unit_test(made_ones_are_good_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
