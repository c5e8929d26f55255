/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines that somebody outside can cause: so many a minute, and a count of the rest.
 *
 * One limit for each place that logs so, as a static object. Within it every subject (a peer, a
 * source) and cause has an allowance of its own, so that a noisy one hides nobody, and all together
 * have one, so that many together fill nothing. What was not logged is said with the next line that
 * is (as not_logged), and when it has been quiet for a while. Memory is fixed: subjects beyond
 * LOG_LIMIT_SUBJECTS that are noisy at one time share an allowance. Any thread; a lock is taken for
 * lines that are logged, never for those that are not. */
#pragma once

#include "base/log.h"

#define LOG_LIMIT_SUBJECTS 64

typedef enum log_by {
    LOG_BY_NAME,   /* the subject is text; absent: there is but one */
    LOG_BY_SOURCE, /* it is an address of 16 octets; IPv6 counts by /64 */
} log_by;

/* Lines a minute, and how many may come at once (at least one). */
typedef struct log_allowance {
    unsigned per_minute, burst;
} log_allowance;

/* What can be told of each other is enough, whatever goes on. */
#define LOG_EACH_FEW     ((log_allowance){12, 6})
#define LOG_EACH_MINUTE  ((log_allowance){1, 1})
#define LOG_ALL_TOGETHER ((log_allowance){60, 60})

typedef struct log_limit_state log_limit_state;

typedef struct log_limit {
    cmp_log_level level;
    const char *area; /* NULL: the subject, which is a part of ours */
    const char *what; /* in the plural: "… more WHAT were not logged" */
    const char *name; /* of the field that shows the subject: "peer"; NULL: none does */
    log_by by;
    log_allowance each, all;
    _Atomic(log_limit_state *) state; /* begins as NULL */
} log_limit;

/* Writes one line, or counts it. `cause` tells apart what is limited apart; NULL: nothing. Neither
 * it nor the subject is written into the line: `fields` and the message are all of it. */
void log_limited(log_limit *l, cmp_str subject, const char *cause, const log_field *fields,
                 size_t field_count, const char *format, ...) CMP_PRINTF(6, 7);
void log_limited_v(log_limit *l, cmp_str subject, const char *cause, const log_field *fields,
                   size_t field_count, const char *format, va_list args);

/* For lines that are costly to make: takes one line of the allowance. False: it is counted, and not
 * to be made. True: log_write it, with the count of those before that were not, if there were any.
 */
bool log_limit_take(log_limit *l, cmp_str subject, const char *cause, uint64_t *not_logged);

/* Says what was not logged of whatever has become quiet; to be called every second or so. */
void log_limits_tick(void);

/* The same, of all: for the end. */
void log_limits_flush(void);

/* How many lines were not logged, in all. */
uint64_t log_limits_count(void);
