/* SPDX-License-Identifier: Apache-2.0 */
/* See keys_watch.h. */
#include "daemon/keys_watch.h"

#include "base/clock.h"
#include "base/file_set.h"
#include "base/log.h"
#include "daemon/build.h"
#include "event/loop.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

/* A file is taken when it has stood still for one look: an editor may write it in several goes. */
#define LOOK_MS 250

struct keys_watch {
    loop *control;
    generation *g;
    void (*changed)(void *arg);
    void *arg;
    cmp_timer *timer;
    file_refusal bad;
    kit_file_mark seen; /* at the last look */
};

static void count_key(const cmp_key *key, void *arg)
{
    (void)key;
    (*(size_t *)arg)++;
}

static void say_new(const char *path, const keyring *k, const char *what)
{
    size_t issued = 0, received = 0;
    keyring_each(k, CMP_KEY_ISSUED, count_key, &issued);
    keyring_each(k, CMP_KEY_RECEIVED, count_key, &received);
    log_notice("keys", "%s: %s: from now on %zu issued, %zu received keys, %zu tokens", path, what,
               issued, received, keyring_tokens(k)->count);
}

/* Whether the file was good. */
static bool try_to_take(keys_watch *w, const kit_file_mark *now, const char *what,
                        cmp_report *report)
{
    const char *path = w->g->conf->top.keys;
    keyring *fresh = generation_read_keyring(w->g, report);
    if (fresh != NULL) {
        say_new(path, fresh, what);
        generation_replace_keyring(w->g, fresh);
        w->changed(w->arg);
    }
    if (fresh == NULL) {
        file_refuse(&w->bad, now);
    } else {
        w->bad.any = false;
    }
    return fresh != NULL;
}

/* Why the file, in this state, is to be read; NULL: it is not. */
static const char *reason_to_take(const keys_watch *w, const kit_file_mark *now)
{
    if (!kit_file_mark_equal(now, keyring_mark(w->g->keyring))) {
        return "it has changed";
    }
    return keyring_is_over(w->g->keyring, clock_now_ms()) ? "a key has ended" : NULL;
}

static void look(void *arg)
{
    keys_watch *w = arg;
    const kit_file_mark now = kit_file_mark_of(w->g->conf->top.keys);
    const char *reason = reason_to_take(w, &now);
    const bool still = kit_file_mark_equal(&now, &w->seen);
    const bool was_refused = file_was_refused(&w->bad, &now);
    w->timer = loop_timer_start(w->control, LOOK_MS, look, w);
    w->seen = now;
    if (reason != NULL && still && (!was_refused || file_is_due_again(&w->bad))) {
        cmp_report report;
        report_init(&report);
        if (!try_to_take(w, &now, reason, &report) && !was_refused) {
            report_log_errors(&report, "keys", "; the keys read before stay in use");
        }
        report_dispose(&report);
    }
}

/* What is wrong is the asker's to hear, and not for the log as well. */
bool keys_watch_now(keys_watch *w, cmp_report *report)
{
    const kit_file_mark now = kit_file_mark_of(w->g->conf->top.keys);
    const char *reason = reason_to_take(w, &now);
    w->seen = now;
    return reason == NULL || try_to_take(w, &now, reason, report);
}

keys_watch *keys_watch_start(loop *control, generation *g, void (*changed)(void *arg), void *arg)
{
    if (g->keyring == NULL) {
        return NULL;
    }
    keys_watch *w = kit_calloc(1, sizeof(*w));
    *w = (keys_watch){.control = control,
                      .g = g,
                      .changed = changed,
                      .arg = arg,
                      .seen = *keyring_mark(g->keyring)};
    w->timer = loop_timer_start(control, LOOK_MS, look, w);
    return w;
}

void keys_watch_stop(keys_watch **ref)
{
    keys_watch *w = *ref;
    if (w != NULL) {
        loop_timer_stop(w->timer);
        free(w);
        *ref = NULL;
    }
}
