/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's look-ups on PostgreSQL. Those of one turn of the loop are sent together; each one has
 * a deadline, and their number a limit. */
#include "pg_worker.h"

#define BATCH_MAX  64 /* then the lane with the fewest requests is chosen anew */
#define TICK_MS    20 /* by so much a deadline may be passed */
#define ERROR_SIZE 256

struct pg_worker {
    pg_store *store;
    cmp_loop *loop;
    struct pg_requests queue;  /* not sent yet */
    struct pg_requests by_age; /* all whose op is not completed, the oldest first */
    struct pg_requests unused;
    unsigned waiting;    /* in by_age */
    cmp_timer *timer;    /* ticks while anything is due */
    int64_t clock_ms;    /* the ticks so far: the host's clock may be set */
    unsigned lane_count; /* of each group */
    pg_lane *lanes;      /* the replica's, if there is one, then the primary's */
    unsigned group_count;
};

pg_store *pg_worker_store(const pg_worker *w)
{
    return w->store;
}

/* ---- requests ---- */

/* Requests are used again: a busy worker needs no malloc for a look-up. */
static pg_request *request_get(pg_worker *w)
{
    pg_request *r = TAILQ_FIRST(&w->unused);
    if (r != NULL) {
        TAILQ_REMOVE(&w->unused, r, place);
        return r;
    }
    return kit_alloc(sizeof(*r));
}

static void request_put(pg_worker *w, pg_request *r)
{
    TAILQ_INSERT_HEAD(&w->unused, r, place);
}

/* The op is completed last: what it leads to may be anything. */
static void request_complete(pg_worker *w, pg_request *r, cmp_store_verdict verdict,
                             const cmp_record *record)
{
    const store *s = &w->store->store;
    const cmp_op op = r->op;
    r->op = CMP_OP_NONE;
    TAILQ_REMOVE(&w->by_age, r, by_age);
    w->waiting--;
    if (!r->on_lane) { /* else its result is still to come, and has to find it */
        request_put(w, r);
    }
    if (verdict == CMP_STORE_UNAVAILABLE) {
        s->host->count(s->host, s->failed, 1);
    }
    cmp_store_complete(s->host, op, verdict, record);
}

/* One that is still in the queue, or on a lane. */
static void request_give_up(pg_worker *w, pg_request *r)
{
    if (!r->on_lane) {
        TAILQ_REMOVE(&w->queue, r, place);
    }
    request_complete(w, r, CMP_STORE_UNAVAILABLE, NULL);
}

typedef struct request_memory {
    const cmp_host *host;
    cmp_op op;
} request_memory;

static void *alloc(void *arg, size_t size)
{
    const request_memory *m = arg;
    return m->host->txn_alloc(m->host, m->op, size);
}

void pg_worker_answered(pg_worker *w, pg_request *r, const row *found)
{
    store *s = &w->store->store;
    request_memory memory = {s->host, r->op};
    char error[ERROR_SIZE];
    cmp_record record;
    if (cmp_op_is_none(r->op)) {
        request_put(w, r);
    } else if (found == NULL) {
        request_complete(w, r, CMP_STORE_ABSENT, NULL);
    } else if (row_read(s->host, found, alloc, &memory, &record, error, sizeof(error))) {
        request_complete(w, r, CMP_STORE_FOUND, &record);
    } else {
        request_complete(w, r, store_bad_row(s, r->ici, error), NULL);
    }
}

/* The server has refused it, and would again: it is not repeated, and the connection is good. */
void pg_worker_failed(pg_worker *w, pg_request *r, const char *why)
{
    store *s = &w->store->store;
    char line[ERROR_SIZE];
    pg_first_line(why, line, sizeof(line));
    kit_trouble_say(&s->refusals, s->host, "a look-up: %s", line);
    if (cmp_op_is_none(r->op)) {
        request_put(w, r);
    } else {
        request_complete(w, r, CMP_STORE_UNAVAILABLE, NULL);
    }
}

