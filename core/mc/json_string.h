/* SPDX-License-Identifier: Apache-2.0 */
/* The strings of a JSON text that is being read. */
#pragma once

#include "mc/json_in.h"

/* The reading has come to its end by that; false. */
static inline bool json_fail(json_in *in, json_fault fault)
{
    in->fault = fault;
    return false;
}

static inline cmp_str json_rest(const json_in *in)
{
    return (cmp_str){in->at, (size_t)(in->end - in->at)};
}

/* Reads a string, behind the quote that begins it, of which no more than `max` octets are wanted.
 * *text lies in the body, or in the arena when it had escapes, and is what was read of it also when
 * it is longer than that, which is a fault. U+0000 in it is noted in `has_nul`. False at a fault.
 */
CMP_MUST_USE bool json_string_read(json_in *in, size_t max, cmp_str *text);

/* Passes over one that nobody wants, as strictly, and without U+0000. */
CMP_MUST_USE bool json_string_skip(json_in *in);
