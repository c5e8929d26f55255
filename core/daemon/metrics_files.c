/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics_files.h. */
#include "daemon/metrics_files.h"

#include "base/clock.h"
#include "daemon/endings.h"

typedef struct shown {
    exposition *e;
    bool crls;
    int64_t now_s;
} shown;

static void expose(const ending *f, void *arg)
{
    const shown *s = arg;
    if ((f->kind == ENDING_CRL) != s->crls) {
        return;
    }
    const exposition_label labels[] = {{"of", f->of},
                                       {"name", f->name},
                                       {"kind", s->crls ? NULL : ending_names[f->kind]},
                                       {"file", f->path}};
    exposition_labels(s->e, labels, 4);
    exposition_number(s->e, (double)(f->end_s - s->now_s));
}

void metrics_expose_files(exposition *e, const generation *g)
{
    shown s = {.e = e, .now_s = clock_now_ms() / 1000};
    exposition_family(e, METRIC_GAUGE, "cmpd_certificate_left_seconds", "seconds",
                      "How long the certificates of a file are still valid; less than 0: they are "
                      "over");
    endings_each(&g->conf->top, expose, &s);
    s.crls = true;
    exposition_family(e, METRIC_GAUGE, "cmpd_crl_left_seconds", "seconds",
                      "How long it is until a revocation list should be followed by the next; less "
                      "than 0: it is too old");
    endings_each(&g->conf->top, expose, &s);
}
