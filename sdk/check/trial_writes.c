/* SPDX-License-Identifier: Apache-2.0 */
/* Trials of what writes codes. */
#include "asking.h"
#include "trial.h"

#define ICI "2B001-CMP-PLUGIN-CHECK"

typedef struct writing {
    const trial *tr;
    cmp_test *t;
    const cmp_store_ops *ops;
    bool good;
} writing;

static void wrong(writing *w, const char *text)
{
    w->good = false;
    trial_say(w->tr, RULE_WRITES, VERDICT_BROKEN, "%s", text);
}

static bool is_there(const writing *w)
{
    cmp_test_op *op = cmp_test_lookup(w->t, ICI, NULL);
    for (unsigned i = 0; i < 400 && cmp_test_verdict(op) == HOST_PENDING; i++) {
        cmp_test_run(w->t, 5);
        cmp_test_advance(w->t, 25);
    }
    const bool found = cmp_test_verdict(op) == CMP_STORE_FOUND;
    cmp_test_end(&op);
    return found;
}

/* Puts or removes the code, and ends the write in one way or the other. */
static void write_one(writing *w, bool put, bool commit)
{
    char error[512] = "";
    void *instance = cmp_test_instance(w->t);
    void *write = w->ops->begin(instance, error, sizeof(error));
    if (write == NULL) {
        trial_say(w->tr, RULE_WRITES, VERDICT_NOT_SEEN, "no write can begin: %s", error);
        w->good = false;
        return;
    }
    cmp_record record = CMP_RECORD_INIT;
    record.content = CMP_STR("https://example.org/");
    bool existed = false;
    const bool done =
        put ? w->ops->put(instance, write, CMP_STR(ICI), &record, error, sizeof(error))
            : w->ops->remove(instance, write, CMP_STR(ICI), &existed, error, sizeof(error));
    if (!done) {
        w->ops->abort(instance, write);
        trial_say(w->tr, RULE_WRITES, VERDICT_NOT_SEEN, "nothing can be %s: %s",
                  put ? "put" : "removed", error);
        w->good = false;
    } else if (!commit) {
        w->ops->abort(instance, write);
    } else if (!w->ops->commit(instance, write, error, sizeof(error))) {
        trial_say(w->tr, RULE_WRITES, VERDICT_NOT_SEEN, "nothing can be committed: %s", error);
        w->good = false;
    }
    cmp_test_run(w->t, 0);
}

static void try_all(writing *w)
{
    write_one(w, true, false);
    if (w->good && is_there(w)) {
        wrong(w, "what was put and aborted is found");
    }
    write_one(w, true, true);
    if (w->good && !is_there(w)) {
        wrong(w, "what was put and committed is not found");
    }
    write_one(w, false, false);
    if (w->good && !is_there(w)) {
        wrong(w, "what was removed and aborted is not found any more");
    }
    write_one(w, false, true);
    if (w->good && is_there(w)) {
        wrong(w, "what was removed and committed is found");
    }
}

void trial_writes(trial *tr)
{
    writing w = {.tr = tr, .t = trial_begin(tr, RULE_WRITES), .good = true};
    if (w.t == NULL) {
        return;
    }
    w.ops = tr->serving->ops.store;
    if (tr->serving->kind != CMP_PLUGIN_STORE || w.ops->begin == NULL) {
        trial_close(&w.t);
        return;
    }
    if (!tr->may_write) {
        trial_say(tr, RULE_WRITES, VERDICT_NOTE, "not tried: --write lets it change the store");
    } else if (is_there(&w)) {
        trial_say(tr, RULE_WRITES, VERDICT_NOT_SEEN, "the store has a code " ICI " already");
    } else {
        try_all(&w);
        if (w.good) {
            trial_say(tr, RULE_WRITES, VERDICT_HELD,
                      "put, remove, commit and abort do as they say");
        }
    }
    trial_close(&w.t);
}
