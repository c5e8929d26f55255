/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's look-ups: gathered during a turn of its loop, sent together, answered one by one. */
#include "lookups.h"

#include "credential.h"
#include "question.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>

/* One worker's state; all on its thread. */
typedef struct worker {
    remote *remote;
    cmp_loop *loop;
    question *gathering; /* the look-ups of this turn, the newest question first */
    question *sent;      /* under way */
    question *answered;  /* the last one: its records are valid until control is in the loop */
    int64_t under_way;   /* look-ups */
    credential_keys keys;
} worker;

/* ---- log ---- */

static void say(const worker *w, const char *text)
{
    remote *r = w->remote;
    kit_trouble_say(&r->failures, r->host, "%s: %s", r->options->url, text);
}

/* ---- those who wait ---- */

static void waiting_add(const cmp_host *host, item *i, cmp_op op)
{
    waiting *added = kit_alloc(sizeof(*added));
    *added = (waiting){.op = op, .next = i->first, .previous = &i->first};
    if (added->next != NULL) {
        added->next->previous = &added->next;
    }
    i->first = added;
    host->op_data(host, op, added);
}

/* Answers one that was taken from its list. Whoever is answered may look up the next, or cancel
 * another one, from within the call. */
static void waiting_end(worker *w, waiting *ended, cmp_store_verdict verdict,
                        const cmp_record *record)
{
    const cmp_op op = ended->op;
    free(ended);
    w->under_way--;
    w->remote->host->gauge_add(w->remote->host, w->remote->under_way, -1);
    cmp_store_complete(w->remote->host, op, verdict, record);
}

static waiting *waiting_take_first(item *i)
{
    waiting *taken = i->first;
    i->first = taken->next;
    if (i->first != NULL) {
        i->first->previous = &i->first;
    }
    return taken;
}

static void answer_all(worker *w, question *q, answer_result result)
{
    for (size_t i = 0; i < q->count; i++) {
        item *one = &q->items[i];
        const cmp_store_verdict verdict = result == ANSWER_BAD    ? CMP_STORE_UNAVAILABLE
                                          : one->found            ? CMP_STORE_FOUND
                                          : result == ANSWER_GOOD ? CMP_STORE_ABSENT
                                                                  : CMP_STORE_UNAVAILABLE;
        while (one->first != NULL) {
            if (verdict == CMP_STORE_UNAVAILABLE) {
                w->remote->host->count(w->remote->host, w->remote->failed, 1);
            }
            waiting_end(w, waiting_take_first(one), verdict,
                        verdict == CMP_STORE_FOUND ? &one->record : NULL);
        }
    }
}

/* ---- requests ---- */

/* Why an answer is none, in `why`; false when it may be one. */
static bool is_refusal(const cmp_https_answer *a, char *why, size_t why_size)
{
    if (a->result != CMP_HTTPS_ANSWERED) {
        snprintf(why, why_size, "%s", a->detail != NULL ? a->detail : "no answer");
    } else if (a->status == 401 || a->status == 403) {
        snprintf(why, why_size, "it does not let us read (status %d)", a->status);
    } else if (a->status != 200) {
        snprintf(why, why_size, "it answers with status %d", a->status);
    } else if (!cmp_str_equal(a->content_type, CMP_STR("application/json"))) {
        snprintf(why, why_size, "it answers with something else than JSON");
    } else {
        return false;
    }
    return true;
}

/* Each knows what points to it, so it leaves its list without a search, whichever list that is. */
static void list_add(question **list, question *q)
{
    q->next = *list;
    q->previous = list;
    if (q->next != NULL) {
        q->next->previous = &q->next;
    }
    *list = q;
}

static void list_remove(question *q)
{
    *q->previous = q->next;
    if (q->next != NULL) {
        q->next->previous = q->previous;
    }
}

/* The records of the answer before go now and not earlier: control was in the loop in between, so
 * nobody reads them any more. `q` leaves its list first, as answering may lead to anything. */
static void end(question *q, answer_result result)
{
    worker *w = q->owner;
    question_destroy(&w->answered);
    list_remove(q);
    answer_all(w, q, result);
    w->answered = q;
}

static void start(worker *w, question *q);

/* The records are too large for one answer. */
static void ask_in_parts(question *q)
{
    worker *w = q->owner;
    question *half = question_halve(q);
    list_add(&w->sent, half);
    start(w, q);
    start(w, half);
}

static void on_answer(void *arg, const cmp_https_answer *a)
{
    question *q = arg;
    worker *w = q->owner;
    if (a->result == CMP_HTTPS_ANSWERED && a->status == 413 && q->count > 1) {
        ask_in_parts(q);
        return;
    }
    char why[512];
    answer_result result = ANSWER_BAD;
    if (!is_refusal(a, why, sizeof(why))) {
        result = question_answer(q, w->remote->host, a->body, why, sizeof(why));
    }
    if (result == ANSWER_GOOD) { /* not PARTLY: its complaint would be logged each time */
        kit_trouble_over(&w->remote->failures, w->remote->host, "it answers again");
    } else {
        say(w, why);
    }
    end(q, result);
}

