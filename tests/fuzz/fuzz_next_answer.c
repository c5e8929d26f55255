/* SPDX-License-Identifier: Apache-2.0 */
/* Any octets as a next hop's answer: `STATUS CONTENT-TYPE`, a line feed, and the body. The reader
 * of JSON must agree with Jansson, and nothing is passed on that an answer must not hold. */
#include "../unit/json_check.h"

#include "base/names.h"
#include "mc/next_answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static const cmp_str tid = {"t-1", 3}, ici = {"1A0F1abc", 8};

static void resolved_check(const reply_resolved *r)
{
    must(cmp_str_equal(r->tid, tid) && cmp_str_equal(r->ici, ici));
    must(r->content.size > 0 && r->content.size <= 65536 && kit_utf8_valid(r->content));
    must(r->content_type.size > 0 && r->content_type.size <= 64 &&
         kit_ascii_visible(r->content_type));
    must(r->language.at == NULL || (r->language.size == 2 && kit_ascii_visible(r->language)));
    must(r->ttl_s <= 31536000);
}

static void referral_check(const reply_referral *r)
{
    must(cmp_str_equal(r->tid, tid) && cmp_str_equal(r->ici, ici));
    must(host_valid(r->addr) && r->ttl_s <= 31536000);
    must(r->prefix.at == NULL ||
         (r->prefix.size <= ici.size &&
          kit_ascii_equal_fold(r->prefix, (cmp_str){ici.at, r->prefix.size})));
}

static void answer_check(int status, const next_answer *n)
{
    must((n->detail != NULL) == (n->kind == NEXT_BAD));
    must((n->problem != ERROR_NONE) == (n->kind == NEXT_PROBLEM));
    switch (n->kind) {
    case NEXT_RESOLVED:
        must(status == 200);
        resolved_check(&n->resolved);
        break;
    case NEXT_REFERRAL:
        must(status == 200);
        referral_check(&n->referral);
        break;
    case NEXT_PROBLEM:
        must(error_info_of(n->problem)->status == status);
        break;
    case NEXT_BUSY:
        must(status == 429 || status == 503);
        break;
    case NEXT_BAD:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cmp_str body = {(const char *)data, size}, type = CMP_NONE;
    int64_t status = 0;
    const char *line_end = size > 4 ? memchr(data + 4, '\n', size - 4) : NULL;
    if (line_end != NULL && kit_number_parse((cmp_str){body.at, 3}, 0, 999, &status)) {
        type = (cmp_str){body.at + 4, (size_t)(line_end - body.at) - 4};
        body = (cmp_str){line_end + 1, size - type.size - 5};
    }
    kit_arena a;
    kit_arena_init(&a, NULL, 0);
    must(json_agrees(body, &a));
    next_answer n;
    next_answer_read((int)status, type, body, tid, ici, &a, &n);
    answer_check((int)status, &n);
    kit_arena_reset(&a);
    return 0;
}
