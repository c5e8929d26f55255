/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer answered to a request that we forwarded: the forwarder passes on, follows or refuses
 * what is found here. Nothing of an answer is used before all of it was checked. */
#include "mc/next_answer.h"

#include "base/names.h"
#include "mc/json_read.h"
#include "mc/record.h"

#include <cmp-kit/prefixes.h>
#include <cmp-kit/text.h>

/* As in record.c: what a store of ours may hold, another's may. */
#define CONTENT_MAX      ((size_t)65536)
#define CONTENT_TYPE_MAX ((size_t)64)
#define TTL_MAX          31536000 /* one year */

/* The members that mean something to us. Others are ignored: they come from newer peers. */
enum {
    TID,
    ICI,
    STATUS,
    CONTENT,
    CONTENT_TYPE,
    TTL,
    LANGUAGE,
    PREFIX,
    ADDR,
    CODE,
    MEMBER_MAX,
};

static const cmp_str names[MEMBER_MAX] = {
    [TID] = {"tid", 3},
    [ICI] = {"ici", 3},
    [STATUS] = {"status", 6},
    [CONTENT] = {"content", 7},
    [CONTENT_TYPE] = {"content_type", 12},
    [TTL] = {"ttl", 3},
    [LANGUAGE] = {"language", 8},
    [PREFIX] = {"prefix", 6},
    [ADDR] = {"addr", 4},
    [CODE] = {"code", 4},
};

/* One answer: what was sent, and the members that came. */
typedef struct reading {
    cmp_str tid, ici;
    json_member members[MEMBER_MAX];
    const char *detail;
} reading;

static bool fail(reading *r, const char *detail)
{
    r->detail = detail;
    return false;
}

/* ---- members ---- */

static bool read_members(reading *r, cmp_str body, kit_arena *a)
{
    json_in in;
    json_member m;
    json_open(&in, body, a);
    while (json_next(&in, &m)) {
        for (int i = 0; i < MEMBER_MAX; i++) {
            if (cmp_str_equal(names[i], m.key)) {
                r->members[i] = m;
                break;
            }
        }
    }
    return in.fault == JSON_FAULT_NONE || fail(r, json_fault_text(in.fault));
}

static bool present(const reading *r, int member)
{
    return r->members[member].kind != JSON_KIND_NONE;
}

/* Whether it is there, a string, and equal to the text. */
static bool is_text(const reading *r, int member, cmp_str text)
{
    return r->members[member].kind == JSON_KIND_STRING &&
           cmp_str_equal(r->members[member].value, text);
}

static bool read_content(reading *r, cmp_str *content)
{
    /* The reader of JSON lets nothing through that is no UTF-8. */
    const json_member *m = &r->members[CONTENT];
    if (m->kind != JSON_KIND_STRING || m->value.size == 0 || m->value.size > CONTENT_MAX) {
        return fail(r, "content is no string of 1 to 65536 octets");
    }
    *content = m->value;
    return true;
}

/* A peer that leaves it out means what we would say of such content. */
static bool read_content_type(reading *r, cmp_str content, cmp_str *type)
{
    const json_member *m = &r->members[CONTENT_TYPE];
    if (m->kind == JSON_KIND_NONE) {
        *type = record_content_type(&(cmp_record){.content = content}, NULL);
        return true;
    }
    if (m->kind != JSON_KIND_STRING || m->value.size == 0 || m->value.size > CONTENT_TYPE_MAX ||
        !kit_ascii_visible(m->value)) {
        return fail(r, "content_type is no string of 1 to 64 octets of visible ASCII");
    }
    *type = m->value;
    return true;
}

static bool read_ttl(reading *r, uint32_t *ttl_s)
{
    const json_member *m = &r->members[TTL];
    if (m->kind == JSON_KIND_NONE) {
        return true;
    }
    if (m->kind != JSON_KIND_INTEGER || m->number < 0 || m->number > TTL_MAX) {
        return fail(r, "ttl is no whole number of seconds from 0 to 31536000");
    }
    *ttl_s = (uint32_t)m->number;
    return true;
}

static bool letter(char c)
{
    const char lower = kit_ascii_lower(c);
    return lower >= 'a' && lower <= 'z';
}

static bool read_language(reading *r, cmp_str *language)
{
    const json_member *m = &r->members[LANGUAGE];
    if (m->kind == JSON_KIND_NONE) {
        return true;
    }
    if (m->kind != JSON_KIND_STRING || m->value.size != 2 || !letter(m->value.at[0]) ||
        !letter(m->value.at[1])) {
        return fail(r, "language is not two letters");
    }
    *language = m->value;
    return true;
}

static bool read_addr(reading *r, cmp_str *addr)
{
    const json_member *m = &r->members[ADDR];
    if (m->kind != JSON_KIND_STRING || !host_valid(m->value)) {
        return fail(r, "addr is no host name");
    }
    *addr = m->value;
    return true;
}

