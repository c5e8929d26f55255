/* SPDX-License-Identifier: Apache-2.0 */
/* Values of `age` and `income` (Table 19): exact, range, bound, or free text. */
#pragma once

#include <cmp/base.h>

/* A closed interval of whole numbers; a bound has INT64_MIN or INT64_MAX at its open side. */
typedef struct range {
    int64_t low, high;
} range;

/* Reads an exact number (`35`, `50,000`) or a range (`22-55`, `35,000-75,000`), and with `bounds`
 * also `<30,000` and `>100,000` (both exclude the number itself). Commas group digits in threes.
 * False when the text is none of these (then it is free text, or wrong: range_looks_numeric). */
CMP_MUST_USE bool range_parse(cmp_str text, bool bounds, range *r);

/* Whether a text was meant as a number but is not a good one (begins with a digit, `<`, `>`). */
bool range_looks_numeric(cmp_str text);

static inline bool range_inside(range inner, range outer)
{
    return inner.low >= outer.low && inner.high <= outer.high;
}
