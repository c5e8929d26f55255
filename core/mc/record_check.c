/* SPDX-License-Identifier: Apache-2.0 */
/* What a record must be before anything of ours looks into it: a plugin has filled it, and a
 * plugin's mistake must cost its own requests only. */
#include "mc/record.h"

#include "base/names.h"
#include "mc/json_plain.h"

#include <cmp-kit/text.h>

#include <stdarg.h>
#include <stdio.h>

#define VALUE_MAX ((size_t)4096) /* of a condition: what a contextual parameter may have */
#define NAME_MAX  ((size_t)64)

/* Where the message goes, and what of the record is looked at: "", or "variants[3].". */
typedef struct finding {
    char *error;
    size_t size;
    char place[48];
} finding;

static bool fail(finding *f, const char *member, const char *format, ...) CMP_PRINTF(3, 4);
static bool fail(finding *f, const char *member, const char *format, ...)
{
    const int size = snprintf(f->error, f->size, "%s%s: ", f->place, member);
    if (size >= 0 && (size_t)size < f->size) {
        va_list args;
        va_start(args, format);
        vsnprintf(f->error + size, f->size - (size_t)size, format, args);
        va_end(args);
    }
    return false;
}

/* Nothing is read before its place and its size are known to be good. */
static bool sized(finding *f, const char *member, cmp_str text, size_t max)
{
    if (text.at == NULL) {
        fail(f, member, "%zu octets at no address", text.size);
        return false;
    }
    return (text.size > 0 && text.size <= max) ||
           fail(f, member, "%zu octets, expected are 1 to %zu", text.size, max);
}

/* Nearly all texts are plain ASCII, which one look at eight octets after the other tells. */
static bool text_good(finding *f, const char *member, cmp_str text, size_t max)
{
    if (!sized(f, member, text, max)) {
        return false;
    }
    if (json_plain_run(text) == text.size) {
        return true;
    }
    return (kit_utf8_valid(text) && memchr(text.at, '\0', text.size) == NULL) ||
           fail(f, member, "is no UTF-8, or has a NUL in it");
}

static bool type_good(finding *f, cmp_str type)
{
    if (type.at == NULL && type.size == 0) {
        return true;
    }
    return sized(f, "content_type", type, CMP_CONTENT_TYPE_MAX) &&
           (kit_ascii_visible(type) || fail(f, "content_type", "is not visible ASCII"));
}

static bool conditions_good(finding *f, const cmp_variant *v)
{
    if (v->conditions == NULL || v->condition_count == 0 ||
        v->condition_count > CMP_CONDITIONS_MAX) {
        return fail(f, "conditions", "%zu at %s, expected are 1 to %zu", v->condition_count,
                    v->conditions == NULL ? "no address" : "an address", CMP_CONDITIONS_MAX);
    }
    for (size_t i = 0; i < v->condition_count; i++) {
        const cmp_condition *c = &v->conditions[i];
        /* A value may be empty, where it is that of a contextual parameter. */
        const bool empty = c->value.at != NULL && c->value.size == 0;
        if (!text_good(f, "condition's name", c->name, NAME_MAX) ||
            (!empty && !text_good(f, "condition's value", c->value, VALUE_MAX))) {
            return false;
        }
    }
    return true;
}

static bool variants_good(finding *f, const cmp_record *r)
{
    if (r->variants == NULL || r->variant_count > CMP_VARIANTS_MAX) {
        return fail(f, "variants", "%zu at %s, expected are at most %zu", r->variant_count,
                    r->variants == NULL ? "no address" : "an address", CMP_VARIANTS_MAX);
    }
    for (size_t i = 0; i < r->variant_count; i++) {
        const cmp_variant *v = &r->variants[i];
        snprintf(f->place, sizeof(f->place), "variants[%zu].", i);
        if (!text_good(f, "content", v->content, CMP_CONTENT_MAX) ||
            !type_good(f, v->content_type) || !conditions_good(f, v)) {
            return false;
        }
    }
    f->place[0] = '\0';
    return true;
}

/* A transferred code has no content here: two answers in one would depend on who reads them. */
static bool transfer_good(finding *f, const cmp_record *r)
{
    if (r->content.at != NULL || r->content.size != 0) {
        return fail(f, "transferred_to", "is there, and content too");
    }
    if (r->variant_count != 0) {
        return fail(f, "variants", "a transferred code has none");
    }
    return sized(f, "transferred_to", r->transferred_to, CMP_CONTENT_MAX) &&
           (host_valid(r->transferred_to) ||
            fail(f, "transferred_to", "is no fully qualified host name"));
}

static bool content_good(finding *f, const cmp_record *r)
{
    return text_good(f, "content", r->content, CMP_CONTENT_MAX) && type_good(f, r->content_type);
}

bool record_check(const cmp_record *r, char *error, size_t error_size)
{
    finding f = {.error = error, .size = error_size};
    const bool transferred = r->transferred_to.at != NULL || r->transferred_to.size != 0;
    if (!(transferred ? transfer_good(&f, r) : content_good(&f, r))) {
        return false;
    }
    if (r->variant_count != 0 && !variants_good(&f, r)) {
        return false;
    }
    if ((unsigned)r->status > CMP_RECORD_REVOKED) {
        return fail(&f, "status", "%u is none", (unsigned)r->status);
    }
    if (r->ttl_s > CMP_TTL_MAX && r->ttl_s != CMP_TTL_UNSET) {
        return fail(&f, "ttl_s", "%u seconds, expected are at most %u", r->ttl_s, CMP_TTL_MAX);
    }
    return r->not_before_ms == CMP_TIME_MIN || r->not_before_ms < r->not_after_ms ||
           fail(&f, "not_after_ms", "is not later than not_before_ms");
}

bool record_ici_valid(cmp_str ici)
{
    return ici.at != NULL && ici.size > 0 && ici.size <= CMP_ICI_MAX && kit_ascii_visible(ici);
}
