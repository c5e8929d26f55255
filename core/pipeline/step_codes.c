/* SPDX-License-Identifier: Apache-2.0 */
/* The interface `codes`, after its requestor was authenticated and authorised: reads records
 * through the stores and their caches. (Writing: codes_write.c.) */
#include "pipeline/codes_write.h"
#include "pipeline/step.h"

#include "mc/json_write.h"
#include "mc/record.h"

#define STORE_RETRY_S 1

/* ---- one look-up ---- */

static codes_reading *reading_of(asker *a)
{
    return H2O_STRUCT_FROM_MEMBER(codes_reading, asker, a);
}

/* Whether several records are more than one answer may have; one alone has to go. */
static bool is_too_large(const txn *t)
{
    const int64_t most = t->generation->conf->top.limits.codes_answer_bytes;
    return t->codes->count > 1 && (int64_t)t->codes->octets > most;
}

/* The octets are lent: they are written down before the store gets control again. */
static void write_down(codes_reading *r)
{
    txn *t = r->parent;
    const cmp_str ici = r->request.message.params[CMP_PARAM_ICI];
    if (is_too_large(t)) {
        return; /* nothing of it will be sent */
    }
    const size_t size = record_write(ici, r->lookup.record, NULL, 0);
    t->codes->octets += size;
    if (is_too_large(t)) {
        return;
    }
    char *json = kit_arena_alloc(&t->memory, size);
    record_write(ici, r->lookup.record, json, size);
    r->json = (cmp_str){json, size};
}

/* Goes on with it; true when it is done. */
static bool read_on(codes_reading *r)
{
    switch (lookup_run(&r->lookup)) {
    case CMP_STORE_PENDING:
        return false;
    case CMP_STORE_FOUND:
        write_down(r);
        break;
    case CMP_STORE_ABSENT:
        break;
    case CMP_STORE_UNAVAILABLE:
        r->parent->codes->unavailable = true;
        break;
    }
    r->done = true;
    ask_end(&r->asker);
    return true;
}

static void on_keep(asker *a)
{
    (void)a; /* the transaction has kept what its look-ups point to */
}

static void on_resume(asker *a)
{
    codes_reading *r = reading_of(a);
    if (read_on(r) && --r->parent->codes->pending == 0) {
        txn_resume(r->parent);
    }
}

static void on_let_go(asker *a)
{
    txn_close_if_done(reading_of(a)->parent);
}

static const asker_ops as_asker = {.keep = on_keep, .resume = on_resume, .let_go = on_let_go};

static void reading_abandon(codes_reading *r)
{
    if (r->done) {
        return;
    }
    r->done = true;
    ask_abandon(&r->asker);
    lookup_abandon(&r->lookup);
    ask_end(&r->asker);
}

/* ---- all of them ---- */

static void reading_begin(txn *parent, codes_reading *r, cmp_str ici)
{
    *r = (codes_reading){.parent = parent, .request = parent->request};
    r->request.message.params[CMP_PARAM_ICI] = ici;
    r->asker = (asker){.ops = &as_asker,
                       .desk = &parent->worker->desk,
                       .request = &r->request,
                       .held = &parent->held,
                       .together = parent->codes->together};
    lookup_begin(&r->lookup, &r->asker, parent->worker, &parent->generation->stores,
                 parent->begun_us);
}

/* All look-ups begin in one turn of the loop, so that a store can ask for them together. */
static void read_all(txn *t)
{
    codes_request *c = t->codes;
    txn_keep(t);
    c->state = CODES_UNDER_WAY;
    c->reads = kit_arena_calloc(&t->memory, c->count, sizeof(*c->reads));
    c->together = kit_arena_calloc(&t->memory, t->generation->stores.count, sizeof(*c->together));
    /* One more than there are: otherwise the first that is answered at once would end it all. */
    c->pending = c->count + 1;
    for (size_t i = 0; i < c->count; i++) {
        reading_begin(t, &c->reads[i], c->icis[i]);
        if (read_on(&c->reads[i])) {
            c->pending--;
        }
    }
    c->pending--;
}

static step_result refuse_too_large(txn *t)
{
    return step_refuse(
        t, ERROR_ANSWER_TOO_LARGE, CMP_STR("icis"),
        kit_arena_printf(&t->memory,
                         "The records have more than %lld octets together: ask for "
                         "fewer at a time",
                         (long long)t->generation->conf->top.limits.codes_answer_bytes));
}

static step_result read_records(txn *t)
{
    codes_request *c = t->codes;
    if (c->state == CODES_NEW) {
        read_all(t);
    }
    if (c->pending > 0) {
        return STEP_WAIT;
    }
    c->state = CODES_DONE;
    if (is_too_large(t)) {
        return refuse_too_large(t);
    }
    if (c->unavailable) { /* unavailable is not unknown */
        return step_retry(t, ERROR_STORE_UNAVAILABLE, STORE_RETRY_S, NULL);
    }
    if (c->operation == CODES_GET && c->reads[0].json.at == NULL) {
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
    }
    t->result = RESULT_RECORDS;
    return STEP_REPLY;
}

step_result step_codes(txn *t)
{
    return codes_writes(t->codes) ? codes_write_step(t) : read_records(t);
}

size_t codes_encode(const codes_request *c, char *to)
{
    json_out out = {.to = to};
    if (c->operation == CODES_GET) {
        json_put(&out, c->reads[0].json);
        return out.size;
    }
    json_put(&out, CMP_STR("{\"records\":["));
    const size_t begin = out.size;
    for (size_t i = 0; i < c->count; i++) {
        if (c->reads[i].json.at != NULL) {
            json_put(&out, out.size > begin ? CMP_STR(",") : CMP_STR(""));
            json_put(&out, c->reads[i].json);
        }
    }
    json_put(&out, CMP_STR("]}"));
    return out.size;
}

void step_codes_abandon(txn *t)
{
    codes_request *c = t->codes;
    for (size_t i = 0; c->reads != NULL && i < c->count; i++) {
        reading_abandon(&c->reads[i]);
    }
    codes_write_abandon(t);
}
