/* SPDX-License-Identifier: Apache-2.0 */
/* See request_log.h. Where no line is wanted it costs a comparison. */
#include "pipeline/request_log.h"

#include "base/log_limit.h"
#include "base/log_source.h"
#include "conf/conf.h"
#include "pipeline/trace.h"

#include <cmp-kit/uuid.h>

#include <stdio.h>

#define FIELDS_MAX  16
#define NUMBER_TEXT 24

/* 499 is nobody's answer: nginx made it the word for a client that closed first, and those who read
 * logs know it. */
#define STATUS_CLIENT_GONE 499

/* What anybody can cause, for each level. */
#define LIMIT_OF(of_level)                                                                         \
    {                                                                                              \
        .level = (of_level), .area = "pipeline", .what = "requests that were refused",             \
        .name = "source", .by = LOG_BY_SOURCE, .each = {60, 60}, .all = {600, 600},                \
    }
static log_limit refusals[] = {
    [CMP_LOG_ERROR] = LIMIT_OF(CMP_LOG_ERROR),   [CMP_LOG_WARNING] = LIMIT_OF(CMP_LOG_WARNING),
    [CMP_LOG_NOTICE] = LIMIT_OF(CMP_LOG_NOTICE), [CMP_LOG_INFO] = LIMIT_OF(CMP_LOG_INFO),
    [CMP_LOG_DEBUG] = LIMIT_OF(CMP_LOG_DEBUG),
};

/* One in so many, of each worker for itself: the same ones whatever the others do. */
static bool is_sampled(worker *w, int64_t sample)
{
    return sample == 1 || w->requests_ended++ % (uint64_t)sample == 0;
}

static bool is_anonymous(const txn *t)
{
    return interfaces[t->request.interface].anonymous;
}

/* step_authenticate has logged the rejection, within limits. */
static bool is_rejected(const txn *t)
{
    return t->requestor == NULL && t->bearer == NULL && !is_anonymous(t);
}

/* No rate of ours holds these back. */
static bool is_anybodys_refusal(const txn *t, bool good)
{
    return !good && (is_anonymous(t) || t->fault.code == ERROR_RATE_LIMITED);
}

typedef struct fields {
    log_field at[FIELDS_MAX];
    size_t count;
    char status[NUMBER_TEXT], took[NUMBER_TEXT], sample[NUMBER_TEXT], source[LOG_SOURCE_SIZE];
} fields;

/* What there is not is left out. */
static void add(fields *f, const char *name, cmp_str value)
{
    if (value.size > 0) {
        f->at[f->count++] = (log_field){name, value};
    }
}

static void add_number(fields *f, const char *name, char text[NUMBER_TEXT], int64_t value)
{
    snprintf(text, NUMBER_TEXT, "%lld", (long long)value);
    add(f, name, cmp_str_from(text));
}

static cmp_str code_of(const txn *t, const txn_answer *a, bool good)
{
    return good        ? CMP_STR("ok")
           : a != NULL ? cmp_str_from(error_info_of(t->fault.code)->code)
                       : CMP_STR("client_gone");
}

static void add_hop(fields *f, const hop *h)
{
    if (h != NULL) {
        add(f, "next", h->to->name);
        add(f, "next_tid", (cmp_str){h->tid, h->tid[0] != '\0' ? KIT_UUID_TEXT_SIZE : 0});
    }
}

/* Whether requests leave lines, at least some of them. */
static bool is_wanted(const txn *t)
{
    return log_wanted((cmp_log_level)t->generation->conf->top.log.requests.level);
}

void request_log(const txn *t, const txn_answer *a, cmp_str ici, cmp_str who, int64_t took_us)
{
    const conf_request_log *o = &t->generation->conf->top.log.requests;
    if (!is_wanted(t) || is_rejected(t) || is_traced(t) || !is_sampled(t->worker, o->sample)) {
        return;
    }
    const bool good = a != NULL && t->result != RESULT_PROBLEM;
    fields f = {.count = 0};
    add(&f, "tid", t->request.message.params[CMP_PARAM_TID]);
    add(&f, "ici", ici);
    add(&f, "peer", who);
    add(&f, "listener", t->listener->name);
    add_number(&f, LOG_NUMBER "status", f.status, a != NULL ? a->status : STATUS_CLIENT_GONE);
    add(&f, "code", code_of(t, a, good));
    add_number(&f, LOG_NUMBER "ms", f.took, took_us / 1000);
    add_hop(&f, t->hop);
    add(&f, "trace", txn_trace_id(t));
    if (o->source) {
        f.at[f.count++] = log_source(t->request.source, f.source);
    }
    if (o->sample > 1) {
        add_number(&f, LOG_NUMBER "sample", f.sample, o->sample);
    }
    if (is_anybodys_refusal(t, good)) {
        const cmp_str source = {(const char *)t->request.source, sizeof(t->request.source)};
        log_limited(&refusals[o->level], source,
                    a != NULL ? error_info_of(t->fault.code)->code : NULL, f.at, f.count,
                    "request");
    } else {
        log_write((cmp_log_level)o->level, "pipeline", f.at, f.count, "request");
    }
}
