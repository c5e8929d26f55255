/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text (RFC 3339, 5.6). Any thread. */
#pragma once

#include <cmp/base.h>

__BEGIN_DECLS

/* Reads a time such as 2026-11-24T05:30:00.250Z or 2026-11-24T06:30:00+01:00 to Unix time in
 * milliseconds; what is finer is cut off. False, with *ms as it was, when the whole of `text` is no
 * such time. */
CMP_MUST_USE bool kit_time_parse(cmp_str text, int64_t *ms);

/* Space for a time with its NUL. */
#define KIT_TIME_TEXT_SIZE 32

/* Writes Unix milliseconds in UTC, with three digits of a second and a NUL. Times outside the years
 * 0000 to 9999, for which there is no text, become the nearest one that has it. */
void kit_time_format(int64_t ms, char text[KIT_TIME_TEXT_SIZE]);

__END_DECLS
