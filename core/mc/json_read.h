/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one JSON object (RFC 8259) member by member and in one pass, for bodies that are too
 * frequent for a tree, and for those that come from anybody.
 *
 * Strict: octets that are no UTF-8, lone surrogates, control characters and anything behind the
 * object are errors.
 *
 * For any object there is json_next; beyond the RFC's grammar it refuses U+0000 and a member that
 * is given twice (the latter in the object itself, not in values nested in it). For an object of
 * strings, or of lists of strings, there are json_key and what follows it: they read no further
 * than the first thing that is not wanted, so that their cost is bounded by what is. */
#pragma once

#include "mc/json_in.h"

#define JSON_DEPTH_MAX 32 /* objects and arrays within each other, the outermost one included */

typedef enum json_kind {
    JSON_KIND_NONE, /* for those who keep members: not there */
    JSON_KIND_STRING,
    JSON_KIND_INTEGER, /* no fraction, no exponent, and it fits in `number` */
    JSON_KIND_OTHER,   /* any other number, true, false, null, an object, an array */
} json_kind;

/* Strings lie in the body, or in the arena when they had escapes. */
typedef struct json_member {
    cmp_str key;
    json_kind kind;
    cmp_str value;  /* a string's octets, decoded; otherwise the value as it is written */
    int64_t number; /* of an integer */
} json_member;

/* Begins a reading; `body` and the arena must outlive the members. */
void json_open(json_in *in, cmp_str body, kit_arena *memory);

/* The next member. False, once, at the end of the body or at a fault: in->fault tells which. */
CMP_MUST_USE bool json_next(json_in *in, json_member *m);

/* ---- objects of strings ---- */

/* The next member's name, of at most `max` octets. False, once, at the end of the body or at a
 * fault. At JSON_FAULT_LONG *key is what was read of it, a little more than `max`. Whether it was
 * there before is the caller's to know. */
bool json_key(json_in *in, size_t max, cmp_str *key);

/* Its value, a string; the same. U+0000 may be in it. */
bool json_text(json_in *in, size_t max, cmp_str *text);

/* Or the beginning of a list of strings, and its next one; false, once, at its end or at a fault.
 */
bool json_list(json_in *in);
bool json_item(json_in *in, size_t max, cmp_str *text);

/* What is wrong, for a log. Static. */
const char *json_fault_text(json_fault fault);
