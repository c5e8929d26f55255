/* Reads one JSON object (RFC 8259) member by member, for bodies that are too frequent for a tree.
 *
 * Strict: octets that are no UTF-8, lone surrogates, control characters and anything behind the
 * object are errors. Beyond the RFC's grammar U+0000 and a member that is given twice are refused
 * (the latter in the object itself, not in values nested in it). */
#pragma once

#include <cmp-kit/arena.h>

#define JSON_MEMBERS_MAX 64
#define JSON_DEPTH_MAX   32 /* objects and arrays within each other, the outermost one included */

typedef enum json_fault {
    JSON_FAULT_NONE,
    JSON_FAULT_SYNTAX, /* no object, or not well-formed */
    JSON_FAULT_TWICE,
    JSON_FAULT_MEMBERS,
    JSON_FAULT_DEPTH,
} json_fault;

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

typedef struct json_in {
    const char *at, *end;
    kit_arena *memory;
    json_fault fault;
    unsigned count; /* members that were read */
    cmp_str keys[JSON_MEMBERS_MAX];
} json_in;

/* Begins a reading; `body` and the arena must outlive the members. */
void json_open(json_in *in, cmp_str body, kit_arena *memory);

/* The next member. False, once, at the end of the body or at a fault: in->fault tells which. */
CMP_MUST_USE bool json_next(json_in *in, json_member *m);

/* What is wrong, for a log. Static. */
const char *json_fault_text(json_fault fault);
