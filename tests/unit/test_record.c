/* SPDX-License-Identifier: Apache-2.0 */
/* The code record: what is refused and how the message names it, what is read, what it means now.
 */
#include "mc/record.h"

#include <cmp-kit/arena.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void *from_arena(void *arg, size_t size)
{
    return kit_arena_alloc(arg, size);
}

typedef struct outcome {
    kit_arena memory;
    bool good;
    cmp_str ici;
    cmp_record record;
    char error[256];
} outcome;

static void parse(outcome *o, const char *json, size_t size)
{
    memset(o, 0, sizeof(*o));
    kit_arena_init(&o->memory, NULL, 0);
    o->good = record_parse(json, size, from_arena, &o->memory, &o->ici, &o->record, o->error,
                           sizeof(o->error));
}

static const struct {
    const char *json, *error; /* how it begins */
} bad[] = {
    {"", "'[' or '{' expected"},
    {"[]", "a JSON object is expected"},
    {"\"x\"", "'[' or '{' expected"},
    {"{\"ici\":\"A\",\"content\":\"x\"", "'}' expected"},
    {"{\"ici\":\"A\",\"content\":\"x\"} {}", "end of file expected"},
    {"{\"ici\":\"A\",\"content\":\"\\u0000\"}", "\\u0000 is not allowed"},
    {"{\"ici\":\"A\",\"content\":\"\xFF\"}", "unable to decode"},
    {"{\"ici\":\"A\",\"ici\":\"B\",\"content\":\"x\"}", "duplicate object key near '\"ici\"'"},
    {"{}", "ici: is missing"},
    {"{\"content\":\"x\"}", "ici: is missing"},
    {"{\"ici\":\"\",\"content\":\"x\"}", "ici: 1 to 256 octets"},
    {"{\"ici\":\"A B\",\"content\":\"x\"}", "ici: 1 to 256 octets of visible ASCII"},
    {"{\"ici\":\"\xC3\xA9\",\"content\":\"x\"}", "ici: 1 to 256 octets of visible ASCII"},
    {"{\"ici\":7,\"content\":\"x\"}", "ici: a string is expected"},
    {"{\"ici\":\"A\"}", "content: is missing"},
    {"{\"ici\":\"A\",\"content\":\"\"}", "content: 1 to 65536 octets"},
    {"{\"ici\":\"A\",\"content\":null}", "content: a string is expected"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"transferred_to\":\"b.example.net\"}",
     "transferred_to: a transferred code has no content"},
    {"{\"ici\":\"A\",\"transferred_to\":\"localhost\"}", "transferred_to: a fully qualified"},
    {"{\"ici\":\"A\",\"transferred_to\":\"b.example.net:8443\"}", "transferred_to: a fully"},
    {"{\"ici\":\"A\",\"transferred_to\":\"192.0.2.1\"}", "transferred_to: a fully qualified"},
    {"{\"ici\":\"A\",\"transferred_to\":\"b.example.net\",\"variants\":[{\"when\":{\"cc\":"
     "\"CA\"},\"content\":\"x\"}]}",
     "variants: a transferred code has none"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"content_type\":\"\"}", "content_type: 1 to 64 octets"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"content_type\":\"a b\"}", "content_type: 1 to 64"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"ttl\":\"300\"}", "ttl: a whole number of seconds"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"ttl\":300.0}", "ttl: a whole number of seconds"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"ttl\":-1}", "ttl: a whole number of seconds"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"ttl\":31536001}", "ttl: a whole number of seconds"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"status\":\"Active\"}", "status: active or revoked"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"status\":true}", "status: a string is expected"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"not_before\":\"tomorrow\"}", "not_before: a time as in"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"not_after\":1790000000}", "not_after: a string"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"not_before\":\"2026-12-24T00:00:00Z\",\"not_after\":"
     "\"2026-12-24T00:00:00Z\"}",
     "not_after: must be later than not_before"},
    {"{\"ici\":\"A\",\"contnet\":\"x\"}", "contnet: unknown member; did you mean content?"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"zzzzzzzzzzzz\":1}", "zzzzzzzzzzzz: unknown member"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":{}}", "variants: an array is expected"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[7]}", "variants[0]: an object is expected"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"content\":\"y\"}]}",
     "variants[0].when: is missing"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"when\":{\"gendr\":\"male\"},"
     "\"content\":\"y\"}]}",
     "variants[0].when.gendr: unknown condition; did you mean gender?"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"when\":{\"Time\":\"08:00-12:30\"},"
     "\"content\":\"y\"}]}",
     "variants[0].when.Time: unknown condition; did you mean time?"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"when\":{},\"content\":\"y\"}]}",
     "variants[0].when: an object with at least one condition"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"when\":{\"cc\":\"CA\"}}]}",
     "variants[0].content: is missing"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"when\":{\"cc\":\"CA\"},\"content\":\"\"}]}",
     "variants[0].content: 1 to 65536"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"when\":{\"cc\":\"CA\"},\"content\":\"y\"},"
     "{\"when\":{\"cc\":\"US\",\"age\":\"30-18\"},\"content\":\"z\"}]}",
     "variants[1].when.age: expected: a number, a range"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"when\":{\"age\":18},\"content\":\"y\"}]}",
     "variants[0].when.age: a string is expected"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"when\":{\"cc\":\"CA\"},\"content\":\"y\","
     "\"ttl\":5}]}",
     "variants[0].ttl: unknown member"},
    {"{\"ici\":\"A\",\"content\":\"x\",\"variants\":[{\"when\":{\"cc\":\"CA\",\"cc\":\"US\"},"
     "\"content\":\"y\"}]}",
     "duplicate object key near '\"cc\"'"},
};

