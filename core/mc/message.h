/* SPDX-License-Identifier: Apache-2.0 */
/* One request message (10.5.1.1, Table 19), decoded but not yet validated. */
#pragma once

#include "base/error.h"

#include <cmp-kit/arena.h>
#include <cmp/message.h>

#define CONTEXTUAL_MAX      32             /* SPEC 2 [profile] */
#define CONTEXTUAL_SIZE_MAX ((size_t)4096) /* names and values together */
#define PARAM_NAME_MAX      ((size_t)64)   /* of a contextual parameter; all others are shorter */
#define PARAM_VALUE_MAX     ((size_t)256)  /* of Table 19: no row allows more */

typedef struct message {
    cmp_str params[CMP_PARAM_MAX]; /* absent ones are CMP_NONE */
    cmp_pair *contextual;          /* in the request's order; at most CONTEXTUAL_MAX */
    size_t contextual_count;
    size_t contextual_size;
    int64_t
        count; /* the value of params[CMP_PARAM_COUNT], 0 when absent; set by message_validate */
} message;

/* What is wrong with a request. */
typedef struct fault {
    error_code code;
    cmp_str parameter;  /* the one at fault; absent when none is. Lives as long as the message */
    const char *detail; /* one sentence without a full stop; static; may be NULL */
} fault;

/* Everything about a parameter of Table 19 stands in one table (message.c): a new parameter is one
 * row there and one enumerator in <cmp/message.h>. */

/* Its name on the wire. Static, ended by NUL. */
cmp_str param_name(cmp_param param);

/* What becomes of it at the next hop, and on MC-1. */
typedef enum param_hop {
    PARAM_MADE,    /* each hop makes its own; refused on MC-1, where the Home CMP makes it */
    PARAM_WRITTEN, /* goes on, by rules of its own */
    PARAM_PASSED,  /* goes on as it came, unless the peer's `release` withholds it */
} param_hop;

param_hop param_at_hop(cmp_param param);

/* The parameter of that name (`in` is an alias of income), or CMP_PARAM_MAX. */
cmp_param param_find(cmp_str name);

/* The part of a received name that a fault may show: up to the first octet that no name has, at
 * most 64; absent when nothing is left. Points into `name`. */
cmp_str param_shown(cmp_str name);

/* The most octets that a value of that name may have here; message_add refuses one that has more,
 * so nobody need decode the rest of it. */
size_t message_room(const message *m, cmp_str name);

/* Adds one decoded parameter; octets are borrowed. False with *f filled: given twice, too long, a
 * contextual name that is none, too many of them, invalid UTF-8, control characters, NUL. */
CMP_MUST_USE bool message_add(message *m, kit_arena *a, cmp_str name, cmp_str value, fault *f);

/* Checks every value against its row of Table 19 and that mandatory parameters are there (`tid`,
 * `ici`, `user`). Sets m->count. The first fault in the table's order is reported. */
CMP_MUST_USE bool message_validate(message *m, fault *f);

/* Only what authentication needs: tid and ici are there and not empty. */
CMP_MUST_USE bool message_identified(const message *m, fault *f);

/* A hash of all parameters: tells an identical repeat from a request that differs in what is not
 * signed, for 9.3.2 signs tid and ici only. Absent and empty are told apart. */
uint64_t message_digest(const message *m, uint64_t seed);
