/* SPDX-License-Identifier: Apache-2.0 */
/* The words that every plugin header shares: the ABI's number, strings, opaque handles, log levels.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CMP_ABI_MAJOR 2

/* The minor that a plugin is built for. With -DCMP_ABI_MINOR=0, or whichever it is content with, it
 * loads in hosts of that one as well: what it hands over is then as in that minor, and what a
 * host's table has beyond it is there where CMP_HOST_HAS says so. A field that came later in any
 * other struct stands under #if CMP_ABI_MINOR >= its minor. */
#ifndef CMP_ABI_MINOR
#define CMP_ABI_MINOR 1
#endif

#ifdef __cplusplus
#define CMP_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define CMP_EXPORT __attribute__((visibility("default")))
#endif

/* What stands before the braces of a value that is made in place. */
#ifdef __cplusplus
#define CMP_VALUE(type) type
#else
#define CMP_VALUE(type) (type)
#endif

#define CMP_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

/* A result that is not looked at is a bug. */
#define CMP_MUST_USE __attribute__((warn_unused_result))

/* A run of octets that somebody else owns; not NUL-terminated. How long it stays valid is said
 * where it is handed over. An absent value has at == NULL; an empty one has at != NULL, size 0. */
typedef struct cmp_str {
    const char *at;
    size_t size;
} cmp_str;

#define CMP_STR(literal) (CMP_VALUE(cmp_str){(literal), sizeof(literal) - 1})
#define CMP_NONE         (CMP_VALUE(cmp_str){NULL, 0})

/* A C string without its NUL; it stays whose it was. NULL is absent. */
static inline cmp_str cmp_str_from(const char *text)
{
    return text != NULL ? CMP_VALUE(cmp_str){text, strlen(text)} : CMP_NONE;
}

/* Octet by octet. An absent one equals an empty one: look at `at` where they differ. */
static inline bool cmp_str_equal(cmp_str a, cmp_str b)
{
    if (a.size == 0 || b.size == 0) { /* so that a compiler sees what is never compared */
        return a.size == b.size;
    }
    return a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

/* One event loop: the control loop of the process, or a worker's. Timers and descriptors live on
 * the loop that they were made on, and call back on its thread. The control loop is there from
 * cmp_plugin.start until destroy has returned, a worker's from worker_start until worker_stop has.
 */
typedef struct cmp_loop cmp_loop;

/* Both are the host's: a timer until it fires or is stopped, a watch until it is stopped. */
typedef struct cmp_timer cmp_timer;
typedef struct cmp_watch cmp_watch;

/* Collects errors of a configuration; the host adds file, line and column. Valid during the call
 * that hands it over. */
typedef struct cmp_report cmp_report;

/* One operation that a plugin was asked for, and the request that it is for: a handle, passed by
 * value, that may be copied and kept at will. What its fields say is the host's own business.
 *
 * It is good from the call that hands it over until the operation's end, that is, until the call
 * has returned anything but PENDING, or the completion was called; on the thread of the worker that
 * asked, and for the instance that was asked. A plugin that blocks has a handle that is good on the
 * pool's thread and until the call returns. Otherwise the handle is stale, for good: whatever is
 * called with it changes nothing for anybody and answers that nothing is there, and the host counts
 * it (stale_operations) and names the instance that called in its log. */
typedef struct cmp_op {
    uint32_t worker, slot;
    uint64_t generation; /* of no two operations the same, and never 0 */
} cmp_op;

/* No operation: stale everywhere. */
#define CMP_OP_NONE (CMP_VALUE(cmp_op){0, 0, 0})

static inline bool cmp_op_is_none(cmp_op op)
{
    return op.generation == 0;
}

typedef enum cmp_log_level {
    CMP_LOG_ERROR,
    CMP_LOG_WARNING,
    CMP_LOG_NOTICE,
    CMP_LOG_INFO,
    CMP_LOG_DEBUG,
} cmp_log_level;