/* Once more and no oftener: a look-up that ends every connection must not go round for ever. */
void pg_worker_unsent(pg_worker *w, pg_request *r)
{
    if (cmp_op_is_none(r->op)) {
        request_put(w, r);
    } else if (r->again) {
        request_complete(w, r, CMP_STORE_UNAVAILABLE, NULL);
    } else {
        r->again = true;
        TAILQ_INSERT_TAIL(&w->queue, r, place);
    }
}

/* ---- lanes ---- */

static pg_lane *group_of(const pg_worker *w, unsigned group)
{
    return w->lanes + (size_t)group * w->lane_count;
}

/* The one with the fewest requests; NULL when none is ready. */
static pg_lane *best_of(const pg_worker *w, unsigned group)
{
    pg_lane *lanes = group_of(w, group), *best = NULL;
    for (unsigned i = 0; i < w->lane_count; i++) {
        if (lanes[i].ready && (best == NULL || lanes[i].sent_count < best->sent_count)) {
            best = &lanes[i];
        }
    }
    return best;
}

static bool hopeful(const pg_worker *w, unsigned group)
{
    const pg_lane *lanes = group_of(w, group);
    bool any = false;
    for (unsigned i = 0; i < w->lane_count; i++) {
        any = any || pg_lane_hopeful(&lanes[i]);
    }
    return any;
}

static void group_start(pg_worker *w, unsigned group)
{
    pg_lane *lanes = group_of(w, group);
    for (unsigned i = 0; i < w->lane_count; i++) {
        pg_connection_start(&lanes[i].connection);
    }
}

/* Those that have nothing to do any more. */
static void group_retire(pg_worker *w, unsigned group)
{
    pg_lane *lanes = group_of(w, group);
    for (unsigned i = 0; i < w->lane_count; i++) {
        if (lanes[i].sent_count == 0) {
            pg_lane_stop(&lanes[i]);
        }
    }
}

/* The primary stands in while no replica can be reached. */
static void groups_balance(pg_worker *w)
{
    if (w->group_count < 2) {
        return;
    }
    if (best_of(w, 0) != NULL) {
        group_retire(w, 1);
    } else if (!hopeful(w, 0)) {
        group_start(w, 1);
    }
}

/* The first group is what is asked as a rule, be it the replica's or the only one. */
static pg_lane *lane_choose(const pg_worker *w)
{
    pg_lane *best = best_of(w, 0);
    return best != NULL || w->group_count < 2 ? best : best_of(w, 1);
}

/* When no lane is ready: they wait for one that may soon be, or for nothing. */
static void queue_give_up(pg_worker *w)
{
    bool any = false;
    for (unsigned group = 0; group < w->group_count; group++) {
        any = any || hopeful(w, group);
    }
    while (!any && !TAILQ_EMPTY(&w->queue)) {
        request_give_up(w, TAILQ_FIRST(&w->queue));
    }
}

static void queue_send(pg_worker *w)
{
    while (!TAILQ_EMPTY(&w->queue)) {
        pg_lane *l = lane_choose(w);
        if (l == NULL) {
            queue_give_up(w);
            return;
        }
        const unsigned room = pg_lane_room(l);
        if (room == 0) {
            return;
        }
        pg_lane_send(l, &w->queue, room < BATCH_MAX ? room : BATCH_MAX);
    }
}

void pg_worker_lane_changed(pg_worker *w, pg_lane *l)
{
    if (l->ready) {
        pg_store_answers(w->store);
    }
    groups_balance(w);
    queue_send(w);
}

/* ---- deadlines ---- */

int64_t pg_worker_clock_ms(const pg_worker *w)
{
    return w->clock_ms;
}

static void lanes_check(pg_worker *w)
{
    for (unsigned i = 0; i < w->lane_count * w->group_count; i++) {
        if (pg_lane_silent(&w->lanes[i])) {
            pg_connection_lose(&w->lanes[i].connection, "it does not answer any more");
        }
    }
}

static bool results_due(const pg_worker *w)
{
    unsigned sent = 0;
    for (unsigned i = 0; i < w->lane_count * w->group_count; i++) {
        sent += w->lanes[i].sent_count;
    }
    return sent > 0;
}

static void on_tick(void *arg);

