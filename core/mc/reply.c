/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of answers (SPEC 3): the last thing that is made of a transaction. Each body is one
 * function, run once to count its octets and once to write them. */
#include "mc/reply.h"

#include "mc/json_write.h"

/* The order of the members is part of what we promise: tests and logs of peers compare texts. */

static json_out resolved(const reply_resolved *r, json_out out)
{
    json_put(&out, CMP_STR("{\"tid\":"));
    json_put_string(&out, r->tid);
    json_put(&out, CMP_STR(",\"ici\":"));
    json_put_string(&out, r->ici);
    json_put(&out, CMP_STR(",\"status\":\"resolved\",\"content\":"));
    json_put_string(&out, r->content);
    json_put(&out, CMP_STR(",\"content_type\":"));
    json_put_string(&out, r->content_type);
    json_put(&out, CMP_STR(",\"ttl\":"));
    json_put_number(&out, r->ttl_s);
    if (r->language.at != NULL) {
        json_put(&out, CMP_STR(",\"language\":"));
        json_put_string(&out, r->language);
    }
    json_put(&out, CMP_STR("}"));
    return out;
}

size_t reply_resolved_size(const reply_resolved *r, bool *plain)
{
    const json_out out = resolved(r, (json_out){.to = NULL});
    *plain = !out.escaped;
    return out.size;
}

void reply_resolved_write(const reply_resolved *r, bool plain, char *to)
{
    resolved(r, (json_out){.to = to, .plain = plain});
}

static size_t referral(const reply_referral *r, char *to)
{
    json_out out = {.to = to};
    json_put(&out, CMP_STR("{\"tid\":"));
    json_put_string(&out, r->tid);
    json_put(&out, CMP_STR(",\"ici\":"));
    json_put_string(&out, r->ici);
    json_put(&out, CMP_STR(",\"status\":\"referral\""));
    if (r->prefix.at != NULL) {
        json_put(&out, CMP_STR(",\"prefix\":"));
        json_put_string(&out, r->prefix);
    }
    json_put(&out, CMP_STR(",\"addr\":"));
    json_put_string(&out, r->addr);
    json_put(&out, CMP_STR(",\"ttl\":"));
    json_put_number(&out, r->ttl_s);
    json_put(&out, CMP_STR("}"));
    return out.size;
}

size_t reply_referral_size(const reply_referral *r)
{
    return referral(r, NULL);
}

void reply_referral_write(const reply_referral *r, char *to)
{
    referral(r, to);
}

/* Code words come from a table of ours and hold nothing to escape. `tid` and `parameter` are a
 * stranger's, and are escaped. */
static size_t problem(const reply_problem *r, char *to)
{
    const error_info *info = error_info_of(r->code);
    json_out out = {.to = to};
    json_put(&out, CMP_STR("{\"type\":\"urn:cmpd:error:"));
    json_put(&out, cmp_str_from(info->code));
    json_put(&out, CMP_STR("\",\"title\":"));
    json_put_string(&out, cmp_str_from(info->title));
    json_put(&out, CMP_STR(",\"status\":"));
    json_put_number(&out, (uint64_t)info->status);
    if (r->detail.at != NULL) {
        json_put(&out, CMP_STR(",\"detail\":"));
        json_put_string(&out, r->detail);
    }
    if (r->tid.at != NULL) {
        json_put(&out, CMP_STR(",\"tid\":"));
        json_put_string(&out, r->tid);
    }
    json_put(&out, CMP_STR(",\"code\":\""));
    json_put(&out, cmp_str_from(info->code));
    json_put(&out, CMP_STR("\""));
    if (r->parameter.at != NULL) {
        json_put(&out, CMP_STR(",\"parameter\":"));
        json_put_string(&out, r->parameter);
    }
    json_put(&out, CMP_STR("}"));
    return out.size;
}

size_t reply_problem_size(const reply_problem *r)
{
    return problem(r, NULL);
}

void reply_problem_write(const reply_problem *r, char *to)
{
    problem(r, to);
}
