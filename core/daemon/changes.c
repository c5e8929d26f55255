/* SPDX-License-Identifier: Apache-2.0 */
/* See changes.h. */
#include "daemon/changes.h"

#include <stdlib.h>
#include <string.h>

/* What is made once in a process's life: before it gives up its privileges, before its threads are
 * there, or for all of them at once. */
static const char *const fixed[] = {
    "user",        "group",        "workers",
    "plugin_path", "plugin_files", "admin.socket",
    "replay.file", "journal",      "limits.blocking_threads",
    "watchdog",    "replay.size",  "limits.referrals",
};

enum { FIXED_COUNT = sizeof(fixed) / sizeof(fixed[0]) };

/* A group stands for all that is in it. */
static bool is_fixed(const char *path)
{
    for (size_t i = 0; i < FIXED_COUNT; i++) {
        const size_t size = strlen(fixed[i]);
        if (strncmp(fixed[i], path, size) == 0 && (path[size] == '\0' || path[size] == '.')) {
            return true;
        }
    }
    return false;
}

static const char *const lists[] = {[OUTLINE_ADDED] = "added",
                                    [OUTLINE_CHANGED] = "changed",
                                    [OUTLINE_REMOVED] = "removed",
                                    [OUTLINE_SAME] = "carried_over"};

static void add(json_t *changes, const char *list, const char *path)
{
    json_array_append_new(json_object_get(changes, list), json_string(path));
}

static void on_part(const outline_part *part, outline_change change, void *arg)
{
    if (!is_fixed(part->path) && (part->carried || change != OUTLINE_SAME)) {
        add(arg, lists[change], part->path);
    }
}

static void on_plugin_file(const char *path, void *arg)
{
    add(arg, "restart", path);
}

/* Against the first configuration, not the last: it still holds. */
static void add_restart(json_t *changes, const outline *first, const outline *after)
{
    for (size_t i = 0; i < after->count; i++) {
        const outline_part *part = &after->parts[i];
        if (is_fixed(part->path) &&
            !likeness_equal(&outline_find(first, part->path)->likeness, &part->likeness)) {
            add(changes, "restart", part->path);
        }
    }
}

json_t *changes_make(const daemon_state *d, const generation *after)
{
    json_t *changes = json_object();
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        json_object_set_new(changes, lists[i], json_array());
    }
    json_object_set_new(changes, "restart", json_array());
    outline_compare(d->generation->outline, after->outline, on_part, changes);
    if (d->generation->keyring != after->keyring) {
        add(changes, lists[OUTLINE_CHANGED], "keys");
    }
    add_restart(changes, &d->first, after->outline);
    loader_changed_each(d->build.loader, on_plugin_file, changes);
    return changes;
}

char *changes_line(const json_t *changes)
{
    char *line = NULL;
    size_t size;
    FILE *to = open_memstream(&line, &size);
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        fprintf(to, "%s%zu %s", i > 0 ? ", " : "",
                json_array_size(json_object_get(changes, lists[i])),
                i == OUTLINE_SAME ? "carried over" : lists[i]);
    }
    fclose(to);
    return line;
}
