/* SPDX-License-Identifier: Apache-2.0 */
/* See said.h. In the order of cost: numbers, then places and sizes, then octets. */
#include "pipeline/said.h"

#include "base/log_limit.h"
#include "base/names.h"
#include "mc/record.h"
#include "observe/counters.h"
#include "plugin/headers_check.h"

#include <cmp-kit/prefixes.h>
#include <cmp-kit/text.h>

#include <stdarg.h>
#include <stdio.h>

#define SAID_NAME_MAX ((size_t)256) /* of a peer, and of a credential */
#define APIKEYID_MAX  ((size_t)128) /* as in a keyring */

static log_limit mistakes = {
    .level = CMP_LOG_ERROR,
    .what = "bad answers",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static bool fail(char *fault, const char *format, ...) CMP_PRINTF(2, 3);
static bool fail(char *fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(fault, SAID_FAULT_MAX, format, args);
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

static bool verify_good(int verdict, const operation_answer *answer, char *fault)
{
    const cmp_auth_answer *a = &answer->auth;
    switch ((cmp_auth_verdict)verdict) {
    case CMP_AUTH_ACCEPT:
        if ((unsigned)a->once > CMP_ONCE_IDENTICAL) {
            return fail(fault, "once: %u is none", (unsigned)a->once);
        }
        return sized(fault, "peer", a->peer, SAID_NAME_MAX) &&
               (is_absent(a->credential) ||
                visible(fault, "credential", a->credential, SAID_NAME_MAX));
    case CMP_AUTH_ABSTAIN:
        return is_absent(a->peer) || sized(fault, "peer", a->peer, SAID_NAME_MAX);
    default:
        return true;
    }
}

/* Signed by the pair of 9.3.2, by header fields, or by both. */
static bool sign_good(int verdict, const operation_answer *answer, char *fault)
{
    const cmp_signature *s = &answer->signature;
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

static bool lookup_good(int verdict, const operation_answer *answer, char *fault)
{
    return verdict != CMP_STORE_FOUND || record_check(&answer->record, fault, SAID_FAULT_MAX);
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

static bool route_good(int verdict, const operation_answer *answer, char *fault)
{
    const cmp_route_answer *a = &answer->route;
    switch ((cmp_route_verdict)verdict) {
    case CMP_ROUTE_REFUSE:
        return (unsigned)a->refusal <= CMP_REFUSE_UNKNOWN_ICI ||
               fail(fault, "refusal: %u is none", (unsigned)a->refusal);
    case CMP_ROUTE_FORWARD:
        return sized(fault, "peer", a->peer, SAID_NAME_MAX) &&
               (is_absent(a->addr) || host(fault, "addr", a->addr));
    case CMP_ROUTE_REFERRAL:
        return referral_good(a, fault);
    case CMP_ROUTE_ANSWER:
        return a->record != NULL ? record_check(a->record, fault, SAID_FAULT_MAX)
                                 : fail(fault, "record: there is none");
    default:
        return true;
    }
}

bool said_answer(const operation *what, int verdict, const operation_answer *answer,
                 char fault[SAID_FAULT_MAX])
{
    static bool (*const good[])(int verdict, const operation_answer *answer, char *fault) = {
        [RUNNING_VERIFY] = verify_good,
        [RUNNING_SIGN] = sign_good,
        [RUNNING_LOOKUP] = lookup_good,
        [RUNNING_ROUTE] = route_good,
    };
    if (verdict <= OPERATION_PENDING || verdict > what->last) {
        return fail(fault, "verdict: %d is none", verdict);
    }
    return good[what->function](verdict, answer, fault);
}

void said_wrong(const instance *i, const char *what, const char *fault)
{
    counter_add(i->bad_answers, 1);
    log_limited(&mistakes, cmp_str_from(i->name), what, NULL, 0, "%s: %s", what, fault);
}
