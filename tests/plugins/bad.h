/* SPDX-License-Identifier: Apache-2.0 */
/* What the deliberately wrong plugins share: a store that is right but for the one thing that each
 * of them gets wrong. */
#pragma once

#include <cmp/plugin.h>

static int bad_instance;

static void *bad_create(const cmp_host *host, const void *options, void *previous,
                        cmp_report *report)
{
    (void)host, (void)options, (void)previous, (void)report;
    return &bad_instance;
}

static void bad_destroy(void *instance)
{
    (void)instance;
}

static cmp_store_verdict bad_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                    cmp_record *record)
{
    (void)instance, (void)worker, (void)ici, (void)op, (void)record;
    return CMP_STORE_ABSENT;
}

static const cmp_store_ops bad_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = bad_lookup,
};

#define BAD_REST                                                                                   \
    .version = "1", .summary = "Refused by every host", .create = bad_create,                      \
    .destroy = bad_destroy, .ops.store = &bad_ops
