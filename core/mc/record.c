/* SPDX-License-Identifier: Apache-2.0 */
/* The code record (SPEC 6): every store's JSON comes through here before it is believed, and every
 * record that a store has found is judged here before it is shown. */
#include "mc/record.h"

#include "base/names.h"
#include "mc/meant.h"
#include "mc/message.h"
#include "mc/variant.h"

#include <cmp-kit/text.h>
#include <cmp-kit/times.h>

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

/* One reading. */
typedef struct reader {
    void *(*alloc)(void *arg, size_t size);
    void *arg;
    cmp_str *ici;
    cmp_record *record;
    char *error;
    size_t error_size;
} reader;

/* Where in the record something stands, for messages: `content`, `variants[2].when.age`. */
typedef struct place {
    const char *member;
    size_t variant; /* ALONE: a member of the record itself */
    const char *condition;
} place;

#define ALONE SIZE_MAX

static bool fail(const reader *r, place p, const char *format, ...) CMP_PRINTF(3, 4);
static bool fail(const reader *r, place p, const char *format, ...)
{
    char at[160];
    if (p.variant == ALONE) {
        snprintf(at, sizeof(at), "%.64s", p.member);
    } else {
        snprintf(at, sizeof(at), "variants[%zu]%s%.64s%s%.64s", p.variant,
                 p.member != NULL ? "." : "", p.member != NULL ? p.member : "",
                 p.condition != NULL ? "." : "", p.condition != NULL ? p.condition : "");
    }
    const int size = snprintf(r->error, r->error_size, "%s: ", at);
    if (size >= 0 && (size_t)size < r->error_size) {
        va_list args;
        va_start(args, format);
        vsnprintf(r->error + size, r->error_size - (size_t)size, format, args);
        va_end(args);
    }
    return false;
}

static bool fail_unknown(const reader *r, place p, const char *const *names)
{
    const char *member = p.member;
    const char *near = name_nearest(cmp_str_from(member), names);
    if (near != NULL) {
        return fail(r, p, "unknown member; did you mean %s?", near);
    }
    return fail(r, p, "unknown member");
}

/* ---- values ---- */

/* Borrowed from Jansson's tree, which goes when the record was read: whoever keeps it makes a
 * copy. */
static bool read_text(const reader *r, place p, const json_t *value, cmp_str *text)
{
    if (!json_is_string(value)) {
        return fail(r, p, "a string is expected");
    }
    *text = (cmp_str){json_string_value(value), json_string_length(value)};
    return true;
}

/* One octet more, so that an empty text is a pointer too: absent and empty are told apart by it. */
static cmp_str keep(const reader *r, cmp_str text)
{
    char *copy = r->alloc(r->arg, text.size + 1);
    memcpy(copy, text.at, text.size);
    return (cmp_str){copy, text.size};
}

static bool read_content(const reader *r, place p, const json_t *value, cmp_str *content)
{
    cmp_str text = CMP_NONE;
    if (!read_text(r, p, value, &text)) {
        return false;
    }
    if (text.size == 0 || text.size > CMP_CONTENT_MAX) {
        return fail(r, p, "1 to %zu octets are expected", CMP_CONTENT_MAX);
    }
    *content = keep(r, text);
    return true;
}

static bool read_content_type(const reader *r, place p, const json_t *value, cmp_str *type)
{
    cmp_str text = CMP_NONE;
    if (!read_text(r, p, value, &text)) {
        return false;
    }
    if (text.size == 0 || text.size > CMP_CONTENT_TYPE_MAX || !kit_ascii_visible(text)) {
        return fail(r, p, "1 to %zu octets of visible ASCII are expected", CMP_CONTENT_TYPE_MAX);
    }
    *type = keep(r, text);
    return true;
}

static bool read_time(const reader *r, place p, const json_t *value, int64_t *ms)
{
    cmp_str text = CMP_NONE;
    if (!read_text(r, p, value, &text)) {
        return false;
    }
    if (!kit_time_parse(text, ms)) {
        return fail(r, p, "a time as in RFC 3339 is expected, such as 2026-12-24T18:00:00Z");
    }
    return true;
}

/* ---- variants ---- */

static const char *const variant_members[] = {"when", "content", "content_type", NULL};

/* A name that is nearly one of Table 19 would be a contextual parameter, which nobody sends. */
static bool condition_good(const reader *r, place p, cmp_str value)
{
    const cmp_str name = cmp_str_from(p.condition);
    const char *expected = NULL;
    const char *meant = param_find(name) == CMP_PARAM_MAX ? param_meant(name, VARIANT_TIME) : NULL;
    if (meant != NULL && strcmp(meant, p.condition) != 0) {
        return fail(r, p, "unknown condition; did you mean %s?", meant);
    }
    return variant_condition_valid(name, value, &expected) || fail(r, p, "expected: %s", expected);
}

/* Conditions keep the order of the text, though all have to hold: a record that is written again
 * looks like the one that was read. */
