/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and records: every driver's answer comes through row_read before it is believed. */
#include "columns.h"

#include "values.h"

#include <cmp-kit/arena.h>
#include <cmp-kit/text.h>

#include <stdalign.h>
#include <strings.h>

/* The bounds of a code record (SPEC 6), as cmp_host.record_parse has them for JSON. */
#define CONTENT_MAX      ((size_t)65536)
#define CONTENT_TYPE_MAX ((size_t)64)
#define TTL_MAX          31536000 /* one year */
#define RECORD_SIZE      2048     /* most take less; larger ones more than that */

const char *const column_names[COLUMN_MAX] = {
    [COLUMN_CONTENT] = "content",
    [COLUMN_CONTENT_TYPE] = "content_type",
    [COLUMN_TTL] = "ttl",
    [COLUMN_STATUS] = "status",
    [COLUMN_NOT_BEFORE] = "not_before",
    [COLUMN_NOT_AFTER] = "not_after",
    [COLUMN_TRANSFERRED_TO] = "transferred_to",
    [COLUMN_VARIANTS] = "variants",
};

/* Without regard to case: some databases fold names that are not quoted, and others do not. */
bool column_map_init(column_map *map, int count, const char *(*name)(const void *result, int at),
                     const void *result)
{
    for (int c = 0; c < COLUMN_MAX; c++) {
        map->at[c] = -1;
        for (int i = 0; i < count && map->at[c] < 0; i++) {
            if (strcasecmp(name(result, i), column_names[c]) == 0) {
                map->at[c] = i;
            }
        }
    }
    return map->at[COLUMN_CONTENT] >= 0 || map->at[COLUMN_TRANSFERRED_TO] >= 0;
}

/* ---- a row's record ---- */

/* One reading. */
typedef struct reader {
    const cmp_host *host;
    const row *row;
    void *(*alloc)(void *arg, size_t size);
    void *arg;
    char *error;
    size_t error_size;
} reader;

static bool fail(const reader *r, column at, const char *what)
{
    snprintf(r->error, r->error_size, "%s: %s", column_names[at], what);
    return false;
}

static bool read_time(const reader *r, column at, int64_t *ms)
{
    const cmp_str value = r->row->at[at];
    return value.at == NULL || value_time(value, ms) || fail(r, at, "a time is expected");
}

static bool read_numbers(const reader *r, cmp_record *record)
{
    const cmp_str ttl = r->row->at[COLUMN_TTL];
    int64_t ttl_s;
    if (ttl.at != NULL) {
        if (!value_integer(ttl, &ttl_s) || ttl_s < 0 || ttl_s > TTL_MAX) {
            return fail(r, COLUMN_TTL, "a whole number of seconds, at most a year, is expected");
        }
        record->ttl_s = (uint32_t)ttl_s;
    }
    if (!read_time(r, COLUMN_NOT_BEFORE, &record->not_before_ms) ||
        !read_time(r, COLUMN_NOT_AFTER, &record->not_after_ms)) {
        return false;
    }
    if (record->not_before_ms != CMP_TIME_MIN && record->not_before_ms >= record->not_after_ms) {
        return fail(r, COLUMN_NOT_AFTER, "must be later than not_before");
    }
    return true;
}

static bool read_status(const reader *r, cmp_record *record)
{
    const cmp_str status = r->row->at[COLUMN_STATUS];
    if (status.at == NULL || cmp_str_equal(status, CMP_STR("active"))) {
        record->status = CMP_RECORD_ACTIVE;
    } else if (cmp_str_equal(status, CMP_STR("revoked"))) {
        record->status = CMP_RECORD_REVOKED;
    } else {
        return fail(r, COLUMN_STATUS, "active or revoked is expected");
    }
    return true;
}

/* Both strings in one piece of memory. Copied, as a row is gone with the driver's next step. */
static bool read_strings(const reader *r, cmp_record *record)
{
    const cmp_str content = r->row->at[COLUMN_CONTENT], type = r->row->at[COLUMN_CONTENT_TYPE];
    if (content.at != NULL &&
        (content.size == 0 || content.size > CONTENT_MAX || !value_is_text(content))) {
        return fail(r, COLUMN_CONTENT, "1 to 65536 octets of UTF-8 are expected");
    }
    if (type.at != NULL &&
        (type.size == 0 || type.size > CONTENT_TYPE_MAX || !kit_ascii_visible(type))) {
        return fail(r, COLUMN_CONTENT_TYPE, "1 to 64 octets of visible ASCII are expected");
    }
    char *memory = r->alloc(r->arg, content.size + type.size + 1);
    if (content.at != NULL) {
        memcpy(memory, content.at, content.size);
        record->content = (cmp_str){memory, content.size};
    }
    if (type.at != NULL) {
        memcpy(memory + content.size, type.at, type.size);
        record->content_type = (cmp_str){memory + content.size, type.size};
    }
    return true;
}

