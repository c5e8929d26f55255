/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a record on the pool: stores may block there. Called by step_codes. */
#include "pipeline/codes_write.h"

#include "base/log_limit.h"
#include "mc/record.h"
#include "plugin/store.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define RETRY_S    1
#define ERROR_SIZE 512

typedef enum write_result {
    WRITE_DONE,
    WRITE_ABSENT, /* there was nothing to remove */
    WRITE_FAILED, /* nothing was changed */
} write_result;

/* One write. The pool's thread works on this alone. */
struct codes_write {
    txn *asker; /* NULL: abandoned */
    instance *store;
    codes_operation operation;
    kit_arena memory;
    cmp_str ici;
    cmp_record record; /* of a PUT */
    write_result result;
    char error[ERROR_SIZE];
};

/* ---- on the pool's thread ---- */

static write_result write_one(codes_write *w)
{
    const instance *store = w->store;
    const cmp_store_ops *ops = store->plugin->ops.store;
    void *write = ops->begin(store->self, w->error, sizeof(w->error));
    if (write == NULL) {
        return WRITE_FAILED;
    }
    bool existed = true;
    const bool good =
        w->operation == CODES_PUT
            ? store_put(store, write, w->ici, &w->record, w->error, sizeof(w->error))
            : ops->remove(store->self, write, w->ici, &existed, w->error, sizeof(w->error));
    if (!good || !existed) {
        ops->abort(store->self, write);
        return good ? WRITE_ABSENT : WRITE_FAILED;
    }
    return ops->commit(store->self, write, w->error, sizeof(w->error)) ? WRITE_DONE : WRITE_FAILED;
}

static void on_work(void *arg)
{
    codes_write *w = arg;
    const instance *store = w->store;
    const uintptr_t before = instance_enter(store, RUNNING_WRITE);
    w->result = write_one(w);
    running_leave(before);
    if (w->result == WRITE_DONE) {
        /* Comes to this worker before on_done does: it never answers with what was there before. */
        store->host.store_changed(&store->host, w->ici);
    }
}

/* ---- on the worker's ---- */

static void write_free(codes_write *w)
{
    kit_arena_reset(&w->memory);
    free(w);
}

static log_limit failures = {
    .level = CMP_LOG_ERROR,
    .what = "records that could not be written",
    .each = LOG_EACH_FEW,
    .all = LOG_ALL_TOGETHER,
};

static step_result result_of(txn *t, const codes_write *w)
{
    switch (w->result) {
    case WRITE_DONE:
        t->result = RESULT_WRITTEN;
        return STEP_REPLY;
    case WRITE_ABSENT:
        return step_refuse(t, ERROR_UNKNOWN_ICI, CMP_NONE, NULL);
    case WRITE_FAILED:
        break;
    }
    return step_retry(t, ERROR_STORE_UNAVAILABLE, RETRY_S, "The record could not be written");
}

static void on_done(void *arg)
{
    codes_write *w = arg;
    if (w->result == WRITE_FAILED) {
        log_limited(&failures, cmp_str_from(w->store->name), w->error, NULL, 0,
                    "a record could not be written: %s", w->error);
    }
    if (w->asker == NULL) {
        write_free(w);
    } else {
        w->asker->codes->state = CODES_DONE;
        txn_resume(w->asker);
    }
}

static void *write_alloc(void *arg, size_t size)
{
    return kit_arena_alloc(arg, size);
}

/* Reads the record of a PUT. */
static bool read_record(txn *t, codes_write *w, step_result *refused)
{
    const cmp_str body = t->text;
    cmp_str ici;
    if (!record_parse(body.at, body.size, write_alloc, &w->memory, &ici, &w->record, w->error,
                      sizeof(w->error))) {
        /* A copy: the write is freed before the answer is encoded. */
        const char *detail = kit_arena_text(&t->memory, cmp_str_from(w->error));
        *refused = step_refuse(t, ERROR_INVALID_PARAMETER, CMP_NONE, detail);
        return false;
    }
    if (!cmp_str_equal(ici, w->ici)) {
        *refused = step_refuse(t, ERROR_INVALID_PARAMETER, CMP_STR("ici"),
                               "The record is for another ICI than the path");
        return false;
    }
    return true;
}

static step_result begin(txn *t)
{
    codes_request *c = t->codes;
    instance *store = t->generation->writable;
    if (store == NULL) {
        c->allow = "GET, HEAD";
        return step_refuse(t, ERROR_METHOD_NOT_ALLOWED, CMP_NONE, "No store here can be written");
    }
    codes_write *w = kit_calloc(1, sizeof(*w));
    kit_arena_init(&w->memory, NULL, 0);
    w->asker = t;
    w->store = store;
    w->operation = c->operation;
    w->ici = kit_arena_copy(&w->memory, c->icis[0]);
    step_result refused;
    if (c->operation == CODES_PUT && !read_record(t, w, &refused)) {
        write_free(w);
        return refused;
    }
    /* The thread has copies of its own. This is for the answer, since h2o's request may have gone
     * by then. */
    txn_keep(t);
    if (!pool_submit(t->worker->process->pool, &store->pool_share, t->worker->loop, on_work,
                     on_done, w)) {
        write_free(w);
        return step_retry(t, ERROR_OVERLOADED, RETRY_S, NULL);
    }
    c->write = w;
    c->state = CODES_UNDER_WAY;
    return STEP_WAIT;
}

step_result codes_write_step(txn *t)
{
    codes_request *c = t->codes;
    if (c->state == CODES_NEW) {
        return begin(t);
    }
    codes_write *w = c->write;
    c->write = NULL;
    const step_result result = result_of(t, w);
    write_free(w);
    return result;
}

/* The thread goes on, since a commit cannot be taken back; on_done frees what is left. */
void codes_write_abandon(txn *t)
{
    if (t->codes->write != NULL) {
        t->codes->write->asker = NULL;
        t->codes->write = NULL;
    }
}
