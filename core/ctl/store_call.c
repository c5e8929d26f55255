/* Plays the part of a worker for one look-up: what the store answers later comes on a private loop,
 * which is turned until it does. */
#include "ctl/store_call.h"

#include "base/clock.h"
#include "mc/record.h"

#include <stdlib.h>

enum { DEADLINE_MS = 5000, POOL_THREADS = 1, POOL_QUEUE = 16, POOL_PATIENCE_MS = 1000 };

struct store_call {
    instance *store;
    loop *loop;
    pool *pool;
    outbound *outbound;
};

/* What the plugin takes for a transaction, and for an operation. */
typedef struct question {
    cmp_op op; /* first: `complete` finds the rest from here */
    instance *store;
    void *worker;
    cmp_str ici;
    int64_t now_ms;
    kit_arena *memory;
    cmp_timer *deadline; /* NULL: it has passed */
    bool answered;
    cmp_store_verdict verdict;
    cmp_str json;
} question;

/* ---- services ---- */

static const question *question_of(const cmp_txn *t)
{
    return (const question *)t;
}

static cmp_str question_param(const cmp_txn *t, cmp_param param)
{
    return param == CMP_PARAM_ICI ? question_of(t)->ici : CMP_NONE;
}

static const cmp_pair *question_contextual(const cmp_txn *t, size_t index)
{
    (void)t, (void)index;
    return NULL;
}

static const uint8_t *question_source(const cmp_txn *t)
{
    static const uint8_t nowhere[16];
    (void)t;
    return nowhere;
}

static cmp_str question_nobody(const cmp_txn *t)
{
    (void)t;
    return CMP_NONE;
}

static cmp_interface question_interface(const cmp_txn *t)
{
    (void)t;
    return CMP_INTERFACE_MC3;
}

static int64_t question_now_ms(const cmp_txn *t)
{
    return question_of(t)->now_ms;
}

static void *question_alloc(cmp_txn *t, size_t size)
{
    return kit_arena_alloc(question_of(t)->memory, size);
}

/* The record's octets are lent: they are written down before the plugin gets control again. */
static void answer(question *q, cmp_store_verdict verdict, const cmp_record *record)
{
    q->answered = true;
    q->verdict = verdict;
    if (verdict == CMP_STORE_FOUND && record != NULL) {
        const size_t size = record_write(q->ici, record, NULL, 0);
        char *json = kit_arena_alloc(q->memory, size);
        record_write(q->ici, record, json, size);
        q->json = (cmp_str){json, size};
    }
}

static void question_complete(cmp_op *op, int verdict, const void *record)
{
    answer((question *)op, (cmp_store_verdict)verdict, record);
}

void store_call_services(cmp_host *host)
{
    host->txn_param = question_param;
    host->txn_contextual = question_contextual;
    host->txn_source = question_source;
    host->txn_listener = question_nobody;
    host->txn_interface = question_interface;
    host->txn_peer = question_nobody;
    host->txn_now_ms = question_now_ms;
    host->txn_alloc = question_alloc;
    host->complete = question_complete;
}

/* ---- asking ---- */

store_call *store_call_open(instance *i)
{
    store_call *c = kit_calloc(1, sizeof(*c));
    c->store = i;
    c->loop = loop_create();
    c->pool = pool_create(POOL_THREADS, POOL_QUEUE);
    i->site->pool = c->pool;
    c->outbound = outbound_create(c->loop, c->pool);
    i->site->worker_loops = &c->loop;
    i->site->worker_outbounds = &c->outbound;
    instance_start(i, c->loop);
    instance_worker_start(i, 0, c->loop);
    return c;
}

static void on_deadline(void *arg)
{
    question *q = arg;
    const cmp_store_ops *ops = q->store->plugin->ops.store;
    q->deadline = NULL;
    if (!q->answered && ops->cancel != NULL) {
        ops->cancel(q->store->self, q->worker, &q->op);
    }
}

/* A look-up that is cancelled completes, too: nothing else ends the wait. */
static void wait(store_call *c, question *q)
{
    const cmp_store_ops *ops = q->store->plugin->ops.store;
    q->deadline = loop_timer_start(c->loop, DEADLINE_MS, on_deadline, q);
    if (ops->turn_end != NULL) {
        ops->turn_end(q->store->self, q->worker);
    }
    while (!q->answered) {
        loop_turn(c->loop);
    }
    if (q->deadline != NULL) {
        loop_timer_stop(q->deadline);
    }
}

cmp_store_verdict store_call_lookup(store_call *c, cmp_str ici, kit_arena *memory, cmp_str *json)
{
    question q = {.store = c->store,
                  .worker = c->store->worker_state[0],
                  .ici = ici,
                  .now_ms = clock_now_ms(),
                  .memory = memory};
    cmp_record record = CMP_RECORD_INIT;
    const cmp_store_verdict verdict =
        c->store->plugin->ops.store->lookup(c->store->self, q.worker, (cmp_txn *)&q, ici, &q.op,
                                            &record);
    if (verdict != CMP_STORE_PENDING) {
        answer(&q, verdict, &record);
    } else if (!q.answered) {
        wait(c, &q);
    }
    *json = q.json;
    return q.verdict;
}

void store_call_close(store_call *c)
{
    if (c == NULL) {
        return;
    }
    instance_worker_stop(c->store, 0);
    outbound_destroy(&c->outbound);
    c->store->site->worker_outbounds = NULL;
    c->store->site->worker_loops = NULL;
    c->store->site->pool = NULL;
    pool_destroy(&c->pool, POOL_PATIENCE_MS);
    loop_run_posted(c->loop);
    loop_settle(c->loop);
}

void store_call_free(store_call **c)
{
    if (*c == NULL) {
        return;
    }
    loop_destroy(&(*c)->loop);
    free(*c);
    *c = NULL;
}
