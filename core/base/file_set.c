/* SPDX-License-Identifier: Apache-2.0 */
/* See file_set.h. */
#include "base/file_set.h"

#include "base/clock.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>
#include <string.h>

void file_set_init(file_set *f, const char *const *paths, size_t count)
{
    memset(f, 0, sizeof(*f));
    for (size_t i = 0; i < count; i++) {
        if (paths[i] != NULL) {
            f->paths[f->count] = kit_strdup(paths[i]);
            f->used[f->count] = f->seen[f->count] = kit_file_mark_of(paths[i]);
            f->count++;
        }
    }
}

void file_set_dispose(file_set *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->paths[i]);
    }
    f->count = 0;
}

static bool equal(const file_set *f, const kit_file_mark *a, const kit_file_mark *b)
{
    size_t same = 0;
    while (same < f->count && kit_file_mark_equal(&a[same], &b[same])) {
        same++;
    }
    return same == f->count;
}

bool file_set_is_current(const file_set *f)
{
    kit_file_mark now[FILE_SET_MAX];
    for (size_t i = 0; i < f->count; i++) {
        now[i] = kit_file_mark_of(f->paths[i]);
    }
    return equal(f, now, f->used);
}

static kit_file_mark glance(file_glance *round, const char *path)
{
    for (size_t i = 0; i < FILE_GLANCE_MAX && round->paths[i] != NULL; i++) {
        if (strcmp(round->paths[i], path) == 0) {
            return round->marks[i];
        }
    }
    const size_t at = round->next++ % FILE_GLANCE_MAX;
    round->paths[at] = path;
    return round->marks[at] = kit_file_mark_of(path);
}

bool file_set_changed(file_set *f, file_glance *round)
{
    kit_file_mark now[FILE_SET_MAX];
    for (size_t i = 0; i < f->count; i++) {
        now[i] = glance(round, f->paths[i]);
    }
    const bool still = equal(f, now, f->seen);
    memcpy(f->seen, now, sizeof(now[0]) * f->count);
    return still && !equal(f, now, f->used) &&
           (!file_set_was_refused(f) || clock_monotonic_ms() - f->refused_ms >= FILE_AGAIN_MS);
}

bool file_set_was_refused(const file_set *f)
{
    return f->any_refused && equal(f, f->seen, f->refused);
}

void file_set_used(file_set *f)
{
    memcpy(f->used, f->seen, sizeof(f->used));
    f->any_refused = false;
}

void file_set_refused(file_set *f)
{
    memcpy(f->refused, f->seen, sizeof(f->refused));
    f->any_refused = true;
    f->refused_ms = clock_monotonic_ms();
}

/* ---- one file ---- */

void file_refuse(file_refusal *r, const kit_file_mark *mark)
{
    *r = (file_refusal){.any = true, .mark = *mark, .since_ms = clock_monotonic_ms()};
}

bool file_was_refused(const file_refusal *r, const kit_file_mark *mark)
{
    return r->any && kit_file_mark_equal(mark, &r->mark);
}

bool file_is_due_again(const file_refusal *r)
{
    return clock_monotonic_ms() - r->since_ms >= FILE_AGAIN_MS;
}
