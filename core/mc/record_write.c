/* SPDX-License-Identifier: Apache-2.0 */
/* The code record as JSON text, the counterpart of record.c; for exports and remote stores. */
#include "mc/record.h"

#include "mc/json_write.h"

#include <cmp-kit/times.h>

static void put_member(json_out *out, const char *name, cmp_str value)
{
    if (value.at != NULL) {
        json_put(out, CMP_STR(",\""));
        json_put(out, cmp_str_from(name));
        json_put(out, CMP_STR("\":"));
        json_put_string(out, value);
    }
}

/* The two ends of time stand for "no bound", and are written by being left out. */
static void put_time(json_out *out, const char *name, int64_t ms)
{
    if (ms != CMP_TIME_MIN && ms != CMP_TIME_MAX) {
        char text[KIT_TIME_TEXT_SIZE];
        kit_time_format(ms, text);
        put_member(out, name, cmp_str_from(text));
    }
}

static void put_variant(json_out *out, const cmp_variant *v)
{
    json_put(out, CMP_STR("{\"when\":{"));
    for (size_t i = 0; i < v->condition_count; i++) {
        json_put(out, i > 0 ? CMP_STR(",") : CMP_STR(""));
        json_put_string(out, v->conditions[i].name);
        json_put(out, CMP_STR(":"));
        json_put_string(out, v->conditions[i].value);
    }
    json_put(out, CMP_STR("}"));
    put_member(out, "content", v->content);
    put_member(out, "content_type", v->content_type);
    json_put(out, CMP_STR("}"));
}

static void put_variants(json_out *out, const cmp_record *r)
{
    json_put(out, CMP_STR("["));
    for (size_t i = 0; i < r->variant_count; i++) {
        json_put(out, i > 0 ? CMP_STR(",") : CMP_STR(""));
        put_variant(out, &r->variants[i]);
    }
    json_put(out, CMP_STR("]"));
}

static void put_record(json_out *out, cmp_str ici, const cmp_record *r)
{
    json_put(out, CMP_STR("{\"ici\":"));
    json_put_string(out, ici);
    put_member(out, "content", r->content);
    put_member(out, "content_type", r->content_type);
    put_member(out, "transferred_to", r->transferred_to);
    if (r->ttl_s != CMP_TTL_UNSET) {
        json_put(out, CMP_STR(",\"ttl\":"));
        json_put_number(out, r->ttl_s);
    }
    if (r->status == CMP_RECORD_REVOKED) {
        put_member(out, "status", CMP_STR("revoked"));
    }
    put_time(out, "not_before", r->not_before_ms);
    put_time(out, "not_after", r->not_after_ms);
    if (r->variant_count > 0) {
        json_put(out, CMP_STR(",\"variants\":"));
        put_variants(out, r);
    }
    json_put(out, CMP_STR("}"));
}

/* Counted first, so that nothing is written that ends in the middle; the caller makes room and
 * comes again. */
size_t record_write(cmp_str ici, const cmp_record *record, char *json, size_t room)
{
    json_out out = {.to = NULL};
    put_record(&out, ici, record);
    const size_t size = out.size;
    if (size <= room) {
        out = (json_out){.to = json};
        put_record(&out, ici, record);
    }
    return size;
}
