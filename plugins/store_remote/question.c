/* SPDX-License-Identifier: Apache-2.0 */
/* From ICIs to a request's body, and from the answer's records back to them. */
#include "question.h"

#include "split.h"

#include <stdio.h>
#include <stdlib.h>

question *question_create(size_t items)
{
    return kit_calloc(1, sizeof(question) + items * sizeof(item));
}

void question_destroy(question **q)
{
    if (*q != NULL) {
        kit_arena_reset(&(*q)->memory);
        free(*q);
        *q = NULL;
    }
}

/* A walk will do: they are 64 as a rule and 256 at most (`batch`). */
static item *find(question *q, cmp_str ici)
{
    for (size_t i = 0; i < q->count; i++) {
        if (cmp_str_equal(q->items[i].ici, ici)) {
            return &q->items[i];
        }
    }
    return NULL;
}

item *question_item(question *q, cmp_str ici)
{
    item *known = find(q, ici);
    if (known != NULL) {
        return known;
    }
    item *made = &q->items[q->count++];
    *made = (item){.ici = kit_arena_copy(&q->memory, ici)};
    return made;
}

/* Those who wait go along. */
static void move(item *to, const item *from)
{
    *to = *from;
    if (to->first != NULL) {
        to->first->previous = &to->first;
    }
}

void question_compact(question *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->count; i++) {
        if (q->items[i].first != NULL) {
            move(&q->items[kept++], &q->items[i]);
        }
    }
    q->count = kept;
}

question *question_halve(question *q)
{
    const size_t left = q->count / 2;
    question *half = question_create(q->count - left);
    half->owner = q->owner;
    for (size_t i = left; i < q->count; i++) {
        item *moved = &half->items[half->count++];
        move(moved, &q->items[i]);
        moved->ici = kit_arena_copy(&half->memory, moved->ici);
    }
    q->count = left;
    return half;
}

/* ---- the request ---- */

static size_t octets_of(const question *q)
{
    size_t size = 0;
    for (size_t i = 0; i < q->count; i++) {
        size += q->items[i].ici.size;
    }
    return size;
}

static char *put(char *to, cmp_str text)
{
    memcpy(to, text.at, text.size);
    return to + text.size;
}

/* An ICI is visible ASCII, so that only two of its characters have to be escaped. */
static char *put_quoted(char *to, cmp_str ici)
{
    *to++ = '"';
    for (size_t i = 0; i < ici.size; i++) {
        if (ici.at[i] == '"' || ici.at[i] == '\\') {
            *to++ = '\\';
        }
        *to++ = ici.at[i];
    }
    *to++ = '"';
    return to;
}

cmp_str question_body(question *q)
{
    const cmp_str head = CMP_STR("{\"icis\":["), tail = CMP_STR("]}");
    /* At most: every character escaped, and quotes and a comma for each ICI. */
    char *text =
        kit_arena_alloc(&q->memory, head.size + 2 * octets_of(q) + 3 * q->count + tail.size);
    char *to = put(text, head);
    for (size_t i = 0; i < q->count; i++) {
        if (i > 0) {
            *to++ = ',';
        }
        to = put_quoted(to, q->items[i].ici);
    }
    to = put(to, tail);
    return (cmp_str){text, (size_t)(to - text)};
}

/* What is signed in the place of the ici (9.3.2); a line end is in no ICI. */
cmp_str question_lines(question *q)
{
    char *text = kit_arena_alloc(&q->memory, octets_of(q) + q->count), *to = text;
    for (size_t i = 0; i < q->count; i++) {
        if (i > 0) {
            *to++ = '\n';
        }
        to = put(to, q->items[i].ici);
    }
    return (cmp_str){text, (size_t)(to - text)};
}

/* ---- the answer ---- */

static answer_result take_record(question *q, const cmp_host *host, cmp_str json, char *why,
                                 size_t why_size)
{
    char error[256];
    cmp_str ici = CMP_NONE;
    cmp_record record = CMP_RECORD_INIT;
    if (!host->record_parse(host, json.at, json.size, kit_arena_take, &q->memory, &ici, &record,
                            error, sizeof(error))) {
        snprintf(why, why_size, "a record cannot be read: %s", error);
        return ANSWER_PARTLY;
    }
    /* A server that says what it was not asked mixes answers up: none of this one is believed. */
    item *asked = find(q, ici);
    if (asked == NULL || asked->found) {
        snprintf(why, why_size,
                 asked == NULL ? "a record came that was not asked for" : "a record came twice");
        return ANSWER_BAD;
    }
    asked->found = true;
    asked->record = record;
    return ANSWER_GOOD;
}

answer_result question_answer(question *q, const cmp_host *host, cmp_str body, char *why,
                              size_t why_size)
{
    answer_result result = ANSWER_GOOD;
    split s;
    cmp_str json;
    split_open(&s, body);
    while (result != ANSWER_BAD && split_next(&s, &json)) {
        const answer_result one = take_record(q, host, json, why, why_size);
        result = one > result ? one : result; /* the worst one counts */
    }
    if (result != ANSWER_BAD && !split_good(&s)) {
        snprintf(why, why_size, "the answer is no {\"records\":[…]}");
        result = ANSWER_BAD;
    }
    return result;
}
