/* SPDX-License-Identifier: Apache-2.0 */
/* mc/reply.c and mc/json_write.c: whatever a text holds, the body is JSON that another reader reads
 * the same, and as large as was said. */
#include "mc/reply.h"

#include "mc/json_write.h"

#include <cmp-kit/text.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct body {
    char *at;
    size_t size;
    json_t *root;
} body;

/* Writes into memory of the size that was said, and lets Jansson read it. */
static body read_back(size_t size, void (*write)(const void *r, char *to), const void *r)
{
    body b = {malloc(size), size, NULL};
    assert_non_null(b.at);
    write(r, b.at);
    json_error_t error;
    b.root = json_loadb(b.at, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (b.root == NULL) {
        fail_msg("%s: %.*s", error.text, (int)size, b.at);
    }
    return b;
}

static void drop(body *b)
{
    json_decref(b->root);
    free(b->at);
}

static bool plain; /* what the size of the last one said */

static void write_resolved(const void *r, char *to)
{
    reply_resolved_write(r, plain, to);
}

static void write_referral(const void *r, char *to)
{
    reply_referral_write(r, to);
}

static void write_problem(const void *r, char *to)
{
    reply_problem_write(r, to);
}

static body resolved(const reply_resolved *r)
{
    return read_back(reply_resolved_size(r, &plain), write_resolved, r);
}

static body referral(const reply_referral *r)
{
    return read_back(reply_referral_size(r), write_referral, r);
}

static body problem(const reply_problem *r)
{
    return read_back(reply_problem_size(r), write_problem, r);
}

static void assert_text(const body *b, const char *wanted)
{
    assert_int_equal(b->size, strlen(wanted));
    assert_memory_equal(b->at, wanted, b->size);
}

static void assert_member(const body *b, const char *name, cmp_str wanted)
{
    const json_t *member = json_object_get(b->root, name);
    assert_non_null(member);
    assert_int_equal(json_string_length(member), wanted.size);
    if (wanted.size > 0) {
        assert_memory_equal(json_string_value(member), wanted.at, wanted.size);
    }
}

/* ---- exact bodies: the members' order is promised ---- */

static void resolved_body(void **state)
{
    (void)state;
    reply_resolved r = {.tid = CMP_STR("t-1"),
                        .ici = CMP_STR("1A0F1"),
                        .content = CMP_STR("https://example.net/a?b=\"c\""),
                        .content_type = CMP_STR("uri"),
                        .ttl_s = 300};
    body b = resolved(&r);
    assert_text(&b, "{\"tid\":\"t-1\",\"ici\":\"1A0F1\",\"status\":\"resolved\","
                    "\"content\":\"https://example.net/a?b=\\\"c\\\"\",\"content_type\":\"uri\","
                    "\"ttl\":300}");
    drop(&b);
    r.language = CMP_STR("fr");
    r.ttl_s = UINT32_MAX;
    b = resolved(&r);
    assert_text(&b, "{\"tid\":\"t-1\",\"ici\":\"1A0F1\",\"status\":\"resolved\","
                    "\"content\":\"https://example.net/a?b=\\\"c\\\"\",\"content_type\":\"uri\","
                    "\"ttl\":4294967295,\"language\":\"fr\"}");
    drop(&b);
}

static void referral_body(void **state)
{
    (void)state;
    reply_referral r = {.tid = CMP_STR("t-1"),
                        .ici = CMP_STR("1A0F1"),
                        .addr = CMP_STR("b.example.net")};
    body b = referral(&r);
    assert_text(&b, "{\"tid\":\"t-1\",\"ici\":\"1A0F1\",\"status\":\"referral\","
                    "\"addr\":\"b.example.net\",\"ttl\":0}");
    drop(&b);
    r.prefix = CMP_STR("1A0");
    r.ttl_s = 60;
    b = referral(&r);
    assert_text(&b, "{\"tid\":\"t-1\",\"ici\":\"1A0F1\",\"status\":\"referral\","
                    "\"prefix\":\"1A0\",\"addr\":\"b.example.net\",\"ttl\":60}");
    drop(&b);
}

static void problem_body(void **state)
{
    (void)state;
    reply_problem r = {.code = ERROR_UNKNOWN_ICI};
    body b = problem(&r);
    assert_text(&b, "{\"type\":\"urn:cmpd:error:unknown_ici\",\"title\":\"Nobody holds this ICI\","
                    "\"status\":404,\"code\":\"unknown_ici\"}");
    drop(&b);
    r = (reply_problem){.code = ERROR_INVALID_PARAMETER,
                        .detail = CMP_STR("gender is female or male"),
                        .tid = CMP_STR("t-1"),
                        .parameter = CMP_STR("gender")};
    b = problem(&r);
    assert_text(&b, "{\"type\":\"urn:cmpd:error:invalid_parameter\","
                    "\"title\":\"A parameter has a value that is not allowed\",\"status\":400,"
                    "\"detail\":\"gender is female or male\",\"tid\":\"t-1\","
                    "\"code\":\"invalid_parameter\",\"parameter\":\"gender\"}");
    drop(&b);
}

static void problem_of_every_code(void **state)
{
    (void)state;
    for (error_code code = ERROR_NONE + 1; code < ERROR_MAX; code++) {
        const error_info *info = error_info_of(code);
        body b = problem(&(reply_problem){.code = code, .tid = CMP_STR("")});
        char type[64];
        snprintf(type, sizeof(type), "urn:cmpd:error:%s", info->code);
        assert_member(&b, "type", cmp_str_from(type));
        assert_member(&b, "title", cmp_str_from(info->title));
        assert_member(&b, "code", cmp_str_from(info->code));
        assert_member(&b, "tid", CMP_STR(""));
        assert_int_equal(json_integer_value(json_object_get(b.root, "status")), info->status);
        drop(&b);
    }
}

/* ---- nasty texts ---- */

#define REPLACEMENT "\xEF\xBF\xBD"

static const struct {
    cmp_str text, read;
} nasty[] = {
    {{"\xFF", 1}, {REPLACEMENT, 3}},
    {{"a\x80z", 3}, {"a" REPLACEMENT "z", 5}},
    {{"1234567\xC3", 8}, {"1234567" REPLACEMENT, 10}},
    {{"\xED\xA0\x80", 3}, {REPLACEMENT REPLACEMENT REPLACEMENT, 9}},
    {{"\xC0\"", 2}, {REPLACEMENT "\"", 4}},
    {{"\xE2\x82\"", 3}, {REPLACEMENT REPLACEMENT "\"", 7}},
    {{"\0", 1}, {"\0", 1}},
    {{"12345678\x1F", 9}, {"12345678\x1F", 9}},
    {{"\"\"\"\"\"\"\"\"", 8}, {"\"\"\"\"\"\"\"\"", 8}},
    {{"\\u0041", 6}, {"\\u0041", 6}},
    {{"</script>\x7F", 10}, {"</script>\x7F", 10}},
    {{"\xE2\x80\xA8\xF0\x9F\x98\x80", 7}, {"\xE2\x80\xA8\xF0\x9F\x98\x80", 7}},
    {{"", 0}, {"", 0}},
};

static void nasty_texts_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(nasty); i++) {
        const cmp_str text = nasty[i].text, read = nasty[i].read;
        body b = problem(&(reply_problem){
            .code = ERROR_MALFORMED, .detail = text, .tid = text, .parameter = text});
        assert_member(&b, "detail", read);
        assert_member(&b, "tid", read);
        assert_member(&b, "parameter", read);
        drop(&b);
        b = resolved(&(reply_resolved){
            .tid = text, .ici = text, .content = text, .content_type = text, .language = text});
        assert_member(&b, "tid", read);
        assert_member(&b, "ici", read);
        assert_member(&b, "content", read);
        assert_member(&b, "content_type", read);
        assert_member(&b, "language", read);
        drop(&b);
        b = referral(
            &(reply_referral){.tid = text, .ici = text, .prefix = text, .addr = text, .ttl_s = 1});
        assert_member(&b, "tid", read);
        assert_member(&b, "ici", read);
        assert_member(&b, "prefix", read);
        assert_member(&b, "addr", read);
        drop(&b);
    }
}

