/* SPDX-License-Identifier: Apache-2.0 */
/* See answer_check.h. In the order of cost: numbers, then places and sizes, then octets. */
#include "plugin/answer_check.h"

#include "base/names.h"
#include "mc/record.h"
#include "plugin/headers_check.h"

#include <cmp-kit/prefixes.h>
#include <cmp-kit/text.h>

#include <stdarg.h>
#include <stdio.h>

#define NAME_SIZE_MAX ((size_t)256) /* of a peer, and of a credential */
#define APIKEYID_MAX  ((size_t)128) /* as in a keyring */

static bool fail(char *fault, const char *format, ...) CMP_PRINTF(2, 3);
static bool fail(char *fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(fault, ANSWER_FAULT_MAX, format, args);
    va_end(args);
    return false;
}

/* ---- texts ---- */

static bool is_absent(cmp_str text)
{
    return text.at == NULL && text.size == 0;
}

static bool sized(char *fault, const char *field, cmp_str text, size_t max)
{
    if (text.at == NULL) {
        fail(fault, "%s: %zu octets at no address", field, text.size);
        return false;
    }
    return (text.size > 0 && text.size <= max) ||
           fail(fault, "%s: %zu octets, expected are 1 to %zu", field, text.size, max);
}

static bool visible(char *fault, const char *field, cmp_str text, size_t max)
{
    return sized(fault, field, text, max) &&
           (kit_ascii_visible(text) || fail(fault, "%s: is not visible ASCII", field));
}

static bool host(char *fault, const char *field, cmp_str text)
{
    return sized(fault, field, text, SIZE_MAX) &&
           (host_valid(text) || fail(fault, "%s: is no fully qualified host name", field));
}

/* ---- answers ---- */

bool answer_check_verify(int verdict, const cmp_auth_answer *a, char fault[ANSWER_FAULT_MAX])
{
    switch ((cmp_auth_verdict)verdict) {
    case CMP_AUTH_ACCEPT:
        if ((unsigned)a->once > CMP_ONCE_IDENTICAL) {
            return fail(fault, "once: %u is none", (unsigned)a->once);
        }
        return sized(fault, "peer", a->peer, NAME_SIZE_MAX) &&
               (is_absent(a->credential) ||
                visible(fault, "credential", a->credential, NAME_SIZE_MAX));
    case CMP_AUTH_ABSTAIN:
        return is_absent(a->peer) || sized(fault, "peer", a->peer, NAME_SIZE_MAX);
    default:
        return true;
    }
}

/* Signed by the pair of 9.3.2, by header fields, or by both. */
bool answer_check_sign(int verdict, const cmp_signature *s, char fault[ANSWER_FAULT_MAX])
{
    if (verdict != CMP_SIGN_DONE) {
        return true;
    }
    if (!headers_check_added(s->headers, s->header_count)) {
        return fail(fault, "headers: are not what a signature may add");
    }
    if (is_absent(s->apikeyid) && s->size == 0 && s->header_count > 0) {
        return true;
    }
    /* The size before a single octet: it is what was sent of our own memory. */
    if (s->size == 0 || s->size > sizeof(s->text)) {
        return fail(fault, "size: %zu octets, expected are 1 to %zu", s->size, sizeof(s->text));
    }
    return visible(fault, "apikeyid", s->apikeyid, APIKEYID_MAX) &&
           visible(fault, "text", (cmp_str){s->text, s->size}, sizeof(s->text));
}

bool answer_check_lookup(int verdict, const cmp_record *record, char fault[ANSWER_FAULT_MAX])
{
    return verdict != CMP_STORE_FOUND || record_check(record, fault, ANSWER_FAULT_MAX);
}

static bool prefix(char *fault, cmp_str text)
{
    kit_digits digits;
    return sized(fault, "prefix", text, KIT_PREFIX_SIZE_MAX) &&
           (kit_prefix_read(text, &digits) || fail(fault, "prefix: is no routing prefix"));
}

static bool referral_good(const cmp_route_answer *a, char *fault)
{
    return host(fault, "addr", a->addr) && (is_absent(a->prefix) || prefix(fault, a->prefix)) &&
           (a->ttl_s <= CMP_TTL_MAX ||
            fail(fault, "ttl_s: %u seconds, expected are at most %u", a->ttl_s, CMP_TTL_MAX));
}

/* A transferred record has no content: where that is now is for a verdict of its own to say. */
static bool answered_good(const cmp_record *record, char *fault)
{
    if (record == NULL) {
        return fail(fault, "record: there is none");
    }
    return record_check(record, fault, ANSWER_FAULT_MAX) &&
           (is_absent(record->transferred_to) ||
            fail(fault, "record: is transferred: forward or refer"));
}

bool answer_check_route(int verdict, const cmp_route_answer *a, char fault[ANSWER_FAULT_MAX])
{
    switch ((cmp_route_verdict)verdict) {
    case CMP_ROUTE_REFUSE:
        return (unsigned)a->refusal <= CMP_REFUSE_UNKNOWN_ICI ||
               fail(fault, "refusal: %u is none", (unsigned)a->refusal);
    case CMP_ROUTE_FORWARD:
        return sized(fault, "peer", a->peer, NAME_SIZE_MAX) &&
               (is_absent(a->addr) || host(fault, "addr", a->addr));
    case CMP_ROUTE_REFERRAL:
        return referral_good(a, fault);
    case CMP_ROUTE_ANSWER:
        return answered_good(a->record, fault);
    default:
        return true;
    }
}