/* What is judged best by the host, as the JSON text of a small record: no value of a column gets
 * into it unquoted but the variants, and only its transferred_to and its variants are used. */
static buffer small_record(const row *r)
{
    const cmp_str host = r->at[COLUMN_TRANSFERRED_TO], variants = r->at[COLUMN_VARIANTS];
    buffer json = {.at = NULL};
    buffer_add(&json, "{\"ici\":\"x\"", 10);
    if (r->at[COLUMN_CONTENT].at != NULL) {
        buffer_add(&json, ",\"content\":\"x\"", 14);
    }
    if (host.at != NULL) {
        buffer_add(&json, ",\"transferred_to\":\"", 19);
        buffer_add(&json, host.at, host.size);
        buffer_add(&json, "\"", 1);
    }
    if (variants.at != NULL) {
        buffer_add(&json, ",\"variants\":", 12);
        buffer_add(&json, variants.at, variants.size);
    }
    buffer_add(&json, "}", 1);
    return json;
}

static bool read_rest(const reader *r, cmp_record *record)
{
    const cmp_str host = r->row->at[COLUMN_TRANSFERRED_TO];
    if (host.at != NULL &&
        (host.size == 0 || !kit_ascii_visible(host) || memchr(host.at, '"', host.size) != NULL ||
         memchr(host.at, '\\', host.size) != NULL)) {
        return fail(r, COLUMN_TRANSFERRED_TO, "a fully qualified host name is expected");
    }
    cmp_str ici;
    cmp_record parsed;
    buffer json = small_record(r->row);
    const bool good = r->host->record_parse(r->host, json.at, json.size, r->alloc, r->arg, &ici,
                                            &parsed, r->error, r->error_size);
    if (good) {
        record->transferred_to = parsed.transferred_to;
        record->variants = parsed.variants;
        record->variant_count = parsed.variant_count;
    }
    free(json.at);
    return good;
}

bool row_read(const cmp_host *host, const row *r, void *(*alloc)(void *arg, size_t size), void *arg,
              cmp_record *record, char *error, size_t error_size)
{
    const reader in = {host, r, alloc, arg, error, error_size};
    *record = CMP_RECORD_INIT;
    if (!read_numbers(&in, record) || !read_status(&in, record) || !read_strings(&in, record)) {
        return false;
    }
    if (r->at[COLUMN_TRANSFERRED_TO].at != NULL || r->at[COLUMN_VARIANTS].at != NULL) {
        return read_rest(&in, record);
    }
    return record->content.at != NULL ||
           fail(&in, COLUMN_CONTENT, "is NULL, and so is transferred_to");
}

/* ---- scans ---- */

row_result row_visit(const cmp_host *host, cmp_str ici, const row *r, cmp_store_visit visit,
                     void *arg, char *error, size_t error_size)
{
    alignas(max_align_t) char first[RECORD_SIZE];
    kit_arena memory;
    cmp_record record;
    char why[200];
    row_result result = ROW_BAD;
    kit_arena_init(&memory, first, sizeof(first));
    if (row_read(host, r, kit_arena_take, &memory, &record, why, sizeof(why))) {
        result = visit(ici, &record, arg) ? ROW_NEXT : ROW_STOP;
    } else {
        snprintf(error, error_size, "the row of %.*s: %s", (int)ici.size, ici.at, why);
    }
    kit_arena_reset(&memory);
    return result;
}

/* ---- a record's variants ---- */

/* The array that begins at `at`, up to its own closing bracket. */
static size_t array_size(const char *at, size_t size)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        if (quoted) {
            quoted = at[i] != '"';
            i += at[i] == '\\';
            continue;
        }
        quoted = at[i] == '"';
        depth += at[i] == '[' || at[i] == '{';
        depth -= at[i] == ']' || at[i] == '}';
        if (depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

void variants_write(const cmp_host *host, const cmp_record *record, buffer *scratch, buffer *json)
{
    /* The host writes a whole record, of which the array is cut out: there is one writer of
     * variants, and it is not here. */
    static const char member[] = "\"variants\":";
    cmp_record small = CMP_RECORD_INIT;
    small.content = CMP_STR("x");
    small.variants = record->variants;
    small.variant_count = record->variant_count;
    scratch->size = 0;
    const size_t size = host->record_write(host, CMP_STR("x"), &small, NULL, 0);
    char *at = buffer_room(scratch, size + 1);
    host->record_write(host, CMP_STR("x"), &small, at, size);
    at[size] = '\0';
    const char *array = strstr(at, member);
    if (array != NULL) {
        array += sizeof(member) - 1;
        buffer_add(json, array, array_size(array, size - (size_t)(array - at)));
    }
}
