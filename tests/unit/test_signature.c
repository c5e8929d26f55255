/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sdk/kit/signature.c: the MACs of RFC 4231 and RFC 2202, cut in two at every octet, and
 * every text that a signature may have. */
#include <cmp-kit/signature.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- test cases of the RFCs: 1, 2, 3, 4, 6, 7 of each (5 is about truncation) ---- */

typedef struct input {
    const char *key;
    size_t key_size;
    const char *data;
} input;

#define REPEAT_10(s) s s s s s s s s s s
#define REPEAT_20(s) REPEAT_10(s) REPEAT_10(s)
#define REPEAT_50(s) REPEAT_20(s) REPEAT_20(s) REPEAT_10(s)
#define REPEAT_80(s) REPEAT_50(s) REPEAT_20(s) REPEAT_10(s)

#define COUNTED                                                                                    \
    "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17" \
    "\x18\x19"

static const input rfc4231[] = {
    {REPEAT_20("\x0b"), 20, "Hi There"},
    {"Jefe", 4, "what do ya want for nothing?"},
    {REPEAT_20("\xaa"), 20, REPEAT_50("\xdd")},
    {COUNTED, 25, REPEAT_50("\xcd")},
    {REPEAT_80("\xaa") REPEAT_50("\xaa") "\xaa", 131,
     "Test Using Larger Than Block-Size Key - Hash Key First"},
    {REPEAT_80("\xaa") REPEAT_50("\xaa") "\xaa", 131,
     "This is a test using a larger than block-size key and a larger than block-size data. The key "
     "needs to be hashed before being used by the HMAC algorithm."},
};

static const input rfc2202[] = {
    {REPEAT_20("\x0b"), 20, "Hi There"},
    {"Jefe", 4, "what do ya want for nothing?"},
    {REPEAT_20("\xaa"), 20, REPEAT_50("\xdd")},
    {COUNTED, 25, REPEAT_50("\xcd")},
    {REPEAT_80("\xaa"), 80, "Test Using Larger Than Block-Size Key - Hash Key First"},
    {REPEAT_80("\xaa"), 80,
     "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data"},
};

typedef struct vector {
    cmp_hash hash;
    const input *input;
    const char *mac; /* hex */
} vector;

