/* SPDX-License-Identifier: Apache-2.0 */
/* See log_limit.h: a small table for each limit. The words that are changed without the lock stay
 * good whoever changes them, so a subject that is forgotten at the very moment when it is noisy
 * again costs no more than a line counted under another name. */
#include "base/log_limit.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log_source.h"
#include "base/rate.h"

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define SUBJECTS     LOG_LIMIT_SUBJECTS
#define WAYS         8 /* places that one subject may have */
#define TEXT_SIZE    64
#define FIELDS_MAX   16
#define QUIET_US     2000000 /* no line since then: it is over for now */
#define COUNT_DIGITS 24

typedef struct subject {
    rate lines;
    _Atomic uint64_t not_logged;
    _Atomic int64_t last_us;                /* when a line was not logged last */
    char text[TEXT_SIZE], cause[TEXT_SIZE]; /* with the lock held */
} subject;

struct log_limit_state {
    log_limit *limit;
    log_limit_state *next;
    rate lines;                      /* of all together */
    _Atomic uint64_t keys[SUBJECTS]; /* 0: nobody */
    subject subjects[SUBJECTS];
    subject others; /* those that have no place */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the list, and who has which place */
static log_limit_state *states;
static _Atomic uint64_t total;

/* ---- places ---- */

/* The burst is a number of lines here, not a time as rate_init takes it. */
static void allow(rate *r, log_allowance a)
{
    rate_init(r, (int64_t)a.per_minute * 60, 0);
    r->ahead_ns = (a.burst > 1 ? a.burst - 1 : 0) * r->interval_ns;
}

/* Never freed: limits live as long as the process. */
static log_limit_state *state_make(log_limit *l)
{
    pthread_mutex_lock(&lock);
    log_limit_state *s = atomic_load_explicit(&l->state, memory_order_relaxed);
    if (s == NULL) {
        s = kit_calloc(1, sizeof(*s));
        s->limit = l;
        allow(&s->lines, l->all);
        allow(&s->others.lines, l->each);
        for (size_t i = 0; i < SUBJECTS; i++) {
            allow(&s->subjects[i].lines, l->each);
        }
        s->next = states;
        states = s;
        atomic_store_explicit(&l->state, s, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return s;
}

static log_limit_state *state_of(log_limit *l)
{
    log_limit_state *s = atomic_load_explicit(&l->state, memory_order_acquire);
    return s != NULL ? s : state_make(l);
}

/* What counts as one subject: one IPv6 host can use all addresses of its /64. */
static cmp_str identity(const log_limit *l, cmp_str who)
{
    if (l->by == LOG_BY_SOURCE && !address_is_v4((const uint8_t *)who.at)) {
        who.size = 8;
    }
    return who;
}

static uint64_t key_of(const log_limit *l, cmp_str who, const char *cause)
{
    const uint64_t parts[2] = {hash_str(identity(l, who)),
                               cause != NULL ? hash_octets(cause, strlen(cause)) : 0};
    return hash_octets(parts, sizeof(parts)) | 1; /* never 0 */
}

/* The lowest bit of a key is always set: not from there. */
static size_t place_at(uint64_t key, size_t way)
{
    return (size_t)((key >> 8) + way) % SUBJECTS;
}

static subject *find(log_limit_state *s, uint64_t key)
{
    for (size_t way = 0; way < WAYS; way++) {
        const size_t place = place_at(key, way);
        if (atomic_load_explicit(&s->keys[place], memory_order_acquire) == key) {
            return &s->subjects[place];
        }
    }
    return NULL;
}

/* Nothing is lost when it is forgotten: all its lines are free again, and all were told of. */
static bool is_idle(const subject *of, int64_t now_us)
{
    return atomic_load_explicit(&of->not_logged, memory_order_relaxed) == 0 &&
           atomic_load_explicit(&of->lines.due_ns, memory_order_relaxed) <= now_us * 1000;
}

static void describe(const log_limit *l, subject *of, cmp_str who, const char *cause)
{
    if (l->by == LOG_BY_SOURCE) {
        uint8_t address[16] = {0};
        const cmp_str network = identity(l, who);
        memcpy(address, network.at, network.size);
        log_source_write(address, (unsigned)network.size * 8, of->text);
    } else {
        snprintf(of->text, sizeof(of->text), "%.*s", (int)who.size, who.at);
    }
    snprintf(of->cause, sizeof(of->cause), "%s", cause != NULL ? cause : "");
}

static subject *find_idle(log_limit_state *s, uint64_t key, int64_t now_us)
{
    for (size_t way = 0; way < WAYS; way++) {
        subject *of = &s->subjects[place_at(key, way)];
        if (is_idle(of, now_us)) {
            return of;
        }
    }
    return NULL;
}

static subject *place_claim(log_limit_state *s, uint64_t key, cmp_str who, const char *cause,
                            int64_t now_us)
{
    pthread_mutex_lock(&lock);
    subject *of = find(s, key);
    if (of == NULL && (of = find_idle(s, key, now_us)) != NULL) {
        describe(s->limit, of, who, cause);
        atomic_store_explicit(&s->keys[of - s->subjects], key, memory_order_release);
    }
    pthread_mutex_unlock(&lock);
    return of != NULL ? of : &s->others;
}

/* ---- taking ---- */

/* Without a lock, and without a look at the other subjects: this is what a flood costs for each
 * line. */
static bool count(subject *of, int64_t now_us)
{
    atomic_fetch_add_explicit(&of->not_logged, 1, memory_order_relaxed);
    atomic_store_explicit(&of->last_us, now_us, memory_order_relaxed);
    atomic_fetch_add_explicit(&total, 1, memory_order_relaxed);
    return false;
}

/* The subject's own allowance is asked first: one that has none left must not use up what is for
 * all. */
static bool take(log_limit_state *s, subject *of, int64_t now_us, uint64_t *not_logged)
{
    if (rate_take(&of->lines, now_us) != 0 || rate_take(&s->lines, now_us) != 0) {
        return count(of, now_us);
    }
    *not_logged = atomic_exchange_explicit(&of->not_logged, 0, memory_order_relaxed);
    return true;
}

/* Somebody new needs a place only when there is a line to write, so that many who come once each
 * cost no lock. */
static bool take_new(log_limit_state *s, uint64_t key, cmp_str who, const char *cause,
                     int64_t now_us, uint64_t *not_logged)
{
    if (find_idle(s, key, now_us) == NULL) {
        return take(s, &s->others, now_us, not_logged);
    }
    if (rate_take(&s->lines, now_us) != 0) {
        return count(&s->others, now_us);
    }
    subject *of = place_claim(s, key, who, cause, now_us);
    if (rate_take(&of->lines, now_us) != 0) {
        return count(of, now_us);
    }
    *not_logged = atomic_exchange_explicit(&of->not_logged, 0, memory_order_relaxed);
    return true;
}

bool log_limit_take(log_limit *l, cmp_str who, const char *cause, uint64_t *not_logged)
{
    *not_logged = 0;
    if (!log_wanted(l->level)) {
        return false;
    }
    log_limit_state *s = state_of(l);
    const int64_t now_us = clock_monotonic_us();
    const uint64_t key = key_of(l, who, cause);
    subject *of = find(s, key);
    return of != NULL ? take(s, of, now_us, not_logged)
                      : take_new(s, key, who, cause, now_us, not_logged);
}

void log_limited_v(log_limit *l, cmp_str who, const char *cause, const log_field *fields,
                   size_t field_count, const char *format, va_list args)
{
    uint64_t not_logged;
    if (!log_limit_take(l, who, cause, &not_logged)) {
        return;
    }
    char digits[COUNT_DIGITS];
    log_field all[FIELDS_MAX];
    size_t n = field_count < FIELDS_MAX ? field_count : FIELDS_MAX - 1;
    if (n > 0) {
        memcpy(all, fields, n * sizeof(*all));
    }
    if (not_logged > 0) {
        snprintf(digits, sizeof(digits), "%llu", (unsigned long long)not_logged);
        all[n++] = (log_field){LOG_NUMBER "not_logged", cmp_str_from(digits)};
    }
    char area[TEXT_SIZE];
    snprintf(area, sizeof(area), "%.*s", l->area == NULL ? (int)who.size : 0, who.at);
    log_write_v(l->level, l->area != NULL ? l->area : area, all, n, format, args);
}

void log_limited(log_limit *l, cmp_str who, const char *cause, const log_field *fields,
                 size_t field_count, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_limited_v(l, who, cause, fields, field_count, format, args);
    va_end(args);
}

/* ---- what was not logged ---- */

static void tell(const log_limit *l, const subject *of, const char *who, uint64_t not_logged)
{
    log_field fields[2];
    size_t n = 0;
    if (l->name != NULL && who[0] != '\0') {
        fields[n++] = (log_field){l->name, cmp_str_from(who)};
    }
    if (of->cause[0] != '\0') {
        fields[n++] = (log_field){"cause", cmp_str_from(of->cause)};
    }
    log_write(l->level, l->area != NULL ? l->area : who, fields, n, "%llu more %s were not logged",
              (unsigned long long)not_logged, l->what);
}

/* Counts as a line, so that what comes and goes is not told of more often than it may. */
static void tell_when_quiet(log_limit_state *s, subject *of, const char *who, int64_t now_us,
                            bool at_once)
{
    if (atomic_load_explicit(&of->not_logged, memory_order_relaxed) == 0) {
        return;
    }
    const int64_t last_us = atomic_load_explicit(&of->last_us, memory_order_relaxed);
    if (at_once || (now_us - last_us >= QUIET_US && rate_take(&s->lines, now_us) == 0 &&
                    rate_take(&of->lines, now_us) == 0)) {
        const uint64_t not_logged =
            atomic_exchange_explicit(&of->not_logged, 0, memory_order_relaxed);
        tell(s->limit, of, who, not_logged);
    }
}

static void tell_all(bool at_once)
{
    const int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&lock);
    for (log_limit_state *s = states; s != NULL; s = s->next) {
        for (size_t i = 0; i < SUBJECTS; i++) {
            subject *of = &s->subjects[i];
            tell_when_quiet(s, of, of->text, now_us, at_once);
        }
        tell_when_quiet(s, &s->others, "others", now_us, at_once);
    }
    pthread_mutex_unlock(&lock);
}

void log_limits_tick(void)
{
    tell_all(false);
}

void log_limits_flush(void)
{
    tell_all(true);
}

uint64_t log_limits_count(void)
{
    return atomic_load_explicit(&total, memory_order_relaxed);
}
