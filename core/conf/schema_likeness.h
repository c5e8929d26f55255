/* SPDX-License-Identifier: Apache-2.0 */
/* What a section says, as one likeness. */
#pragma once

#include "base/likeness.h"

#include <cmp/option.h>

/* Adds all that rows have filled: values, defaults included, and with `files` the state of those
 * that paths name. Not what stands in the files of a folder. */
void schema_likeness(likeness_sum *sum, const cmp_option *rows, const void *options, bool files);

/* What one row says, without files. */
likeness schema_likeness_of(const cmp_option *row, const void *options);