/* Each octet at each place of a run of eight, with and without others behind it. */
static void every_octet_at_every_place(void **state)
{
    (void)state;
    for (int octet = 0; octet < 256; octet++) {
        for (size_t at = 0; at < 10; at++) {
            char text[17];
            memset(text, '!', sizeof(text));
            text[at] = (char)octet;
            const cmp_str content = {text, sizeof(text)};
            body b = resolved(&(reply_resolved){.content = content});
            if (octet < 0x80) {
                assert_member(&b, "content", content);
            } else {
                const json_t *member = json_object_get(b.root, "content");
                assert_int_equal(json_string_length(member), sizeof(text) + 2);
                assert_memory_equal(json_string_value(member) + at, REPLACEMENT, 3);
            }
            drop(&b);
        }
    }
}

/* The same numbers at every run. */
static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static void random_texts(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",
                                         "plain text",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\x1B",
                                         "\xC3\xA9",
                                         "\xE2\x82\xAC",
                                         "\xF0\x9F\x98\x80",
                                         "/",
                                         "0123456789abcdef"};
    uint32_t seed = 20261124;
    for (int round = 0; round < 2000; round++) {
        char text[256];
        size_t size = 0;
        for (uint32_t left = next_random(&seed) % 12; left > 0; left--) {
            const char *piece = pieces[next_random(&seed) % COUNT(pieces)];
            memcpy(text + size, piece, strlen(piece));
            size += strlen(piece);
        }
        const cmp_str content = {text, size};
        body b = resolved(&(reply_resolved){.content = content});
        assert_member(&b, "content", content);
        drop(&b);
    }
}