static void bad_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        outcome o;
        parse(&o, bad[i].json, strlen(bad[i].json));
        if (o.good || strncmp(o.error, bad[i].error, strlen(bad[i].error)) != 0) {
            fail_msg("%s gave %d, %s", bad[i].json, o.good, o.error);
        }
        kit_arena_reset(&o.memory);
    }
}

/* Members at their limits, and one octet beyond. */
static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        size_t limit;
    } rows[] = {
        {"{\"ici\":\"", "\",\"content\":\"x\"}", 256},
        {"{\"ici\":\"A\",\"content\":\"", "\"}", 65536},
        {"{\"ici\":\"A\",\"content\":\"x\",\"content_type\":\"", "\"}", 64},
    };
    static char value[65536 + 2], json[65536 + 100];
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t beyond = 0; beyond <= 1; beyond++) {
            const size_t size = rows[i].limit + beyond;
            memset(value, 'v', size);
            value[size] = '\0';
            const int length =
                snprintf(json, sizeof(json), "%s%s%s", rows[i].before, value, rows[i].after);
            outcome o;
            parse(&o, json, (size_t)length);
            assert_int_equal(o.good, beyond == 0);
            kit_arena_reset(&o.memory);
        }
    }
}

static void short_error_buffer(void **state)
{
    (void)state;
    char error[8];
    cmp_str ici;
    cmp_record record;
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    const char json[] = "{\"content\":\"x\"}";
    assert_false(
        record_parse(json, sizeof(json) - 1, from_arena, &a, &ici, &record, error, sizeof(error)));
    assert_string_equal(error, "ici: is");
    kit_arena_reset(&a);
}

#define assert_text(text, wanted)                                                                  \
    do {                                                                                           \
        assert_int_equal((text).size, strlen(wanted));                                             \
        assert_memory_equal((text).at, (wanted), strlen(wanted));                                  \
    } while (0)

static void smallest_record(void **state)
{
    (void)state;
    const char json[] = "{\"ici\":\"1A0F1-7\",\"content\":\"https://a.example.net/\"}";
    outcome o;
    parse(&o, json, sizeof(json) - 1);
    assert_true(o.good);
    assert_text(o.ici, "1A0F1-7");
    assert_text(o.record.content, "https://a.example.net/");
    assert_null(o.record.content_type.at);
    assert_null(o.record.transferred_to.at);
    assert_true(o.record.not_before_ms == CMP_TIME_MIN && o.record.not_after_ms == CMP_TIME_MAX);
    assert_int_equal(o.record.ttl_s, CMP_TTL_UNSET);
    assert_int_equal(o.record.status, CMP_RECORD_ACTIVE);
    assert_int_equal(o.record.variant_count, 0);
    kit_arena_reset(&o.memory);
}