/* A referral for more than the registry was asked for would redirect what is not its own. */
static bool read_prefix(reading *r, cmp_str *prefix)
{
    const json_member *m = &r->members[PREFIX];
    if (m->kind == JSON_KIND_NONE) {
        return true;
    }
    kit_digits digits;
    if (m->kind != JSON_KIND_STRING || !kit_prefix_read(m->value, &digits)) {
        return fail(r, "prefix is no routing prefix");
    }
    if (m->value.size > r->ici.size ||
        !kit_ascii_equal_fold(m->value, (cmp_str){r->ici.at, m->value.size})) {
        return fail(r, "prefix does not head the ici");
    }
    *prefix = m->value;
    return true;
}

/* ---- answers ---- */

static bool read_resolved(reading *r, next_answer *n)
{
    reply_resolved *to = &n->resolved;
    to->tid = r->members[TID].value;
    to->ici = r->members[ICI].value;
    n->kind = NEXT_RESOLVED;
    return read_content(r, &to->content) && read_content_type(r, to->content, &to->content_type) &&
           read_ttl(r, &to->ttl_s) && read_language(r, &to->language);
}

static bool read_referral(reading *r, next_answer *n)
{
    reply_referral *to = &n->referral;
    to->tid = r->members[TID].value;
    to->ici = r->members[ICI].value;
    n->kind = NEXT_REFERRAL;
    return read_addr(r, &to->addr) && read_prefix(r, &to->prefix) && read_ttl(r, &to->ttl_s);
}

/* The pair is the proof that this is the answer to what was asked: connections are shared, and a
 * relay may mix them up. */
static bool read_success(reading *r, cmp_str content_type, cmp_str body, kit_arena *a,
                         next_answer *n)
{
    if (!kit_ascii_equal_fold(content_type, CMP_STR("application/json"))) {
        return fail(r, "the answer is not application/json");
    }
    /* One copy, so that all strings found in it are in the arena. */
    if (!read_members(r, kit_arena_copy(a, body), a)) {
        return false;
    }
    if (!is_text(r, TID, r->tid)) {
        return fail(r, present(r, TID) ? "answer is for another tid" : "tid is missing");
    }
    if (!is_text(r, ICI, r->ici)) {
        return fail(r, present(r, ICI) ? "answer is for another ici" : "ici is missing");
    }
    if (is_text(r, STATUS, CMP_STR("resolved"))) {
        return read_resolved(r, n);
    }
    if (is_text(r, STATUS, CMP_STR("referral"))) {
        return read_referral(r, n);
    }
    return fail(r, "status is neither resolved nor referral");
}

/* RFC 9457, with our own member `code`: without it nobody who speaks MC-3 has written this. */
static bool read_problem(reading *r, error_code code, cmp_str content_type, cmp_str body,
                         kit_arena *a, next_answer *n)
{
    const error_info *info = error_info_of(code);
    if (!kit_ascii_equal_fold(content_type, CMP_STR("application/problem+json"))) {
        return fail(r, "the problem is not application/problem+json");
    }
    if (!read_members(r, body, a)) {
        return false;
    }
    const json_member *status = &r->members[STATUS];
    if (status->kind != JSON_KIND_INTEGER || status->number != info->status) {
        return fail(r, "the problem's status is not that of HTTP");
    }
    if (!is_text(r, CODE, cmp_str_from(info->code))) {
        return fail(r, "the problem's code does not go with its status");
    }
    if (present(r, TID) && !is_text(r, TID, r->tid)) {
        return fail(r, "answer is for another tid");
    }
    n->kind = NEXT_PROBLEM;
    n->problem = code;
    return true;
}

/* Which of these go back and which become 502 is SPEC 5's, "The answer". 401 and 403 have texts of
 * their own, since our operator is the one who can mend them. */
static bool read_answer(reading *r, int status, cmp_str content_type, cmp_str body, kit_arena *a,
                        next_answer *n)
{
    switch (status) {
    case 200:
        return read_success(r, content_type, body, a, n);
    case 404:
        return read_problem(r, ERROR_UNKNOWN_ICI, content_type, body, a, n);
    case 410:
        return read_problem(r, ERROR_GONE, content_type, body, a, n);
    case 508:
        return read_problem(r, ERROR_LOOP_DETECTED, content_type, body, a, n);
    case 429:
    case 503:
        n->kind = NEXT_BUSY;
        return true;
    case 401:
        return fail(r, "status 401: the peer does not accept our signature");
    case 403:
        return fail(r, "status 403: the peer does not allow us to ask that");
    default:
        return fail(r, "an unexpected status");
    }
}

/* What was read of a bad answer is thrown away, so that nobody uses the good half of it. */
void next_answer_read(int status, cmp_str content_type, cmp_str body, cmp_str tid, cmp_str ici,
                      kit_arena *a, next_answer *n)
{
    reading r = {.tid = tid, .ici = ici};
    *n = (next_answer){.kind = NEXT_BAD};
    if (!read_answer(&r, status, content_type, body, a, n)) {
        *n = (next_answer){.kind = NEXT_BAD, .detail = r.detail};
    }
}