/* When nobody waits it still watches for a server that owes results and has gone silent. */
static void timer_set(pg_worker *w)
{
    if (w->timer == NULL && (!TAILQ_EMPTY(&w->by_age) || results_due(w))) {
        w->timer = w->store->store.host->timer_start(w->loop, TICK_MS, on_tick, w);
    }
}

/* Their deadlines are equally far, so the oldest is always the next. */
static void on_tick(void *arg)
{
    pg_worker *w = arg;
    const store *s = &w->store->store;
    w->timer = NULL;
    w->clock_ms += TICK_MS;
    pg_request *r;
    while ((r = TAILQ_FIRST(&w->by_age)) != NULL && r->deadline_ms <= w->clock_ms) {
        s->host->count(s->host, w->store->timeouts, 1);
        request_give_up(w, r);
    }
    lanes_check(w);
    timer_set(w);
}

/* Of the tick that is under way nobody knows how much is left. */
static int64_t deadline_ms(const pg_worker *w)
{
    return w->clock_ms + w->store->store.options->statement_timeout_ms +
           (w->timer != NULL ? TICK_MS : 0);
}

/* ---- look-ups ---- */

cmp_store_verdict pg_lookup(void *instance, void *state, cmp_str ici, cmp_op op, cmp_record *record)
{
    (void)record;
    pg_store *s = instance;
    pg_worker *w = state;
    const cmp_host *host = s->store.host;
    if (ici.size > PG_ICI_MAX) {
        return CMP_STORE_ABSENT; /* SPEC 6: no record has such an ICI */
    }
    if (w->waiting >= (unsigned)s->store.options->waiting) {
        host->count(host, s->refused, 1);
        host->count(host, s->store.failed, 1);
        return CMP_STORE_UNAVAILABLE;
    }
    pg_request *r = request_get(w);
    *r = (pg_request){.op = op, .ici = ici, .deadline_ms = deadline_ms(w)};
    host->op_data(host, op, r);
    TAILQ_INSERT_TAIL(&w->by_age, r, by_age);
    TAILQ_INSERT_TAIL(&w->queue, r, place); /* sent at the end of the turn, with others */
    w->waiting++;
    timer_set(w);
    return CMP_STORE_PENDING;
}

void pg_cancel(void *instance, void *state, cmp_op op, void *data)
{
    (void)instance, (void)op;
    request_give_up(state, data);
}

void pg_turn_end(void *instance, void *state)
{
    (void)instance;
    queue_send(state);
}

/* ---- workers ---- */

void *pg_worker_start(void *instance, cmp_loop *loop)
{
    pg_store *s = instance;
    pg_worker *w = kit_calloc(1, sizeof(*w));
    w->store = s;
    w->loop = loop;
    TAILQ_INIT(&w->queue);
    TAILQ_INIT(&w->by_age);
    TAILQ_INIT(&w->unused);
    w->lane_count = (unsigned)s->store.options->connections;
    w->group_count = s->replica.parameters != NULL ? 2 : 1;
    w->lanes = kit_calloc((size_t)w->lane_count * w->group_count, sizeof(w->lanes[0]));
    for (unsigned i = 0; i < w->lane_count * w->group_count; i++) {
        const bool replica = w->group_count == 2 && i < w->lane_count;
        pg_lane_init(&w->lanes[i], w, replica ? &s->replica : &s->primary, loop);
    }
    group_start(w, 0);
    return w;
}

static void requests_free(struct pg_requests *list)
{
    pg_request *r;
    while ((r = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, r, place);
        free(r);
    }
}

void pg_worker_stop(void *instance, void *state)
{
    const pg_store *s = instance;
    pg_worker *w = state;
    while (!TAILQ_EMPTY(&w->by_age)) {
        request_give_up(w, TAILQ_FIRST(&w->by_age));
    }
    if (w->timer != NULL) {
        s->store.host->timer_stop(w->timer);
    }
    for (unsigned i = 0; i < w->lane_count * w->group_count; i++) {
        pg_lane_stop(&w->lanes[i]);
        requests_free(&w->lanes[i].sent);
    }
    requests_free(&w->unused);
    free(w->lanes);
    free(w);
}
