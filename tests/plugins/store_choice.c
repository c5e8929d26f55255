/* SPDX-License-Identifier: Apache-2.0 */
/* A store whose instances do not all do the same, and some of them nothing that a host could use:
 * for tests of cmp_plugin.choose. */
#include "bad.h"

static const char *const choices[] = {"at-once", "pending", "refused", "mute",
                                      "hollow",  "foreign", NULL};

typedef struct options {
    int as;
} options;

CMP_OPTIONS(rows, options) = {
    CMP_ROW_ENUM("as", options, as, choices, "which descriptor serves the instance"),
    CMP_OPTION_END,
};

static void cancel(void *instance, void *worker, cmp_op op, void *data)
{
    (void)instance, (void)worker, (void)op, (void)data;
}

static const cmp_store_ops pending_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = bad_lookup,
    .cancel = cancel,
};

#define SERVED .create = bad_create, .destroy = bad_destroy

/* In the order of `choices`; one without a name stands for NULL. */
static const cmp_plugin descriptors[] = {
    {CMP_PLUGIN_ABI, .name = "store_choice", .kind = CMP_PLUGIN_STORE, SERVED,
     .ops.store = &bad_ops},
    {CMP_PLUGIN_ABI, .name = "store_choice", .kind = CMP_PLUGIN_STORE, SERVED,
     .ops.store = &pending_ops},
    {.name = NULL},
    {.name = NULL},
    {CMP_PLUGIN_ABI, .name = "store_choice", .kind = CMP_PLUGIN_STORE, SERVED},
    {CMP_PLUGIN_ABI, .name = "store_other", .kind = CMP_PLUGIN_STORE, SERVED,
     .ops.store = &bad_ops},
};

static const cmp_plugin *choose(const cmp_host *host, const void *opts, cmp_report *report)
{
    const cmp_plugin *chosen = &descriptors[((const options *)opts)->as];
    if (((const options *)opts)->as == 2) { /* refused; mute does not say why */
        host->report(report, "as", "that cannot be");
    }
    return chosen->name != NULL ? chosen : NULL;
}

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_choice",
    .kind = CMP_PLUGIN_STORE,
    .version = "1",
    .summary = "Different from instance to instance",
    CMP_PLUGIN_OPTIONS(rows),
    .choose = choose,
};
