/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a content variant for a request ("to tailor the response", Table 19). */
#pragma once

#include "mc/message.h"

#include <cmp/record.h>

/* The name of a condition that is no parameter: when the rule holds. */
#define VARIANT_TIME "time"

/* The first variant of the record whose conditions all hold for the message at that time, or NULL:
 * the default content. A parameter that the request does not carry matches no condition. A range in
 * the request matches a rule's range when it lies inside it; free text never matches a numeric rule
 * and matches a free-text rule when equal without regard to ASCII case. */
const cmp_variant *variant_choose(const cmp_record *record, const message *m, int64_t now_ms);

/* The language that the variant's rule asks for, or absent. */
cmp_str variant_language(const cmp_variant *variant);

/* Whether `value` can be a condition on `name`; otherwise *expected says what could. */
CMP_MUST_USE bool variant_condition_valid(cmp_str name, cmp_str value, const char **expected);