static bool read_when(const reader *r, size_t index, json_t *when, cmp_variant *variant)
{
    place p = {"when", index, NULL};
    if (!json_is_object(when) || json_object_size(when) == 0) {
        return fail(r, p, "an object with at least one condition is expected");
    }
    if (json_object_size(when) > CMP_CONDITIONS_MAX) {
        return fail(r, p, "at most %zu conditions are expected", CMP_CONDITIONS_MAX);
    }
    cmp_condition *conditions = r->alloc(r->arg, json_object_size(when) * sizeof(conditions[0]));
    variant->conditions = conditions;
    json_t *value;
    json_object_foreach(when, p.condition, value)
    {
        cmp_str text = CMP_NONE;
        if (!read_text(r, p, value, &text)) {
            return false;
        }
        if (!condition_good(r, p, text)) {
            return false;
        }
        conditions[variant->condition_count++] =
            (cmp_condition){keep(r, cmp_str_from(p.condition)), keep(r, text)};
    }
    return true;
}

static bool read_variant_member(const reader *r, place p, json_t *value, cmp_variant *variant)
{
    if (strcmp(p.member, "when") == 0) {
        return read_when(r, p.variant, value, variant);
    }
    if (strcmp(p.member, "content") == 0) {
        return read_content(r, p, value, &variant->content);
    }
    if (strcmp(p.member, "content_type") == 0) {
        return read_content_type(r, p, value, &variant->content_type);
    }
    return fail_unknown(r, p, variant_members);
}

static bool read_variant(const reader *r, size_t index, json_t *object, cmp_variant *variant)
{
    place p = {NULL, index, NULL};
    *variant = (cmp_variant){.content = CMP_NONE};
    if (!json_is_object(object)) {
        return fail(r, p, "an object is expected");
    }
    json_t *value;
    json_object_foreach(object, p.member, value)
    {
        if (!read_variant_member(r, p, value, variant)) {
            return false;
        }
    }
    if (variant->conditions == NULL) {
        return fail(r, (place){"when", index, NULL}, "is missing");
    }
    if (variant->content.at == NULL) {
        return fail(r, (place){"content", index, NULL}, "is missing");
    }
    return true;
}

/* ---- the record's members, a function each ---- */

static bool read_ici(const reader *r, place p, json_t *value)
{
    cmp_str text = CMP_NONE;
    if (!read_text(r, p, value, &text)) {
        return false;
    }
    if (!record_ici_valid(text)) {
        return fail(r, p, "1 to %zu octets of visible ASCII are expected", CMP_ICI_MAX);
    }
    *r->ici = keep(r, text);
    return true;
}

static bool read_record_content(const reader *r, place p, json_t *value)
{
    return read_content(r, p, value, &r->record->content);
}

static bool read_record_content_type(const reader *r, place p, json_t *value)
{
    return read_content_type(r, p, value, &r->record->content_type);
}

static bool read_ttl(const reader *r, place p, json_t *value)
{
    const json_int_t ttl = json_integer_value(value);
    if (!json_is_integer(value) || ttl < 0 || ttl > CMP_TTL_MAX) {
        return fail(r, p, "a whole number of seconds from 0 to %d is expected", CMP_TTL_MAX);
    }
    r->record->ttl_s = (uint32_t)ttl;
    return true;
}

static bool read_status(const reader *r, place p, json_t *value)
{
    cmp_str text = CMP_NONE;
    if (!read_text(r, p, value, &text)) {
        return false;
    }
    if (cmp_str_equal(text, CMP_STR("active"))) {
        r->record->status = CMP_RECORD_ACTIVE;
    } else if (cmp_str_equal(text, CMP_STR("revoked"))) {
        r->record->status = CMP_RECORD_REVOKED;
    } else {
        return fail(r, p, "active or revoked is expected");
    }
    return true;
}

static bool read_not_before(const reader *r, place p, json_t *value)
{
    return read_time(r, p, value, &r->record->not_before_ms);
}

static bool read_not_after(const reader *r, place p, json_t *value)
{
    return read_time(r, p, value, &r->record->not_after_ms);
}

/* In lower case, since hosts are compared with those of peers, and texts of records with each
 * other. */
static bool read_transferred_to(const reader *r, place p, json_t *value)
{
    cmp_str text = CMP_NONE;
    if (!read_text(r, p, value, &text)) {
        return false;
    }
    if (!host_valid(text)) {
        return fail(r, p, "a fully qualified host name is expected");
    }
    char *host = r->alloc(r->arg, text.size);
    for (size_t i = 0; i < text.size; i++) {
        host[i] = kit_ascii_lower(text.at[i]);
    }
    r->record->transferred_to = (cmp_str){host, text.size};
    return true;
}

