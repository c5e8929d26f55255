/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer is told of a request that goes on to it (SPEC 5): a peer's `release`. */
#pragma once

#include "conf/conf.h"

/* In release.withhold: every contextual parameter. */
#define RELEASE_CONTEXTUAL "contextual"

/* Whether a parameter of that name stays here. */
bool release_withholds(const conf_release *release, cmp_str name);

/* NULL when there may be a parameter of that name which can be withheld; else what is wrong with
 * it, in `memory`. */
const char *release_fault(cmp_str name, kit_arena *memory);
