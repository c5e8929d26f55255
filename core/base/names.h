/* SPDX-License-Identifier: Apache-2.0 */
/* Names that a request or the configuration holds: hosts, keys. */
#pragma once

#include <cmp/base.h>

/* A fully qualified host name: 1 to 253 octets, at least one dot, labels of letters, digits and
 * inner hyphens of at most 63 octets, the last one not all digits (that would be an address); no
 * trailing dot, no port. */
bool host_valid(cmp_str text);

/* The name in `names` (ended by NULL) that is most like `text`, or NULL when none is near. */
const char *name_nearest(cmp_str text, const char *const *names);

/* Whether `text` is like `name` by the measure of name_nearest: the number of edits between them,
 * or SIZE_MAX when they have little in common. */
size_t name_distance(cmp_str text, const char *name);
