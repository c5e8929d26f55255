/* SPDX-License-Identifier: Apache-2.0 */
/* ctl/credential.c: which key a tool signs with, and what a file with a secret may hold. */
#include "ctl/credential.h"

#include "base/secret.h"
#include "scratch.h"

#include <cmp-kit/times.h>

#define SECRET "0123456789abcdef"

/* In this order: one that is over, two of the same beginning, one that is still to come. */
static const char ring[] =
    "issued: [{id: theirs, peer: b, secret: " SECRET "}]\n"
    "received:\n"
    "  - {id: over, peer: b, secret: " SECRET ", not_after: 2026-03-01T00:00:00Z}\n"
    "  - {id: first, peer: b, secret: " SECRET ", not_before: 2026-02-01T00:00:00Z,\n"
    "     not_after: 2026-05-01T00:00:00Z}\n"
    "  - {id: second, peer: b, secret: " SECRET ", not_before: 2026-02-01T00:00:00Z,\n"
    "     not_after: 2026-04-01T00:00:00Z}\n"
    "  - {id: newest, peer: b, secret: " SECRET ", not_before: 2026-06-01T00:00:00Z}\n"
    "  - {id: other, peer: c, secret: " SECRET "}\n";

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_true(kit_time_parse(cmp_str_from(text), &ms));
    return ms;
}

static void assert_chosen(const char *peer, int64_t now_ms, const char *id)
{
    const credential_choice choice = {.keys = "k.yaml", .peer = peer};
    credential c;
    const bool found = credential_open(&c, &choice, CMP_KEY_RECEIVED, now_ms);
    assert_true(found == (id != NULL));
    if (found) {
        assert_true(cmp_str_equal(c.key.id, cmp_str_from(id)));
    }
    credential_dispose(&c);
}

static void a_peers_newest_key_that_is_valid(void **state)
{
    (void)state;
    scratch_write("k.yaml", ring);
    assert_chosen("b", at("2026-01-01T00:00:00Z"), "over");
    assert_chosen("b", at("2026-02-01T00:00:00Z") - 1, "over");
    assert_chosen("b", at("2026-02-01T00:00:00Z"), "second");
    assert_chosen("b", at("2026-04-01T00:00:00Z"), "second");
    assert_chosen("b", at("2026-04-01T00:00:00Z") + 1, "first");
    assert_chosen("b", at("2026-05-01T00:00:00Z"), "first");
    assert_chosen("b", at("2026-05-01T00:00:00Z") + 1, NULL);
    assert_chosen("b", at("2026-06-01T00:00:00Z") - 1, NULL);
    assert_chosen("b", at("2026-06-01T00:00:00Z"), "newest");
    assert_chosen("c", at("2026-01-01T00:00:00Z"), "other");
    assert_chosen("d", at("2026-01-01T00:00:00Z"), NULL);
}

static void an_id_of_the_preferred_use(void **state)
{
    (void)state;
    scratch_write("k.yaml", "issued: [{id: k, peer: b, secret: " SECRET "}]\n"
                            "received: [{id: k, peer: c, secret: " SECRET ",\n"
                            "            not_after: 2026-01-01T00:00:00Z}]\n");
    const credential_choice choice = {.keys = "k.yaml", .id = "k"};
    for (int use = CMP_KEY_ISSUED; use <= CMP_KEY_RECEIVED; use++) {
        credential c; /* over or not: who names it wants it */
        assert_true(credential_open(&c, &choice, (cmp_key_use)use, at("2026-02-01T00:00:00Z")));
        assert_int_equal(c.key.use, use);
        credential_dispose(&c);
    }
    scratch_write("k.yaml", "received: [{id: k, peer: c, secret: " SECRET "}]\n");
    credential c;
    assert_true(credential_open(&c, &choice, CMP_KEY_ISSUED, 0));
    assert_int_equal(c.key.use, CMP_KEY_RECEIVED);
    credential_dispose(&c);
}

static void assert_secret(const char *text, size_t size, ptrdiff_t expected)
{
    size_t got = 0;
    scratch_write_octets("secret", text, size);
    uint8_t *secret = credential_read_secret("secret", &got);
    assert_true((secret != NULL) == (expected >= 0));
    if (secret != NULL) {
        assert_int_equal(got, expected);
        assert_memory_equal(secret, text, got);
    }
    secret_free(&secret, got);
}

static void a_file_with_one_secret(void **state)
{
    (void)state;
    char longest[4097];
    memset(longest, 'x', sizeof(longest));
    assert_secret("", 0, -1);
    assert_secret("\n", 1, -1);
    assert_secret("\r\n", 2, -1);
    assert_secret("a", 1, 1);
    assert_secret("a\n", 2, 1);
    assert_secret("a\r\n", 3, 1);
    assert_secret("a\n\n", 3, 2); /* one newline is the editor's, two are not */
    assert_secret("a\r", 2, 2);
    assert_secret(longest, sizeof(longest) - 1, sizeof(longest) - 1);
    assert_secret(longest, sizeof(longest), -1);
    size_t size;
    assert_null(credential_read_secret("missing", &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peers_newest_key_that_is_valid),
        cmocka_unit_test(an_id_of_the_preferred_use),
        cmocka_unit_test(a_file_with_one_secret),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