static void on_unsigned(void *arg)
{
    question *q = arg;
    q->timer = NULL;
    say(q->owner, "no key that the peer gave to us is valid now");
    end(q, ANSWER_BAD);
}

static void start(worker *w, question *q)
{
    const remote *r = w->remote;
    const cmp_host *host = r->host;
    credential_signature signature;
    cmp_https_request request = {.method = "POST",
                                 .path = CMP_STR("/lookup"),
                                 .content_type = CMP_STR("application/json"),
                                 .body = question_body(q),
                                 .accept = CMP_STR("application/json"),
                                 .authorization = cmp_str_from(r->authorization),
                                 .timeout_ms = (uint64_t)r->options->timeout_ms,
                                 .answer_max = (size_t)r->options->answer_bytes};
    if (r->options->peer != NULL) {
        if (!credential_sign(r, &w->keys, question_lines(q), &signature)) {
            /* Answered from the loop, where it is not the turn's end that looks up the next. */
            q->timer = host->timer_start(w->loop, 0, on_unsigned, q);
            return;
        }
        request.headers = signature.headers;
        request.header_count = CREDENTIAL_HEADERS;
    }
    host->count(host, r->requests, 1);
    host->observe(host, r->in_a_request, (int64_t)q->count);
    /* It copies the body and the headers; `done` never comes from within the call. */
    q->call = host->https_start(host, w->loop, r->origin, &request, on_answer, q);
}

/* ---- called by the host ---- */

cmp_store_verdict lookups_lookup(void *instance, void *state, cmp_str ici, cmp_op op,
                                 cmp_record *record)
{
    (void)record;
    remote *r = instance;
    worker *w = state;
    r->host->count(r->host, r->lookups, 1);
    /* A bound: while the server is slow, look-ups would pile up here. */
    if (w->under_way >= r->options->waiting) {
        r->host->count(r->host, r->failed, 1);
        say(w, "too many look-ups are under way");
        return CMP_STORE_UNAVAILABLE;
    }
    if (w->gathering == NULL || w->gathering->count == (size_t)r->options->batch) {
        question *q = question_create((size_t)r->options->batch);
        q->owner = w;
        list_add(&w->gathering, q);
    }
    waiting_add(r->host, question_item(w->gathering, ici), op);
    w->under_way++;
    r->host->gauge_add(r->host, r->under_way, 1);
    return CMP_STORE_PENDING;
}

/* The request itself goes on: others may wait for it, too. */
void lookups_cancel(void *instance, void *state, cmp_op op, void *data)
{
    (void)instance, (void)op;
    waiting *cancelled = data;
    *cancelled->previous = cancelled->next;
    if (cancelled->next != NULL) {
        cancelled->next->previous = cancelled->previous;
    }
    waiting_end(state, cancelled, CMP_STORE_UNAVAILABLE, NULL);
}

void lookups_turn_end(void *instance, void *state)
{
    (void)instance;
    worker *w = state;
    while (w->gathering != NULL) {
        question *q = w->gathering;
        list_remove(q);
        /* Some may have been cancelled in the turn in which they came. */
        question_compact(q);
        if (q->count == 0) {
            question_destroy(&q);
        } else {
            list_add(&w->sent, q);
            start(w, q);
        }
    }
}

void *lookups_worker_start(void *instance, cmp_loop *loop)
{
    worker *w = kit_calloc(1, sizeof(*w));
    w->remote = instance;
    w->loop = loop;
    credential_keys_take(&w->keys, w->remote);
    return w;
}

/* Between two turns: no request is being signed. */
static void renew_keys(void *instance, void *state, void *arg)
{
    (void)arg;
    worker *w = state;
    if (w != NULL) {
        credential_keys_take(&w->keys, instance);
    }
}

void lookups_keys_changed(void *instance)
{
    const cmp_host *host = ((const remote *)instance)->host;
    host->workers_call(host, renew_keys, NULL);
}

static void drop(const cmp_host *host, question *q)
{
    if (q->timer != NULL) {
        host->timer_stop(q->timer);
    } else if (q->call != NULL) {
        host->https_cancel(q->call);
    }
    list_remove(q);
    question_destroy(&q);
}

/* Nobody waits any more; requests whose askers have all gone may still be under way. */
void lookups_worker_stop(void *instance, void *state)
{
    (void)instance;
    worker *w = state;
    question_destroy(&w->answered);
    while (w->gathering != NULL) {
        drop(w->remote->host, w->gathering);
    }
    while (w->sent != NULL) {
        drop(w->remote->host, w->sent);
    }
    credential_keys_drop(&w->keys);
    free(w);
}