static const vector vectors[] = {
    {CMP_HASH_SHA256, &rfc4231[0],
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {CMP_HASH_SHA384, &rfc4231[0],
     "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
     "faea9ea9076ede7f4af152e8b2fa9cb6"},
    {CMP_HASH_SHA512, &rfc4231[0],
     "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
     "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
    {CMP_HASH_SHA256, &rfc4231[1],
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {CMP_HASH_SHA384, &rfc4231[1],
     "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
     "8e2240ca5e69e2c78b3239ecfab21649"},
    {CMP_HASH_SHA512, &rfc4231[1],
     "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
     "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    {CMP_HASH_SHA256, &rfc4231[2],
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
    {CMP_HASH_SHA384, &rfc4231[2],
     "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
     "2a5ab39dc13814b94e3ab6e101a34f27"},
    {CMP_HASH_SHA512, &rfc4231[2],
     "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
     "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"},
    {CMP_HASH_SHA256, &rfc4231[3],
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
    {CMP_HASH_SHA384, &rfc4231[3],
     "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
     "6801dd23c4a7d679ccf8a386c674cffb"},
    {CMP_HASH_SHA512, &rfc4231[3],
     "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
     "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"},
    {CMP_HASH_SHA256, &rfc4231[4],
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {CMP_HASH_SHA384, &rfc4231[4],
     "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
     "0c2ef6ab4030fe8296248df163f44952"},
    {CMP_HASH_SHA512, &rfc4231[4],
     "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
     "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
    {CMP_HASH_SHA256, &rfc4231[5],
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    {CMP_HASH_SHA384, &rfc4231[5],
     "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
     "a678cc31e799176d3860e6110c46523e"},
    {CMP_HASH_SHA512, &rfc4231[5],
     "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
     "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"},
    {CMP_HASH_SHA1, &rfc2202[0], "b617318655057264e28bc0b6fb378c8ef146be00"},
    {CMP_HASH_SHA1, &rfc2202[1], "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    {CMP_HASH_SHA1, &rfc2202[2], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
    {CMP_HASH_SHA1, &rfc2202[3], "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
    {CMP_HASH_SHA1, &rfc2202[4], "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
    {CMP_HASH_SHA1, &rfc2202[5], "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void computes_the_rfc_macs_wherever_tid_ends(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const vector *v = &vectors[i];
        kit_signature_state *state =
            kit_signature_state_create(v->hash, (const uint8_t *)v->input->key, v->input->key_size);
        assert_non_null(state);
        const size_t size = strlen(v->input->data);
        for (size_t cut = 0; cut <= size; cut++) {
            const cmp_str tid = {v->input->data, cut}, ici = {v->input->data + cut, size - cut};
            uint8_t mac[KIT_SIGNATURE_MAC_MAX];
            char text[KIT_SIGNATURE_TEXT_MAX + 1] = "";
            assert_true(kit_signature_compute(state, tid, ici, mac));
            assert_int_equal(kit_signature_encode(mac, v->hash, CMP_ENCODING_HEX, text),
                             2 * kit_signature_mac_size(v->hash));
            assert_string_equal(text, v->mac);
        }
        kit_signature_state_destroy(&state);
        assert_null(state);
        kit_signature_state_destroy(&state);
    }
}

/* ---- texts ---- */

static const cmp_hash all_hashes[] = {CMP_HASH_SHA256, CMP_HASH_SHA1, CMP_HASH_SHA384,
                                      CMP_HASH_SHA512};

/* A MAC whose base64 has both of the digits that the alphabets write differently. */
static void mac_fill(uint8_t mac[KIT_SIGNATURE_MAC_MAX])
{
    for (size_t i = 0; i < KIT_SIGNATURE_MAC_MAX; i++) {
        mac[i] = (uint8_t)(0xFB + 37 * i);
    }
    mac[3] = mac[4] = mac[5] = 0xFF;
}

static bool reads_back(const char *text, size_t size, cmp_hash hash, const uint8_t *mac)
{
    /* An exact copy, so that a sanitizer sees a step outside. */
    char *exact = malloc(size);
    memcpy(exact, text, size);
    uint8_t read[KIT_SIGNATURE_MAC_MAX] = {0};
    const bool good = kit_signature_parse((cmp_str){exact, size}, hash, read) &&
                      kit_signature_equal(read, mac, hash) &&
                      memcmp(read, mac, kit_signature_mac_size(hash)) == 0;
    free(exact);
    return good;
}

static void reads_every_encoding(void **unused)
{
    (void)unused;
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    mac_fill(mac);
    for (size_t i = 0; i < COUNT(all_hashes); i++) {
        const cmp_hash hash = all_hashes[i];
        char text[KIT_SIGNATURE_TEXT_MAX];
        size_t size = kit_signature_encode(mac, hash, CMP_ENCODING_HEX, text);
        assert_true(reads_back(text, size, hash, mac));
        for (size_t j = 0; j < size; j += 3) { /* either case, mixed too */
            text[j] = (char)(text[j] >= 'a' ? text[j] - 'a' + 'A' : text[j]);
        }
        assert_true(reads_back(text, size, hash, mac));

        size = kit_signature_encode(mac, hash, CMP_ENCODING_BASE64, text);
        assert_int_equal(size, (kit_signature_mac_size(hash) + 2) / 3 * 4);
        assert_non_null(memchr(text, '+', size));
        assert_non_null(memchr(text, '/', size));
        assert_true(reads_back(text, size, hash, mac));
        size_t digits = size;
        while (text[digits - 1] == '=') {
            digits--;
        }
        assert_true(reads_back(text, digits, hash, mac));
        for (size_t j = 0; j < digits; j++) {
            text[j] = (char)(text[j] == '+' ? '-' : text[j] == '/' ? '_' : text[j]);
        }
        assert_true(reads_back(text, digits, hash, mac));
        assert_true(reads_back(text, size, hash, mac));
    }
}

static void refuses_every_other_length(void **unused)
{
    (void)unused;
    char text[300];
    memset(text, 'A', sizeof(text));
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    assert_false(kit_signature_parse(CMP_NONE, CMP_HASH_SHA256, mac));
    for (size_t i = 0; i < COUNT(all_hashes); i++) {
        const size_t n = kit_signature_mac_size(all_hashes[i]);
        for (size_t size = 0; size <= sizeof(text); size++) {
            const bool right = size == 2 * n || size == (4 * n + 2) / 3;
            assert_int_equal(kit_signature_parse((cmp_str){text, size}, all_hashes[i], mac), right);
        }
    }
}

static void refuses_bad_digits(void **unused)
{
    (void)unused;
    static const char hex[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    static const char base64[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    char text[sizeof(hex)];
    for (int c = 0; c < 256; c++) {
        const bool is_hex = c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL;
        const bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        const bool is_base64 =
            is_letter || (c >= '0' && c <= '9') || (c != 0 && strchr("+/-_", c) != NULL);
        for (size_t at = 0; at < 4; at++) {
            memcpy(text, hex, sizeof(hex));
            text[at * 20 + 3] = (char)c;
            assert_int_equal(kit_signature_parse(CMP_STR(hex), CMP_HASH_SHA256, mac), true);
            assert_int_equal(kit_signature_parse((cmp_str){text, 64}, CMP_HASH_SHA256, mac),
                             is_hex);
            memcpy(text, base64, sizeof(base64));
            text[at * 10] = (char)c;
            assert_int_equal(kit_signature_parse((cmp_str){text, 44}, CMP_HASH_SHA256, mac),
                             is_base64);
        }
    }
}

static void refuses_bad_ends_of_base64(void **unused)
{
    (void)unused;
    /* SHA-256: 43 digits, of which the last carries two bits that have to be zero; SHA-1: 27,
     * likewise; SHA-512: 86 digits and four such bits. */
    static const struct {
        cmp_hash hash;
        size_t digits;
        const char *end;
        bool good;
    } cases[] = {
        {CMP_HASH_SHA256, 42, "E", true},    {CMP_HASH_SHA256, 42, "B", false},
        {CMP_HASH_SHA256, 42, "C", false},   {CMP_HASH_SHA256, 42, "EA", false},
        {CMP_HASH_SHA256, 42, "==", false},  {CMP_HASH_SHA256, 42, "E=", true},
        {CMP_HASH_SHA256, 42, "=E", false},  {CMP_HASH_SHA1, 26, "I=", true},
        {CMP_HASH_SHA1, 26, "D=", false},    {CMP_HASH_SHA512, 85, "Q==", true},
        {CMP_HASH_SHA512, 85, "Q", true},    {CMP_HASH_SHA512, 85, "I==", false},
        {CMP_HASH_SHA512, 85, "Q=A", false}, {CMP_HASH_SHA512, 85, "Q=", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[100];
        memset(text, 'A', sizeof(text));
        memcpy(text + cases[i].digits, cases[i].end, strlen(cases[i].end));
        uint8_t mac[KIT_SIGNATURE_MAC_MAX];
        const cmp_str signature = {text, cases[i].digits + strlen(cases[i].end)};
        assert_int_equal(kit_signature_parse(signature, cases[i].hash, mac), cases[i].good);
    }
}

static void tells_macs_apart(void **unused)
{
    (void)unused;
    uint8_t a[KIT_SIGNATURE_MAC_MAX], b[KIT_SIGNATURE_MAC_MAX];
    mac_fill(a);
    for (size_t i = 0; i < COUNT(all_hashes); i++) {
        const size_t size = kit_signature_mac_size(all_hashes[i]);
        for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
            memcpy(b, a, sizeof(a));
            b[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(kit_signature_equal(a, b, all_hashes[i]), bit >= 8 * size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_other_length),
        cmocka_unit_test(refuses_bad_digits),
        cmocka_unit_test(refuses_bad_ends_of_base64),
        cmocka_unit_test(tells_macs_apart),
        cmocka_unit_test(computes_the_rfc_macs_wherever_tid_ends),
        cmocka_unit_test(reads_every_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
