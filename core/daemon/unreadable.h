/* SPDX-License-Identifier: Apache-2.0 */
/* Files that only root can read, where root's rights are given up: they are read once. */
#pragma once

#include "pipeline/generation.h"

/* Warns of each file of the configuration, of its plugins too, that the configured user could not
 * read again: nothing when the process is not root or is to stay it. Before privileges_drop; asks
 * the kernel in a child that has become the user. */
void unreadable_warn(const generation *g, cmp_report *report);
