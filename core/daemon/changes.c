/* SPDX-License-Identifier: Apache-2.0 */
/* See changes.h. */
#include "daemon/changes.h"

#include <stdlib.h>
#include <string.h>

/* What is made once in a process's life: before it gives up its privileges, before its threads are
 * there, or for all of them at once. */
static const char *const fixed[] = {
    "user",
    "group",
    "workers",
    "plugin_path",
    "plugin_files",
    "admin.socket",
    "replay.file",
    "replay.size",
    "journal.path",
    "journal.segment_size",
    "journal.segment_age",
    "journal.keep",
    "journal.size",
    "journal.fsync",
    "journal.when_full",
    "journal.rejections",
    "journal.rejections_size",
    "journal.pseudonyms",
    "journal.pseudonym_period",
    "watchdog.stall",
    "watchdog.stuck_after",
    "watchdog.when_stuck",
    "limits.blocking_threads",
    "limits.referrals",
};

enum { FIXED_COUNT = sizeof(fixed) / sizeof(fixed[0]) };

static bool is_fixed(const char *path)
{
    size_t i = 0;
    while (i < FIXED_COUNT && strcmp(fixed[i], path) != 0) {
        i++;
    }
    return i < FIXED_COUNT;
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
    for (size_t i = 0; i < FIXED_COUNT; i++) {
        if (!likeness_equal(&outline_find(first, fixed[i])->likeness,
                            &outline_find(after, fixed[i])->likeness)) {
            add(changes, "restart", fixed[i]);
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