static void random_octets(void **state)
{
    (void)state;
    uint32_t seed = 24112026;
    for (int round = 0; round < 2000; round++) {
        char text[64];
        const size_t size = next_random(&seed) % sizeof(text);
        for (size_t i = 0; i < size; i++) {
            text[i] = (char)next_random(&seed);
        }
        const cmp_str tid = {text, size};
        body b = problem(&(reply_problem){.code = ERROR_MALFORMED, .tid = tid});
        if (kit_utf8_valid(tid)) {
            assert_member(&b, "tid", tid);
        }
        drop(&b);
    }
}

/* ---- json_write ---- */

static void escapes(void **state)
{
    (void)state;
    static const struct {
        cmp_str text;
        const char *written;
    } cases[] = {
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"\"\\/", 3}, "\"\\\"\\\\/\""},
        {{"\0\x01\x1F", 3}, "\"\\u0000\\u0001\\u001f\""},
        {{" ~\x7F", 3}, "\" ~\x7F\""},
        {{NULL, 0}, "\"\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[64];
        json_out counted = {.to = NULL}, out = {.to = text};
        json_put_string(&counted, cases[i].text);
        json_put_string(&out, cases[i].text);
        assert_int_equal(out.size, strlen(cases[i].written));
        assert_int_equal(out.size, counted.size);
        assert_memory_equal(text, cases[i].written, out.size);
    }
}

/* The short way of writing says the same, and one escape anywhere keeps it from being taken. */
static void the_short_way_is_for_plain_texts_alone(void **state)
{
    (void)state;
    reply_resolved r = {.tid = CMP_STR("t-1"),
                        .ici = CMP_STR("1A0F1-1"),
                        .content = CMP_STR("https://res.example.com/v1/objects/1"),
                        .content_type = CMP_STR("uri"),
                        .language = CMP_STR("fr"),
                        .ttl_s = 300};
    char fast[512], slow[512];
    bool is_plain;
    const size_t size = reply_resolved_size(&r, &is_plain);
    assert_true(is_plain);
    reply_resolved_write(&r, true, fast);
    reply_resolved_write(&r, false, slow);
    assert_memory_equal(fast, slow, size);
    cmp_str *const texts[] = {&r.tid, &r.ici, &r.content, &r.content_type, &r.language};
    static const cmp_str special[] = {{"a\"b", 3},
                                      {"12345678\\", 9},
                                      {"caf\xc3\xa9", 5},
                                      {"a\nb", 3}};
    for (size_t i = 0; i < COUNT(texts); i++) {
        const cmp_str was = *texts[i];
        for (size_t j = 0; j < COUNT(special); j++) {
            *texts[i] = special[j];
            reply_resolved_size(&r, &is_plain);
            assert_false(is_plain);
        }
        *texts[i] = was;
    }
}

static void numbers(void **state)
{
    (void)state;
    static const uint64_t cases[] = {0, 9, 10, 4294967295, UINT64_MAX};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[32], wanted[32];
        json_out out = {.to = text};
        json_put_number(&out, cases[i]);
        snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)cases[i]);
        assert_int_equal(out.size, strlen(wanted));
        assert_memory_equal(text, wanted, out.size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolved_body),
        cmocka_unit_test(referral_body),
        cmocka_unit_test(problem_body),
        cmocka_unit_test(problem_of_every_code),
        cmocka_unit_test(nasty_texts_everywhere),
        cmocka_unit_test(every_octet_at_every_place),
        cmocka_unit_test(random_texts),
        cmocka_unit_test(random_octets),
        cmocka_unit_test(escapes),
        cmocka_unit_test(the_short_way_is_for_plain_texts_alone),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
