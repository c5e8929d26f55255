/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON (RFC 8259) straight into memory, for bodies that are too frequent for a tree. */
#pragma once

#include <cmp/base.h>

/* With `to` NULL nothing is written and only `size` grows: the same calls first tell the exact
 * size, and then write just that much. */
typedef struct json_out {
    char *to;
    size_t size;
    bool escaped; /* set when a string was not plain (json_plain.h) from end to end */
    bool plain;   /* set by who knows that none is: strings are not looked at */
} json_out;

/* Octets as they are. */
void json_put(json_out *out, cmp_str octets);

/* A string with its quotes, escaped; `/` stays as it is. Octets that are no UTF-8 become U+FFFD, so
 * that the result is valid whatever the text is. */
void json_put_string(json_out *out, cmp_str text);

void json_put_number(json_out *out, uint64_t number);
