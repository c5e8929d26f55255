/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the part of a worker for one look-up: what the store answers later comes on a private loop,
 * which is turned until it does. */
#include "ctl/store_call.h"

#include "base/clock.h"
#include "ctl/output.h"
#include "mc/record.h"
#include "pipeline/ask.h"
#include "pipeline/unanswered.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <unistd.h>

/* Longer than a worker waits by default (3 s): a store that is late is told apart from one that is
 * silent. */
enum {
    DEADLINE_MS = 5000,
    LET_GO_MS = 1000,
    POOL_THREADS = 1,
    POOL_QUEUE = 16,
    POOL_PATIENCE_MS = 1000
};

struct store_call {
    instance *store;
    loop *loop;
    pool *pool;
    outbound *outbound;
    desk desk;
};

/* ---- asking ---- */

/* What the instance finds is what it finds in cmpd: a loop, a pool and a client, for one worker of
 * number 0. */
store_call *store_call_open(instance *i)
{
    store_call *c = kit_calloc(1, sizeof(*c));
    c->store = i;
    c->loop = loop_create();
    c->pool = pool_create(POOL_THREADS, POOL_QUEUE);
    c->desk = (desk){.loop = c->loop, .pool = c->pool};
    desk_enter(&c->desk);
    unanswered_start(&c->desk);
    i->site->pool = c->pool;
    c->outbound = outbound_create(c->loop, c->pool);
    i->site->worker_loops = &c->loop;
    i->site->worker_outbounds = &c->outbound;
    instance_start(i, c->loop);
    instance_worker_start(i, 0, c->loop);
    return c;
}

/* One question, from the asking to the answer. */
typedef struct question {
    asker asker;
    mc_request request;
    const instance *store;
    unsigned held;
    bool due; /* the answer is there, or the deadline has passed */
    cmp_timer *deadline;
} question;

static question *question_of(asker *a)
{
    return H2O_STRUCT_FROM_MEMBER(question, asker, a);
}

static void on_keep(asker *a)
{
    (void)a; /* what it borrows lives longer than it does */
}

static void on_resume(asker *a)
{
    question_of(a)->due = true;
}

static const asker_ops as_asker = {.keep = on_keep, .resume = on_resume, .let_go = on_keep};

/* It still has what the question is made of: nothing can go on. */
static void on_given_up(void *arg)
{
    question *q = arg;
    q->deadline = NULL;
    output_fail("store %s does not answer, and does not let go when told to", q->store->name);
    fflush(NULL);
    _exit(EXIT_CANNOT);
}

static void on_deadline(void *arg)
{
    question *q = arg;
    q->due = true;
    q->deadline = loop_timer_start(q->asker.desk->loop, LET_GO_MS, on_given_up, q);
    ask_abandon(&q->asker);
}

/* Turns the loop until there is an answer, or the plugin has given back what nobody waits for. A
 * plugin that batches sends at the end of a turn, and none has ended yet: so it is told of one
 * before the first. */
static void wait(store_call *c, question *q)
{
    const cmp_store_ops *ops = c->store->plugin->ops.store;
    q->deadline = loop_timer_start(c->loop, DEADLINE_MS, on_deadline, q);
    if (ops->turn_end != NULL && !instance_blocks(c->store)) {
        const uintptr_t before = instance_enter(c->store, RUNNING_TURN_END);
        ops->turn_end(c->store->self, c->store->worker_state[0]);
        running_leave(before);
    }
    while (!q->due || q->held > 0) {
        loop_turn(c->loop);
    }
    if (q->deadline != NULL) {
        loop_timer_stop(q->deadline);
        q->deadline = NULL;
    }
}

cmp_store_verdict store_call_lookup(store_call *c, cmp_str ici, kit_arena *memory, cmp_str *json)
{
    question q = {.store = c->store, .request = {.now_ms = clock_now_ms(), .memory = memory}};
    q.asker = (asker){.ops = &as_asker, .desk = &c->desk, .request = &q.request, .held = &q.held};
    q.request.message.params[CMP_PARAM_ICI] = ici;
    const cmp_record *record;
    cmp_store_verdict verdict = ask_lookup(&q.asker, c->store, &record);
    if (verdict == CMP_STORE_PENDING) {
        wait(c, &q);
        verdict = q.asker.ask != NULL ? ask_lookup(&q.asker, c->store, &record)
                                      : CMP_STORE_UNAVAILABLE; /* abandoned */
    }
    *json = CMP_NONE;
    if (verdict == CMP_STORE_FOUND) {
        const size_t size = record_write(ici, record, NULL, 0);
        char *text = kit_arena_alloc(memory, size);
        record_write(ici, record, text, size);
        *json = (cmp_str){text, size};
    }
    ask_end(&q.asker);
    return verdict;
}

/* In two halves, around the instance's end: the pool's last jobs post to a loop that still lives,
 * and destroy may need a turn of it. */
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
    unanswered_stop(&(*c)->desk);
    desk_dispose(&(*c)->desk);
    loop_destroy(&(*c)->loop);
    free(*c);
    *c = NULL;
}
