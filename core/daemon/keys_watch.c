/* SPDX-License-Identifier: Apache-2.0 */
/* See keys_watch.h. */
#include "daemon/keys_watch.h"

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
    kit_file_mark taken; /* of what was read last, good or not */
    kit_file_mark seen;  /* at the last look */
};

static void count_key(const cmp_key *key, void *arg)
{
    (void)key;
    (*(size_t *)arg)++;
}

static void say_new(const char *path, const keyring *k)
{
    size_t issued = 0, received = 0;
    keyring_each(k, CMP_KEY_ISSUED, count_key, &issued);
    keyring_each(k, CMP_KEY_RECEIVED, count_key, &received);
    log_notice("keys", "%s has changed: from now on %zu issued, %zu received keys, %zu tokens",
               path, issued, received, keyring_tokens(k)->count);
}

static void say_wrong(const cmp_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const conf_error *e = &report->errors[i];
        char line[32] = "";
        if (e->place.line != 0) {
            snprintf(line, sizeof(line), ":%u:%u", e->place.line, e->place.column);
        }
        log_error("keys", "%s%s: %s%s%s; the keys read before stay in use", e->place.file, line,
                  e->key != NULL ? e->key : "", e->key != NULL ? ": " : "", e->text);
    }
}

/* Whether the file was good. */
static bool take(keys_watch *w, cmp_report *report)
{
    const char *path = w->g->conf->top.keys;
    keyring *fresh = generation_read_keyring(w->g, report);
    if (fresh != NULL) {
        say_new(path, fresh);
        generation_replace_keyring(w->g, fresh);
        w->changed(w->arg);
    }
    return fresh != NULL;
}

static void look(void *arg)
{
    keys_watch *w = arg;
    const kit_file_mark now = kit_file_mark_of(w->g->conf->top.keys);
    const bool still = kit_file_mark_equal(&now, &w->seen);
    w->timer = loop_timer_start(w->control, LOOK_MS, look, w);
    w->seen = now;
    if (still && !kit_file_mark_equal(&now, &w->taken)) {
        cmp_report report;
        report_init(&report);
        w->taken = now;
        if (!take(w, &report)) {
            say_wrong(&report);
        }
        report_dispose(&report);
    }
}

bool keys_watch_now(keys_watch *w, cmp_report *report)
{
    const kit_file_mark now = kit_file_mark_of(w->g->conf->top.keys);
    w->seen = w->taken = now;
    return kit_file_mark_equal(&now, keyring_mark(w->g->keyring)) || take(w, report);
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
                      .taken = *keyring_mark(g->keyring),
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
