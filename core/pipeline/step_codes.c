/* The interface `codes`, after its requestor was authenticated and authorised: reads records
 * through the stores and their caches. (Writing: codes_write.c.) */
#include "pipeline/codes_write.h"
#include "pipeline/pipeline.h"
#include "pipeline/step.h"

#include "mc/json_write.h"

#define STORE_RETRY_S 1

/* ---- the front of a look-up's transaction: its request ---- */

static char *read_alloc(cmp_txn *t, size_t size)
{
    const codes_reading *r = t->front_data;
    return kit_arena_alloc(&r->parent->memory, size);
}

static void read_keep(cmp_txn *t)
{
    (void)t; /* the request has kept what its look-ups point to */
}

static void read_answer(cmp_txn *t, const txn_answer *a)
{
    codes_reading *r = t->front_data;
    cmp_txn *parent = r->parent;
    codes_request *c = parent->codes;
    r->asked = NULL;
    if (a->status == 200) {
        r->json = (cmp_str){a->body, a->body_size};
    } else if (a->status != 404) {
        c->unavailable = true;
    }
    if (--c->pending == 0) {
        pipeline_run(parent);
    }
}

static const front_ops read_front = {.body_alloc = read_alloc,
                                     .send = read_answer,
                                     .keep = read_keep};

/* ---- reading ---- */

static void read_one(cmp_txn *parent, size_t at)
{
    codes_reading *r = &parent->codes->reads[at];
    cmp_txn *t = txn_open(parent->worker);
    *r = (codes_reading){.parent = parent, .asked = t};
    t->generation = parent->generation;
    t->purpose = PURPOSE_RECORD;
    t->front = &read_front;
    t->front_data = r;
    t->listener = parent->listener;
    t->interface = parent->interface;
    memcpy(t->source, parent->source, sizeof(t->source));
    t->now_ms = parent->now_ms;
    t->requestor = parent->requestor;
    t->message.params[CMP_PARAM_TID] = parent->message.params[CMP_PARAM_TID];
    t->message.params[CMP_PARAM_ICI] = parent->codes->icis[at];
    pipeline_run(t);
}

/* All look-ups begin in one turn of the loop, so that a store can ask for them together. */
static void read_all(cmp_txn *t)
{
    codes_request *c = t->codes;
    txn_keep(t);
    c->state = CODES_UNDER_WAY;
    c->reads = kit_arena_calloc(&t->memory, c->count, sizeof(*c->reads));
    c->pending = c->count + 1;
    for (size_t i = 0; i < c->count; i++) {
        read_one(t, i);
    }
    c->pending--;
}

static step_result read_records(cmp_txn *t)
{
    codes_request *c = t->codes;
    if (c->state == CODES_NEW) {
        read_all(t);
    }
    if (c->pending > 0) {
        return STEP_WAIT;
    }
    c->state = CODES_DONE;
    if (c->unavailable) { /* unavailable is not unknown */
        return step_retry(t, ERROR_STORE_UNAVAILABLE, STORE_RETRY_S, NULL);
    }
    if (c->operation == CODES_GET && c->reads[0].json.at == NULL) {
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
    }
    t->result = RESULT_RECORDS;
    return STEP_REPLY;
}

step_result step_codes(cmp_txn *t)
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

void codes_abandon(cmp_txn *t)
{
    codes_request *c = t->codes;
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; c->reads != NULL && i < c->count; i++) {
        cmp_txn *asked = c->reads[i].asked;
        c->reads[i].asked = NULL;
        if (asked != NULL) {
            txn_client_gone(asked);
        }
    }
    codes_write_abandon(t);
}
