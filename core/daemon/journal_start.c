/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_start.h. */
#include "daemon/journal_start.h"

#include "base/log.h"
#include "daemon/somebody.h"
#include "journal/journal.h"

#include <unistd.h>

void journal_start_check(const conf *c, cmp_report *report)
{
    static const char key[] = "journal.path";
    const char *path = c->top.journal.path;
    char error[256];
    if (path == NULL) {
        return;
    }
    if (!journal_check(path, error, sizeof(error))) {
        report_add(report, conf_place_of(c, key), key, "%s: %s", path, error);
        return;
    }
    const int why = somebody_may(c, path, R_OK | W_OK | X_OK);
    if (why != 0) {
        report_add(report, conf_place_of(c, key), key, "%s: the user %s cannot write there: %s",
                   path, c->top.user, strerror(why));
    }
}

/* Segments are compressed by this program, called once more. */
bool journal_start(daemon_state *d)
{
    const conf_journal *c = &d->generation->conf->top.journal;
    const journal_options options = {.path = c->path,
                                     .workers = d->site.worker_count,
                                     .segment_bytes = (uint64_t)c->segment_bytes,
                                     .segment_age_ms = c->segment_age_ms,
                                     .keep_ms = c->keep_ms,
                                     .keep_bytes = (uint64_t)c->keep_bytes,
                                     .fsync = (journal_fsync)c->fsync,
                                     .when_full = (journal_when_full)c->when_full,
                                     .rejections = (unsigned)c->rejections,
                                     .rejections_bytes = (uint64_t)c->rejections_bytes,
                                     .pseudonyms = c->pseudonyms,
                                     .period_ms = c->pseudonym_period_ms,
                                     .packer = "/proc/self/exe"};
    char error[256];
    if (c->path == NULL) {
        return true;
    }
    d->process.journal = journal_open(&options, error, sizeof(error));
    if (d->process.journal == NULL) {
        log_error("journal", "%s: %s", c->path, error);
    }
    return d->process.journal != NULL;
}

void journal_stop(daemon_state *d)
{
    journal_close(&d->process.journal);
}
