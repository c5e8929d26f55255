/* SPDX-License-Identifier: Apache-2.0 */
/* See tls_watch.h. */
#include "daemon/tls_watch.h"

#include "base/log.h"
#include "base/revocation.h"
#include "daemon/validity.h"
#include "http/tls.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

#define LOOK_MS 250

struct tls_watch {
    loop *control;
    generation *const *newest;
    cmp_timer *timer;
    file_glance round;
};

#define STAYS "; what was read before stays in use"

static void warn_when_doubtful(const char *owner, const char *file, bool of_cas)
{
    char text[VALIDITY_TEXT_SIZE];
    if (file != NULL) {
        const validity v = validity_of(file, of_cas);
        if (validity_doubtful(&v, text)) {
            log_warning("tls", "%s: %s %s", owner, file, text);
        }
    }
}

/* ---- listeners ---- */

static void renew_listener(const generation *g, const listener *l, const char *path)
{
    const bool was_refused = file_set_was_refused(listener_tls_files(l->tls));
    cmp_report report;
    report_init(&report);
    if (listener_tls_renew(l->tls, g->conf, l->conf, path, &report)) {
        log_notice("tls", "%s: new connections go by its certificate files as they are now",
                   l->conf->name);
        warn_when_doubtful(l->conf->name, l->conf->tls.certificate, false);
        warn_when_doubtful(l->conf->name, l->conf->tls.client_ca, true);
    } else if (!was_refused) {
        report_log_errors(&report, "tls", STAYS);
    }
    report_dispose(&report);
}

static void look_at_listeners(tls_watch *w)
{
    const generation *g = *w->newest;
    for (size_t i = 0; i < g->listener_count; i++) {
        const listener *l = &g->listeners[i];
        if (l->tls != NULL && file_set_changed(listener_tls_files(l->tls), &w->round)) {
            char path[32];
            snprintf(path, sizeof(path), "listeners[%zu]", i);
            renew_listener(g, l, path);
        }
    }
}

/* ---- origins ---- */

static void look_at_origin(origin *o, void *arg)
{
    tls_watch *w = arg;
    char error[1024];
    if (!file_set_changed(origin_files(o), &w->round)) {
        return;
    }
    const bool was_refused = file_set_was_refused(origin_files(o));
    if (!origin_renew(o, error, sizeof(error))) {
        if (!was_refused) {
            log_error("tls", "%s: %s" STAYS, origin_name(o), error);
        }
        return;
    }
    log_notice("tls", "%s: new connections go by its certificate files as they are now (%s)",
               origin_name(o), origin_authority(o));
    warn_when_doubtful(origin_name(o), origin_certificate(o), false);
}

/* ---- both ---- */

static void look(void *arg)
{
    tls_watch *w = arg;
    w->timer = loop_timer_start(w->control, LOOK_MS, look, w);
    w->round = (file_glance){.next = 0};
    look_at_listeners(w);
    revocation_look();
    origins_each(look_at_origin, w);
}

tls_watch *tls_watch_start(loop *control, generation *const *newest)
{
    tls_watch *w = kit_calloc(1, sizeof(*w));
    *w = (tls_watch){.control = control, .newest = newest};
    w->timer = loop_timer_start(control, LOOK_MS, look, w);
    return w;
}

void tls_watch_stop(tls_watch **ref)
{
    tls_watch *w = *ref;
    if (w != NULL) {
        loop_timer_stop(w->timer);
        free(w);
        *ref = NULL;
    }
}
