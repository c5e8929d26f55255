/* SPDX-License-Identifier: Apache-2.0 */
/* Text of a JSON string that stands as it is: plain ASCII, and UTF-8. */
#pragma once

#include <cmp/base.h>

/* How many octets a text begins with that are whole characters, none of them a quote, a backslash
 * or a control character, and all of them good UTF-8 (RFC 3629, 4). Costs the same whatever they
 * are, so that nobody can choose a text that is dear; json_plain_run is faster for long runs of
 * ASCII. */
size_t json_text_run(cmp_str text);

/* The same by whichever is faster, and not always all of it: 0 only when there is none. */
size_t json_some_text(cmp_str text);
