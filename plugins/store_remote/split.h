/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts {"records":[{…},{…}]} into the texts of its records, which the host reads. */
#pragma once

#include <cmp/base.h>

typedef struct split {
    const char *at, *end;
    bool first, good, ended;
} split;

void split_open(split *s, cmp_str text);

/* The next record's text: an object, as far as its brackets tell. False at the end, or where the
 * frame around the records is broken. */
CMP_MUST_USE bool split_next(split *s, cmp_str *json);

/* After split_next was false: the frame was good, with nothing behind it. */
bool split_good(const split *s);
