/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of the keyring: which rows are refused, and which text is whose. */
#include "peers/keyring.h"

#include "scratch.h"

#include <cmp-kit/text.h>

/* SHA-256 of "reader" and of "writer". */
#define READER "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30"
#define WRITER "b93006774cbdd4b299389a03ac3d88c3a76b460d538795bc12718011a909fba5"

static keyring *load(const char *text, cmp_report *report)
{
    report_init(report);
    scratch_write("k.yaml", text);
    return keyring_load("k.yaml", NULL, NULL, report);
}

static const struct {
    const char *text, *errors;
} bad[] = {
    {"tokens: [{sha256: " READER "}]",
     "k.yaml:1:11: tokens[0].name: missing; expected a text of 1 to 64 octets\n"},
    {"tokens: [{name: r}]", "k.yaml:1:11: tokens[0].sha256: missing; expected a text\n"},
    {"tokens: [{name: 'r r', sha256: " READER "}]",
     "k.yaml:1:17: tokens[0].name: a name has visible ASCII characters only\n"},
    {"tokens: [{name: r, sha256: " READER "0}]",
     "k.yaml:1:28: tokens[0].sha256: expected 64 hexadecimal digits\n"},
    {"tokens: [{name: r, sha256: " READER ", not_after: never}]",
     "k.yaml:1:105: tokens[0].not_after: expected a time such as 2027-01-01T00:00:00Z (RFC "
     "3339)\n"},
    {"tokens: [{name: r, sha256: " READER "}, {name: r, sha256: " WRITER "}]",
     "k.yaml:1:102: tokens[1].name: another token has the same name\n"},
    {"tokens: [{name: r, sha256: " READER "}, {name: w, sha256: " READER "}]",
     "k.yaml:1:113: tokens[1].sha256: another token is the same\n"},
};

static void says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cmp_report report;
        keyring *ring = load(bad[i].text, &report);
        assert_report(&report, bad[i].errors);
        assert_null(ring);
        report_dispose(&report);
    }
}

static const char *name_of(const keyring *ring, const char *text, int64_t now_ms)
{
    static char name[65];
    const token *found = tokens_find(keyring_tokens(ring), cmp_str_from(text), now_ms);
    if (found == NULL) {
        return "nobody";
    }
    memcpy(name, found->name.at, found->name.size);
    name[found->name.size] = '\0';
    return name;
}

static void finds_whose_a_text_is(void **state)
{
    (void)state;
    cmp_report report;
    keyring *ring = load("tokens:\n"
                         "  - {name: one, sha256: " READER ", not_after: 2001-01-01T00:00:00Z}\n"
                         "  - {name: two, sha256: " WRITER ", allow: [write]}\n",
                         &report);
    assert_report(&report, "");
    const int64_t end_ms = INT64_C(978307200000);
    assert_string_equal(name_of(ring, "reader", end_ms), "one");
    assert_string_equal(name_of(ring, "reader", end_ms + 1), "nobody");
    assert_string_equal(name_of(ring, "writer", end_ms + 1), "two");
    static const char *const others[] = {"", "Writer", "writer ", "write", WRITER};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_string_equal(name_of(ring, others[i], 0), "nobody");
    }
    const token *all = keyring_tokens(ring)->at;
    assert_true(token_may(&all[0], TOKEN_READ)); /* without `allow` */
    assert_false(token_may(&all[0], TOKEN_WRITE));
    assert_false(token_may(&all[1], TOKEN_READ));
    assert_true(token_may(&all[1], TOKEN_WRITE));
    keyring_unref(&ring);
    report_dispose(&report);
}

static void finds_each_of_many(void **state)
{
    (void)state;
    enum { MANY = 500 };
    static char file[MANY * 128] = "tokens:\n";
    size_t size = strlen(file);
    for (int i = 0; i < MANY; i++) {
        char text[16];
        uint8_t hash[TOKEN_HASH_SIZE];
        char hex[2 * TOKEN_HASH_SIZE + 1] = "";
        snprintf(text, sizeof(text), "token %d", i);
        token_hash(cmp_str_from(text), hash);
        kit_hex_encode(hash, sizeof(hash), hex);
        size += (size_t)snprintf(file + size, sizeof(file) - size, "  - {name: t%d, sha256: %s}\n",
                                 i, hex);
    }
    cmp_report report;
    keyring *ring = load(file, &report);
    assert_report(&report, "");
    for (int i = 0; i < MANY; i++) {
        char text[16], name[16];
        snprintf(text, sizeof(text), "token %d", i);
        snprintf(name, sizeof(name), "t%d", i);
        assert_string_equal(name_of(ring, text, 0), name);
    }
    assert_string_equal(name_of(ring, "token 500", 0), "nobody");
    keyring_unref(&ring);
    report_dispose(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(finds_whose_a_text_is),
        cmocka_unit_test(finds_each_of_many),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
