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

typedef struct seen {
    int verdict;
    bool asked_a_server; /* which knows nothing of what was written */
} seen;

static seen look(const writing *w)
{
    static const cmp_https_answer unknown = {.result = CMP_HTTPS_ANSWERED, .status = 404};
    asking a = asking_lookup(w->t, w->tr->serving, ICI);
    const int verdict = trial_settle(w->tr, &a, &unknown, RULE_WRITES);
    return (seen){verdict, a.asked_a_server};
}

/* Unless something went wrong before. `otherwise` says what it means when that is not so. */
static void expect(writing *w, cmp_store_verdict wanted, const char *otherwise)
{
    const seen now = w->good ? look(w) : (seen){.verdict = wanted};
    if (now.verdict == (int)wanted) {
        return;
    }
    w->good = false;
    if (now.verdict == CMP_STORE_UNAVAILABLE || now.asked_a_server) {
        trial_say(w->tr, RULE_WRITES, VERDICT_NOT_SEEN, "a look-up after a write %s",
                  now.asked_a_server ? "asks a server" : "cannot tell");
    } else {
        trial_say(w->tr, RULE_WRITES, VERDICT_BROKEN, "%s", otherwise);
    }
}

/* Said once: what follows from it is no news. */
static void cannot(writing *w, const char *what, const char *error)
{
    if (w->good) {
        trial_say(w->tr, RULE_WRITES, VERDICT_NOT_SEEN, "%s: %s", what, error);
    }
    w->good = false;
}

/* Puts or removes the code, and ends the write in one way or the other. */
static void write_one(writing *w, bool put, bool commit)
{
    char error[512] = "";
    void *instance = cmp_test_instance(w->t);
    void *write = w->ops->begin(instance, error, sizeof(error));
    if (write == NULL) {
        cannot(w, "no write can begin", error);
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
        cannot(w, put ? "nothing can be put" : "nothing can be removed", error);
    } else if (!commit) {
        w->ops->abort(instance, write);
    } else if (!w->ops->commit(instance, write, error, sizeof(error))) {
        cannot(w, "nothing can be committed", error);
    }
    cmp_test_run(w->t, 0);
}

static void try_all(writing *w)
{
    write_one(w, true, false);
    expect(w, CMP_STORE_ABSENT, "what was put and aborted is found");
    write_one(w, true, true);
    expect(w, CMP_STORE_FOUND, "what was put and committed is not found");
    write_one(w, false, false);
    expect(w, CMP_STORE_FOUND, "what was removed and aborted is not found any more");
    write_one(w, false, true);
    expect(w, CMP_STORE_ABSENT, "what was removed and committed is found");
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
    } else if (look(&w).verdict == CMP_STORE_FOUND) {
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
