/* SPDX-License-Identifier: Apache-2.0 */
/* Names that somebody chose freely, but that were probably to be one of Table 19's. */
#pragma once

#include <cmp/message.h>

/* The name that was meant by `name`, which is none of Table 19's (param_find): one of those, or
 * `other`, a word that has a meaning of its own in the same place (may be NULL). NULL when the name
 * is like none of them. Static, or `other`. */
const char *param_meant(cmp_str name, const char *other);
