/* SPDX-License-Identifier: Apache-2.0 */
/* Where a browser is sent to (SPEC 3, MC-1): the content of a code as the value of Location. */
#pragma once

#include <cmp-kit/arena.h>

/* `content` as a URI, if it is an http or https IRI, in any case of letters. Characters that a URI
 * does not have are mapped as RFC 3987, 3.1, says, those of the host by IDNA 2008 (RFC 5891, UTS
 * 46). Visible ASCII only, whatever comes in; absent when the content has another scheme, or cannot
 * be mapped: white space, control characters, no good host or port. What needs no mapping is the
 * content itself; the rest lies in `memory`. Any thread. */
cmp_str location_of(cmp_str content, kit_arena *memory);
