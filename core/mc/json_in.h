/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON text that is being read: how far that is, and what has ended it. */
#pragma once

#include <cmp-kit/arena.h>

#define JSON_MEMBERS_MAX 64

typedef enum json_fault {
    JSON_FAULT_NONE,
    JSON_FAULT_SYNTAX, /* no object, or not well-formed */
    JSON_FAULT_TWICE,
    JSON_FAULT_MEMBERS,
    JSON_FAULT_DEPTH,
    JSON_FAULT_KIND, /* a value is not of the kind that was asked for */
    JSON_FAULT_LONG, /* a string is longer than was asked for */
} json_fault;

typedef struct json_in {
    const char *at, *end;
    kit_arena *memory;
    json_fault fault;
    unsigned count; /* members that were read */
    unsigned items; /* of the list that is being read */
    bool has_nul;   /* a string that was read holds U+0000 */
    cmp_str keys[JSON_MEMBERS_MAX];
} json_in;
