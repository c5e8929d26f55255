/* SPDX-License-Identifier: Apache-2.0 */
/* What all parts of a generation need while they are built: errors with a place, and instances by
 * their names. */
#include "daemon/build_parts.h"

#include <stdlib.h>

void build_report(builder *b, const char *key, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    if (vasprintf(&text, format, args) >= 0) {
        report_add(b->report, conf_place_of(b->g->conf, key), key, "%s", text);
    }
    va_end(args);
    free(text);
}

bool build_has_functions(const instance *i)
{
    return i != NULL && i->plugin != NULL && i->plugin->ops.store != NULL;
}

chain build_chain(builder *b, const cmp_strings *names, cmp_plugin_kind kind, const char *key)
{
    chain c = {.at = kit_arena_calloc(&b->g->memory, names->count, sizeof(instance *))};
    for (size_t n = 0; n < names->count; n++) {
        instance *i = generation_find(b->g, names->at[n]);
        if (!build_has_functions(i)) {
            continue;
        }
        if (i->plugin->kind != kind) {
            build_report(b, kit_arena_printf(&b->g->memory, "%s[%zu]", key, n),
                         "\"%s\" is of kind %s (%s), expected %s", names->at[n],
                         plugin_kind_name(i->plugin->kind), i->plugin->name,
                         plugin_kind_name(kind));
            continue;
        }
        c.at[c.count++] = i;
    }
    return c;
}