static void whole_record(void **state)
{
    (void)state;
    const char json[] =
        "{\"variants\":[{\"when\":{\"language\":\"fr\",\"age\":\"18-30\"},\"content\":\"allô\"},"
        "{\"content_type\":\"text\",\"content\":\"c2\",\"when\":{\"store\":\"7\"}}],"
        "\"ttl\":0,\"status\":\"revoked\",\"not_before\":\"1970-01-01T00:00:01Z\","
        "\"not_after\":\"1970-01-01T00:00:02.5Z\",\"content_type\":\"vcard\","
        "\"content\":\"a\\n\\\"b\\u00e9\",\"ici\":\"!~\"}";
    outcome o;
    parse(&o, json, sizeof(json) - 1);
    assert_string_equal(o.error, "");
    assert_true(o.good);
    assert_text(o.ici, "!~");
    assert_text(o.record.content, "a\n\"b\xC3\xA9");
    assert_text(o.record.content_type, "vcard");
    assert_int_equal(o.record.ttl_s, 0);
    assert_int_equal(o.record.status, CMP_RECORD_REVOKED);
    assert_int_equal(o.record.not_before_ms, 1000);
    assert_int_equal(o.record.not_after_ms, 2500);
    assert_int_equal(o.record.variant_count, 2);
    const cmp_variant *v = o.record.variants;
    assert_int_equal(v[0].condition_count, 2);
    assert_text(v[0].conditions[0].name, "language");
    assert_text(v[0].conditions[0].value, "fr");
    assert_text(v[0].conditions[1].name, "age");
    assert_text(v[0].conditions[1].value, "18-30");
    assert_text(v[0].content, "all\xC3\xB4");
    assert_null(v[0].content_type.at);
    assert_text(v[1].content_type, "text");
    assert_text(v[1].conditions[0].value, "7");
    kit_arena_reset(&o.memory);
}

static void transferred_record(void **state)
{
    (void)state;
    const char json[] = "{\"ici\":\"A\",\"transferred_to\":\"B.Example.NET\",\"variants\":[]}";
    outcome o;
    parse(&o, json, sizeof(json) - 1);
    assert_true(o.good);
    assert_text(o.record.transferred_to, "b.example.net");
    assert_null(o.record.content.at);
    kit_arena_reset(&o.memory);
}

static void state_at_a_moment(void **state)
{
    (void)state;
    cmp_record r = CMP_RECORD_INIT;
    assert_int_equal(record_state_at(&r, INT64_MIN), RECORD_VALID);
    assert_int_equal(record_state_at(&r, INT64_MAX), RECORD_VALID);
    r.not_before_ms = 1000;
    r.not_after_ms = 2000;
    assert_int_equal(record_state_at(&r, 999), RECORD_NOT_YET);
    assert_int_equal(record_state_at(&r, 1000), RECORD_VALID);
    assert_int_equal(record_state_at(&r, 2000), RECORD_VALID);
    assert_int_equal(record_state_at(&r, 2001), RECORD_GONE);
    r.status = CMP_RECORD_REVOKED;
    assert_int_equal(record_state_at(&r, 1500), RECORD_GONE);
    assert_int_equal(record_state_at(&r, 999), RECORD_NOT_YET); /* tomorrow stays a secret */
}

static void content_types(void **state)
{
    (void)state;
    static const struct {
        const char *content, *type;
    } rows[] = {
        {"https://a.example.net/", "uri"}, {"coap+tcp://x", "uri"}, {"x://", "uri"},
        {"MECARD:N:Doe;;", "text"},        {"://x", "text"},        {"7z://x", "text"},
        {"see http://x", "text"},          {"a:/", "text"},         {"a", "text"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        cmp_record r = CMP_RECORD_INIT;
        r.content = cmp_str_from(rows[i].content);
        assert_text(record_content_type(&r, NULL), rows[i].type);
    }
    cmp_record r = CMP_RECORD_INIT;
    r.content = CMP_STR("https://a.example.net/");
    cmp_variant v = {.content = CMP_STR("hello")};
    assert_text(record_content_type(&r, &v), "text");
    r.content_type = CMP_STR("vcard");
    assert_text(record_content_type(&r, &v), "vcard");
    v.content_type = CMP_STR("sms");
    assert_text(record_content_type(&r, &v), "sms");
    assert_text(record_content_type(&r, NULL), "vcard");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_records),        cmocka_unit_test(sizes),
        cmocka_unit_test(short_error_buffer), cmocka_unit_test(smallest_record),
        cmocka_unit_test(whole_record),       cmocka_unit_test(transferred_record),
        cmocka_unit_test(state_at_a_moment),  cmocka_unit_test(content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
