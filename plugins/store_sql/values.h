/* SPDX-License-Identifier: Apache-2.0 */
/* Values as databases write them. None of them is trusted. */
#pragma once

#include <cmp/base.h>

/* Valid UTF-8 without NUL. */
bool value_is_text(cmp_str value);

/* A decimal number with an optional minus. */
CMP_MUST_USE bool value_integer(cmp_str value, int64_t *number);

/* A time: a whole number (Unix milliseconds), `infinity`, or a timestamp as PostgreSQL and RFC 3339
 * write it: 2026-12-24, 2026-12-24 18:00:00.5+01, 2026-12-24T18:00:00Z. UTC when it names no zone.
 */
CMP_MUST_USE bool value_time(cmp_str value, int64_t *ms);