static bool read_variants(const reader *r, place p, json_t *value)
{
    if (!json_is_array(value)) {
        return fail(r, p, "an array is expected");
    }
    const size_t count = json_array_size(value);
    if (count == 0) {
        return true;
    }
    if (count > CMP_VARIANTS_MAX) {
        return fail(r, p, "at most %zu are expected", CMP_VARIANTS_MAX);
    }
    cmp_variant *variants = r->alloc(r->arg, count * sizeof(variants[0]));
    for (size_t i = 0; i < count; i++) {
        if (!read_variant(r, i, json_array_get(value, i), &variants[i])) {
            return false;
        }
    }
    r->record->variants = variants;
    r->record->variant_count = count;
    return true;
}

static const struct {
    const char *name;
    bool (*read)(const reader *r, place p, json_t *value);
} members[] = {
    {"ici", read_ici},
    {"content", read_record_content},
    {"content_type", read_record_content_type},
    {"ttl", read_ttl},
    {"status", read_status},
    {"not_before", read_not_before},
    {"not_after", read_not_after},
    {"transferred_to", read_transferred_to},
    {"variants", read_variants},
};

#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

/* ---- the whole ---- */

/* Unknown members are errors here, though answers of peers may have them: this is our operator's
 * own text, and a slip in `not_after` would leave a code valid for ever. */
static bool read_member(const reader *r, const char *name, json_t *value)
{
    const char *names[MEMBER_COUNT + 1] = {NULL};
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (strcmp(members[i].name, name) == 0) {
            return members[i].read(r, (place){name, ALONE, NULL}, value);
        }
        names[i] = members[i].name;
    }
    return fail_unknown(r, (place){name, ALONE, NULL}, names);
}

/* What no member can tell alone. A transferred code with content would be two answers in one: which
 * of them holds must not depend on who reads it. */
static bool check_whole(const reader *r)
{
    const cmp_record *record = r->record;
    if (r->ici->at == NULL) {
        return fail(r, (place){"ici", ALONE, NULL}, "is missing");
    }
    if (record->content.at == NULL && record->transferred_to.at == NULL) {
        return fail(r, (place){"content", ALONE, NULL}, "is missing, and so is transferred_to");
    }
    if (record->content.at != NULL && record->transferred_to.at != NULL) {
        return fail(r, (place){"transferred_to", ALONE, NULL},
                    "a transferred code has no content here");
    }
    if (record->transferred_to.at != NULL && record->variant_count > 0) {
        return fail(r, (place){"variants", ALONE, NULL}, "a transferred code has none");
    }
    if (record->not_before_ms != CMP_TIME_MIN && record->not_before_ms >= record->not_after_ms) {
        return fail(r, (place){"not_after", ALONE, NULL}, "must be later than not_before");
    }
    return true;
}

static bool read_object(const reader *r, json_t *root)
{
    const char *name;
    json_t *value;
    if (!json_is_object(root)) {
        snprintf(r->error, r->error_size, "a JSON object is expected");
        return false;
    }
    json_object_foreach(root, name, value)
    {
        if (!read_member(r, name, value)) {
            return false;
        }
    }
    return check_whole(r);
}

bool record_parse(const char *json, size_t size, void *(*alloc)(void *arg, size_t size), void *arg,
                  cmp_str *ici, cmp_record *record, char *error, size_t error_size)
{
    const reader r = {alloc, arg, ici, record, error, error_size};
    json_error_t at;
    *ici = CMP_NONE;
    *record = CMP_RECORD_INIT;
    json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &at);
    if (root == NULL) {
        snprintf(error, error_size, "%s (octet %d)", at.text, at.position);
        return false;
    }
    const bool good = read_object(&r, root);
    json_decref(root);
    return good;
}

record_state record_state_at(const cmp_record *record, int64_t now_ms)
{
    /* First, so that a code that was revoked before its time gives nothing away either. */
    if (now_ms < record->not_before_ms) {
        return RECORD_NOT_YET;
    }
    if (record->status == CMP_RECORD_REVOKED || now_ms > record->not_after_ms) {
        return RECORD_GONE;
    }
    return RECORD_VALID;
}

/* scheme "://" (RFC 3986, 3.1) */
static bool is_uri(cmp_str text)
{
    for (size_t i = 0; i + 2 < text.size; i++) {
        const char c = kit_ascii_lower(text.at[i]);
        const bool letter = c >= 'a' && c <= 'z';
        const bool inner = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (i > 0 && c == ':') {
            return text.at[i + 1] == '/' && text.at[i + 2] == '/';
        }
        if (!letter && (i == 0 || !inner)) {
            return false;
        }
    }
    return false;
}

cmp_str record_content_type(const cmp_record *record, const cmp_variant *variant)
{
    if (variant != NULL && variant->content_type.at != NULL) {
        return variant->content_type;
    }
    if (record->content_type.at != NULL) {
        return record->content_type;
    }
    return is_uri(variant != NULL ? variant->content : record->content) ? CMP_STR("uri")
                                                                        : CMP_STR("text");
}
