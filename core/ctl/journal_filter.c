/* SPDX-License-Identifier: Apache-2.0 */
/* See journal_filter.h. */
#include "ctl/journal_filter.h"

#include "base/clock.h"
#include "conf/conf.h"
#include "ctl/output.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/text.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- where ---- */

static char *folder_of(const char *config)
{
    cmp_report report;
    report_init(&report);
    conf *c = conf_load(config, &report);
    char *path = NULL;
    if (c == NULL || report.count != 0) {
        output_fail_report(&report);
    } else if (c->top.journal.path == NULL) {
        output_fail("%s: journal.path is not configured", config);
    } else {
        path = kit_strdup(c->top.journal.path);
    }
    conf_destroy(&c);
    report_dispose(&report);
    return path;
}

/* ---- when ---- */

/* "15m": so long ago. */
static bool ago(const char *text, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    const size_t size = strlen(text);
    int64_t number;
    if (size < 2 || !kit_number_parse((cmp_str){text, size - 1}, 0, 1000000, &number)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (text[size - 1] == units[i].unit) {
            *ms = clock_now_ms() - number * units[i].ms;
            return true;
        }
    }
    return false;
}

static bool read_time(const char *option, const char *text, int64_t fallback, int64_t *ms)
{
    *ms = fallback;
    return text == NULL || ago(text, ms) || args_time(option, text, ms);
}

/* ---- which ---- */

static bool none_is_empty(const journal_options_given *given)
{
    return args_not_empty("--peer", given->peer) && args_not_empty("--tid", given->tid) &&
           args_not_empty("--ici", given->ici) && args_not_empty("--verdict", given->verdict);
}

bool journal_filter_make(const journal_options_given *given, journal_filter *f)
{
    *f = (journal_filter){.peer = cmp_str_from(given->peer),
                          .tid = cmp_str_from(given->tid),
                          .ici = cmp_str_from(given->ici),
                          .verdict = cmp_str_from(given->verdict)};
    if ((given->config == NULL) == (given->path == NULL)) {
        output_fail("either --config or --path has to be given");
        return false;
    }
    if (!none_is_empty(given) || !read_time("from", given->from, INT64_MIN, &f->span.from_ms) ||
        !read_time("until", given->until, INT64_MAX, &f->span.until_ms) ||
        (given->kind != NULL && !args_choice("kind", given->kind, journal_kind_names, &f->kind))) {
        return false;
    }
    f->folder = given->path != NULL ? kit_strdup(given->path) : folder_of(given->config);
    return f->folder != NULL;
}

void journal_filter_free(journal_filter *f)
{
    free(f->folder);
    f->folder = NULL;
}

journal_stream journal_filter_stream(const journal_filter *f)
{
    return f->kind == JOURNAL_REJECTION ? JOURNAL_STREAM_REJECTIONS : JOURNAL_STREAM_JOURNAL;
}

static bool is_one_of(cmp_str wanted, const journal_record *r, const journal_text *texts,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cmp_str_equal(r->texts[texts[i]], wanted)) {
            return true;
        }
    }
    return wanted.at == NULL;
}

/* Not what handsets ask, nor who reads or writes codes, of which nobody has an attempt. What was
 * asked of a third CMP belongs to that one, whoever it was asked for. */
static bool is_between_peers(const journal_record *r)
{
    return r->kind == JOURNAL_REJECTION ||
           (r->texts[JOURNAL_PEER].size > 0 && r->texts[JOURNAL_TID].size > 0 &&
            r->interface != CMP_INTERFACE_CODES);
}

bool journal_filter_fits(const journal_filter *f, const journal_record *r)
{
    static const journal_text peers[] = {JOURNAL_PEER, JOURNAL_NEXT_PEER, JOURNAL_ORIGIN_PEER};
    static const journal_text tids[] = {JOURNAL_TID, JOURNAL_NEXT_TID, JOURNAL_ORIGIN_TID};
    return (f->kind == 0 || (int)r->kind == f->kind) && (!f->exchange || is_between_peers(r)) &&
           is_one_of(f->peer, r, peers, f->exchange ? 1 : 3) && is_one_of(f->tid, r, tids, 3) &&
           (f->ici.at == NULL || kit_ascii_equal_fold(f->ici, r->texts[JOURNAL_ICI])) &&
           (f->verdict.at == NULL || cmp_str_equal(f->verdict, r->texts[JOURNAL_CODE]) ||
            cmp_str_equal(f->verdict, cmp_str_from(journal_verdict_names[r->verdict])));
}

journal_reader *journal_filter_open(const journal_filter *f)
{
    journal_reader *r = journal_reader_open(f->folder, journal_filter_stream(f), f->span);
    if (r == NULL) {
        output_fail("%s: %s", f->folder, strerror(errno));
    }
    return r;
}

void journal_warn(const journal_filter *f, journal_reader *r)
{
    journal_reader_end(r);
    const journal_state *s = journal_reader_state(r);
    if (s->lost > 0) {
        output_warn(journal_filter_stream(f) == JOURNAL_STREAM_REJECTIONS
                        ? "%llu more rejections were not recorded (journal.rejections)"
                        : "%llu records are not in the journal: there was no room for them",
                    (unsigned long long)s->lost);
    }
    if (s->missing > 0) {
        output_warn("%llu records are missing, and nothing says why",
                    (unsigned long long)s->missing);
    }
    if (s->twice > 0) {
        output_warn("%llu records are there twice", (unsigned long long)s->twice);
    }
    if (s->damaged > 0) {
        output_warn("%llu octets are damaged, and were passed over",
                    (unsigned long long)s->damaged);
    }
    if (s->torn > 0) {
        output_warn("%llu files have no whole end: cmpd, or the machine, did not end in order",
                    (unsigned long long)s->torn);
    }
    if (s->strange > 0) {
        output_warn("%llu files are no segments, or of a later version",
                    (unsigned long long)s->strange);
    }
}
