/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of ctl/hints.c: a signature that was made with a mistake is told by that mistake, and one
 * that nothing explains is not. */
#include "ctl/hints.h"

#include <cmp-kit/signature.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const signed_pair pair = {CMP_STR("tid-1"), CMP_STR("1A0F1-x/y")};

static cmp_key key_of(const char *secret, cmp_hash hash)
{
    return (cmp_key){
        .id = CMP_STR("k-1"),
        .peer = CMP_STR("b"),
        .secret = (const uint8_t *)secret,
        .secret_size = strlen(secret),
        .hash = hash,
    };
}

/* A signature over `message`, whoever made it. */
static cmp_str made(const char *message, const char *secret, size_t secret_size, cmp_hash hash,
                    cmp_encoding encoding, char text[KIT_SIGNATURE_TEXT_MAX])
{
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    kit_signature_state *state =
        kit_signature_state_create(hash, (const uint8_t *)secret, secret_size);
    assert_true(kit_signature_compute(state, cmp_str_from(message), CMP_STR(""), mac));
    kit_signature_state_destroy(&state);
    return (cmp_str){text, kit_signature_encode(mac, hash, encoding, text)};
}

static void says_nothing_where_nothing_explains(void **unused)
{
    (void)unused;
    static const struct {
        const char *message, *secret;
        cmp_hash hash;
    } cases[] = {
        {"tid-11A0F1-x/y", "quite another secret", CMP_HASH_SHA256},
        {"tid-21A0F1-x/y", "the right secret", CMP_HASH_SHA256},
        /* two mistakes in the signed octets at once are not looked for */
        {"1a0f1-x/ytid-1", "the right secret\n", CMP_HASH_SHA1},
    };
    const cmp_key key = key_of("the right secret", CMP_HASH_SHA256);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[KIT_SIGNATURE_TEXT_MAX], hint[512];
        const cmp_str signature = made(cases[i].message, cases[i].secret, strlen(cases[i].secret),
                                       cases[i].hash, CMP_ENCODING_HEX, text);
        const hint_question question = {&key, &pair, signature, NULL};
        assert_false(hint_find(&question, hint, sizeof(hint)));
    }
    const hint_question nonsense = {&key, &pair, CMP_STR("no signature"), NULL};
    char hint[512];
    assert_false(hint_find(&nonsense, hint, sizeof(hint)));
}

static void names_the_mistake(void **unused)
{
    (void)unused;
    static const struct {
        const char *stored, *message, *secret;
        size_t secret_size; /* 0: the text's */
        cmp_hash hash;
        const char *hint;
    } cases[] = {
        {"the secret", "tid-11A0F1-x/y", "the secret", 0, CMP_HASH_SHA1, "with sha1"},
        {"the secret", "tid-11A0F1-x/y", "the secret", 0, CMP_HASH_SHA512, "with sha512"},
        {"the secret", "1A0F1-x/ytid-1", "the secret", 0, CMP_HASH_SHA256, "over ici and then tid"},
        {"the secret", "tid-11a0f1-x/y", "the secret", 0, CMP_HASH_SHA256,
         "over the ici in lower case"},
        {"the secret", "tid-11A0F1-X/Y", "the secret", 0, CMP_HASH_SHA256,
         "over the ici in upper case"},
        {"the secret", "tid-11A0F1-x%2Fy", "the secret", 0, CMP_HASH_SHA256,
         "over the url-encoded values"},
        {"the secret", "tid-1:1A0F1-x/y", "the secret", 0, CMP_HASH_SHA256,
         "with a colon between tid and ici"},
        {"the secret", "tid-11A0F1-x/y", "the secret\n", 0, CMP_HASH_SHA256,
         "with a newline at the end of the secret"},
        {"the secret\n", "tid-11A0F1-x/y", "the secret", 0, CMP_HASH_SHA256,
         "without the white space around the secret"},
        {"00ff01", "tid-11A0F1-x/y", "\x00\xff\x01", 3, CMP_HASH_SHA256,
         "with the secret decoded from hex"},
        {"AP8B", "tid-11A0F1-x/y", "\x00\xff\x01", 3, CMP_HASH_SHA256,
         "with the secret decoded from base64"},
        {"\xff\x01", "tid-11A0F1-x/y", "ff01", 0, CMP_HASH_SHA256,
         "with the hex text of the secret"},
        {"the secret", "tid-11a0f1-x/y", "the secret\n", 0, CMP_HASH_SHA1,
         "with a newline at the end of the secret, with sha1, over the ici in lower case"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const cmp_key key = key_of(cases[i].stored, CMP_HASH_SHA256);
        const size_t size =
            cases[i].secret_size > 0 ? cases[i].secret_size : strlen(cases[i].secret);
        char text[KIT_SIGNATURE_TEXT_MAX], hint[512] = "";
        const cmp_str signature =
            made(cases[i].message, cases[i].secret, size, cases[i].hash, CMP_ENCODING_HEX, text);
        const hint_question question = {&key, &pair, signature, NULL};
        assert_true(hint_find(&question, hint, sizeof(hint)));
        assert_string_equal(hint, cases[i].hint);
    }
}

static void reads_what_was_done_to_the_signature(void **unused)
{
    (void)unused;
    const cmp_key key = key_of("the secret", CMP_HASH_SHA256);
    char text[KIT_SIGNATURE_TEXT_MAX], sent[KIT_SIGNATURE_TEXT_MAX + 3], hint[512];
    const cmp_str base64 =
        made("tid-11A0F1-x/y", "the secret", 10, CMP_HASH_SHA256, CMP_ENCODING_BASE64, text);
    assert_int_equal(text[base64.size - 1], '=');
    memcpy(sent, text, base64.size - 1);
    memcpy(sent + base64.size - 1, "%3D", 3);
    const hint_question escaped = {&key, &pair, {sent, base64.size + 2}, NULL};
    assert_true(hint_find(&escaped, hint, sizeof(hint)));
    assert_string_equal(hint, "with the signature's percent escapes decoded");

    memcpy(sent + base64.size - 1, "=\n", 2);
    const hint_question newline = {&key, &pair, {sent, base64.size + 1}, NULL};
    assert_true(hint_find(&newline, hint, sizeof(hint)));
    assert_string_equal(hint, "without the white space around the signature");
}

static void a_small_room_cuts_the_hint(void **unused)
{
    (void)unused;
    const cmp_key key = key_of("the secret", CMP_HASH_SHA256);
    char text[KIT_SIGNATURE_TEXT_MAX], hint[10];
    const cmp_str signature =
        made("1A0F1-x/ytid-1", "the secret\n", 11, CMP_HASH_SHA1, CMP_ENCODING_HEX, text);
    const hint_question question = {&key, &pair, signature, NULL};
    assert_true(hint_find(&question, hint, sizeof(hint)));
    assert_string_equal(hint, "with a ne");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_nothing_where_nothing_explains),
        cmocka_unit_test(names_the_mistake),
        cmocka_unit_test(reads_what_was_done_to_the_signature),
        cmocka_unit_test(a_small_room_cuts_the_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
