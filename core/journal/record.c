/* SPDX-License-Identifier: Apache-2.0 */
/* See record.h; the octets are described in cmpd-journal(5). */
#include "journal/record.h"

#include "journal/octets.h"

const char *const journal_verdict_names[] = {
#define X(name, word) [JOURNAL_##name] = (word),
    JOURNAL_VERDICTS(X)
#undef X
        [JOURNAL_VERDICT_MAX] = NULL};

const char *const journal_kind_names[] = {[0] = "both",
                                          [JOURNAL_TRANSACTION] = "transaction",
                                          [JOURNAL_ATTEMPT] = "attempt",
                                          [JOURNAL_REJECTION] = "rejection",
                                          NULL};

const char *const journal_text_names[] = {
#define X(name, word) [JOURNAL_##name] = (word),
    JOURNAL_TEXTS(X)
#undef X
        [JOURNAL_TEXT_MAX] = NULL};

const char *const journal_personal_names[] = {
    [JOURNAL_USER] = "user",     [JOURNAL_AGE] = "age",   [JOURNAL_INCOME] = "income",
    [JOURNAL_GENDER] = "gender", [JOURNAL_POST] = "post", [JOURNAL_PERSONAL_MAX] = NULL};

const cmp_param journal_personal_params[] = {[JOURNAL_USER] = CMP_PARAM_USER,
                                             [JOURNAL_AGE] = CMP_PARAM_AGE,
                                             [JOURNAL_INCOME] = CMP_PARAM_INCOME,
                                             [JOURNAL_GENDER] = CMP_PARAM_GENDER,
                                             [JOURNAL_POST] = CMP_PARAM_POST};

#define STEP_NAME_SIZE 32 /* octets of a step's name */

_Static_assert(JOURNAL_RECORD_HEAD + 8 * OCTETS_VARINT_MAX +
                       JOURNAL_TEXT_MAX * (JOURNAL_TEXT_SIZE + 2) +
                       JOURNAL_WAITS_MAX * (STEP_NAME_SIZE + 12) + 4 +
                       JOURNAL_PERSONAL_MAX * JOURNAL_PSEUDONYM_SIZE <=
                   JOURNAL_RECORD_MAX,
               "every record fits");
_Static_assert(JOURNAL_TEXT_MAX <= 16, "each has a bit");

/* ---- writing ---- */

static uint8_t *put_text(uint8_t *to, cmp_str text, size_t most)
{
    const size_t size = text.size < most ? text.size : most;
    to = octets_put_varint(to, size);
    return octets_put_text(to, text.at, size);
}

static uint8_t *put_waits(uint8_t *to, const journal_record *r)
{
    to = octets_put_varint(to, r->wait_count);
    for (size_t i = 0; i < r->wait_count; i++) {
        const journal_wait *w = &r->waits[i];
        to = put_text(to, w->step, STEP_NAME_SIZE);
        to = octets_put_varint(to, w->after_us);
        to = octets_put_varint(to, (uint64_t)w->took_us << 1 | w->synchronous);
    }
    return to;
}

static uint8_t *put_pseudonyms(uint8_t *to, const journal_record *r)
{
    *to++ = (uint8_t)r->pseudonyms;
    if (r->pseudonyms != 0) {
        to = octets_put32(to, r->key);
    }
    for (unsigned left = r->pseudonyms; left != 0; left &= left - 1) {
        memcpy(to, r->personal[__builtin_ctz(left)], JOURNAL_PSEUDONYM_SIZE);
        to += JOURNAL_PSEUDONYM_SIZE;
    }
    return to;
}

size_t journal_record_write(const journal_record *r, uint8_t *at)
{
    uint8_t *to = at + JOURNAL_RECORD_HEAD;
    to = octets_put_varint(to, r->took_us);
    to = octets_put_varint(to, r->status);
    to = octets_put_varint(to, r->attempt);
    to = octets_put_varint(to, r->octets_in);
    to = octets_put_varint(to, r->octets_out);
    for (unsigned left = r->present; left != 0; left &= left - 1) {
        to = put_text(to, r->texts[__builtin_ctz(left)], JOURNAL_TEXT_SIZE);
    }
    to = put_waits(to, r);
    to = put_pseudonyms(to, r);
    const size_t size = (size_t)(to - at);
    octets_put16(at, (uint16_t)size);
    at[2] = (uint8_t)r->kind;
    at[3] = r->interface;
    at[4] = (uint8_t)r->verdict;
    at[5] = 0;
    octets_put16(at + 6, (uint16_t)r->present);
    octets_put64(at + 8, (uint64_t)r->when_us);
    octets_put32(at + 16, r->lost);
    return size;
}

