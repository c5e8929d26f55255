/* SPDX-License-Identifier: Apache-2.0 */
/* What a section says, as one likeness. */
#pragma once

#include "base/likeness.h"

#include <cmp/option.h>

/* Adds all that rows have filled: values, defaults included, and the state of the files that paths
 * name. Not what stands in the files of a folder. */
void schema_likeness(likeness_sum *sum, const cmp_option *rows, const void *options);

/* The same of the row at a path such as "limits.referrals" (groups only lead to it). */
likeness schema_likeness_at(const cmp_option *rows, const void *options, const char *path);
