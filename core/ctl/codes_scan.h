/* SPDX-License-Identifier: Apache-2.0 */
/* Going through the codes of a store, for the commands that show or copy them. */
#pragma once

#include "plugin/instance.h"

typedef struct codes_scan {
    const char *prefix; /* only ICIs that begin with it, without regard to case; NULL: all */
    cmp_store_visit visit;
    void *arg;
} codes_scan;

/* Visits the codes. False after a message: the store failed, or a signal came. When `visit` ends
 * the scan that is no failure; it knows why it did. */
CMP_MUST_USE bool codes_scan_run(const codes_scan *scan, instance *store);