/* ---- reading ---- */

typedef struct input {
    const uint8_t *at, *end;
    bool good;
} input;

static uint64_t get_number(input *in, uint64_t max)
{
    uint64_t number = 0;
    in->good = in->good && octets_get_varint(&in->at, in->end, &number) && number <= max;
    return in->good ? number : 0;
}

static const uint8_t *get_octets(input *in, size_t size)
{
    in->good = in->good && (size_t)(in->end - in->at) >= size;
    if (!in->good) {
        return NULL;
    }
    const uint8_t *at = in->at;
    in->at += size;
    return at;
}

static cmp_str get_text(input *in, size_t most)
{
    const size_t size = get_number(in, most);
    const uint8_t *at = get_octets(in, size);
    return at != NULL ? (cmp_str){(const char *)at, size} : CMP_NONE;
}

static void get_waits(input *in, journal_record *r)
{
    r->wait_count = get_number(in, JOURNAL_WAITS_MAX);
    for (size_t i = 0; i < r->wait_count; i++) {
        journal_wait *w = &r->waits[i];
        w->step = get_text(in, STEP_NAME_SIZE);
        w->after_us = (uint32_t)get_number(in, UINT32_MAX);
        const uint64_t took = get_number(in, (uint64_t)UINT32_MAX << 1 | 1);
        w->took_us = (uint32_t)(took >> 1);
        w->synchronous = (took & 1) != 0;
    }
}

static void get_pseudonyms(input *in, journal_record *r)
{
    const uint8_t *present = get_octets(in, 1);
    r->pseudonyms = present != NULL ? *present : 0;
    if (r->pseudonyms == 0) {
        return;
    }
    in->good = in->good && r->pseudonyms >> JOURNAL_PERSONAL_MAX == 0;
    const uint8_t *key = get_octets(in, 4);
    r->key = key != NULL ? octets_get32(key) : 0;
    for (int i = 0; i < JOURNAL_PERSONAL_MAX; i++) {
        if ((r->pseudonyms >> i & 1) != 0) {
            const uint8_t *at = get_octets(in, JOURNAL_PSEUDONYM_SIZE);
            if (at != NULL) {
                memcpy(r->personal[i], at, JOURNAL_PSEUDONYM_SIZE);
            }
        }
    }
}

bool journal_record_read(const uint8_t *at, size_t size, journal_record *r)
{
    if (size < JOURNAL_RECORD_HEAD || journal_record_size(at) != size ||
        at[2] < JOURNAL_TRANSACTION || at[2] > JOURNAL_REJECTION || at[4] >= JOURNAL_VERDICT_MAX) {
        return false;
    }
    r->kind = (journal_kind)at[2];
    r->interface = at[3] < CMP_INTERFACE_MAX ? at[3] : JOURNAL_NO_INTERFACE;
    r->verdict = (journal_verdict)at[4];
    r->when_us = (int64_t)octets_get64(at + 8);
    r->lost = octets_get32(at + 16);
    input in = {.at = at + JOURNAL_RECORD_HEAD, .end = at + size, .good = true};
    r->took_us = get_number(&in, INT64_MAX);
    r->status = (unsigned)get_number(&in, 999);
    r->attempt = (unsigned)get_number(&in, UINT32_MAX);
    r->octets_in = get_number(&in, INT64_MAX);
    r->octets_out = get_number(&in, INT64_MAX);
    r->present = octets_get16(at + 6);
    for (int i = 0; i < JOURNAL_TEXT_MAX; i++) {
        r->texts[i] = (r->present >> i & 1) != 0 ? get_text(&in, JOURNAL_TEXT_SIZE) : CMP_NONE;
    }
    get_waits(&in, r);
    get_pseudonyms(&in, r);
    return in.good && r->present >> JOURNAL_TEXT_MAX == 0;
}
