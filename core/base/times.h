/* Times as text. */
#pragma once

#include <cmp/base.h>

/* RFC 3339, for example 2026-11-24T05:30:00.250Z; offsets are taken into account. Unix time in
 * milliseconds. */
bool time_parse(cmp_str text, int64_t *ms);
#define TIME_TEXT_SIZE 32
void time_format(int64_t ms, char text[TIME_TEXT_SIZE]);
