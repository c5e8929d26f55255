/* SPDX-License-Identifier: Apache-2.0 */
/* See minor.h, and trial_say_minor. */
#include "minor.h"

#include "plugin/abi.h"
#include "trial.h"

static bool is_zero(const void *at, size_t from, size_t to)
{
    const unsigned char *octets = at;
    for (size_t i = from; i < to; i++) {
        if (octets[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Whether nothing that a minor does not know yet is used. */
static bool minor_would_do(const cmp_plugin *p, unsigned minor)
{
    const abi_layout *then = abi_layout_of(minor), *now = abi_layout_of(CMP_ABI_MINOR);
    static const abi_struct ops[] = {[CMP_PLUGIN_AUTH] = ABI_cmp_auth_ops,
                                     [CMP_PLUGIN_STORE] = ABI_cmp_store_ops,
                                     [CMP_PLUGIN_ROUTE] = ABI_cmp_route_ops};
    const abi_struct of = ops[p->kind];
    bool good = is_zero(p, then->size[ABI_cmp_plugin], now->size[ABI_cmp_plugin]) &&
                (p->ops.auth == NULL || is_zero(p->ops.auth, then->size[of], now->size[of]));
    for (const cmp_option *row = p->options; good && row != NULL && row->name != NULL; row++) {
        good = is_zero(row, then->size[ABI_cmp_option], now->size[ABI_cmp_option]);
    }
    for (const cmp_command *row = p->commands; good && row != NULL && row->name != NULL; row++) {
        good = is_zero(row, then->size[ABI_cmp_command], now->size[ABI_cmp_command]);
    }
    return good;
}

unsigned minor_of_tables(const cmp_plugin *p)
{
    unsigned minor = 0;
    while (minor < p->abi_minor && !minor_would_do(p, minor)) {
        minor++;
    }
    return minor;
}

/* Of a plugin whose tables would do with less. */
void trial_say_minor(const trial *tr, const cmp_test *t)
{
    const unsigned built = tr->plugin->abi_minor, tables = minor_of_tables(t->host->loaded);
    const unsigned calls = t->host->minor_called;
    const unsigned needed = calls > tables ? calls : tables;
    if (needed < built) {
        trial_say(tr, RULE_MINOR, VERDICT_NOTE,
                  "nor does it call what came after %d.%u: built with -DCMP_ABI_MINOR=%u it would "
                  "load in more hosts",
                  CMP_ABI_MAJOR, needed, needed);
    } else if (tables < built) {
        trial_say(tr, RULE_MINOR, VERDICT_HELD, "it calls what hosts have since %d.%u",
                  CMP_ABI_MAJOR, needed);
    }
}
