/* SPDX-License-Identifier: Apache-2.0 */
/* Replay memories of programs: made before a fork, or kept in a file, they are one for several
 * processes. */
#include "embed/embed.h"

#include "base/clock.h"

#include <stdlib.h>

#define WINDOW_MS     300000
#define SIZE_BYTES    ((size_t)64 << 20)
#define QUOTA_PERCENT 50

cmp_embed_replay *cmp_embed_replay_open(const cmp_embed_replay_options *options,
                                        cmp_embed_error *error)
{
    cmp_embed_replay_options o = {.size = 0};
    if (options != NULL) {
        memcpy(&o, options, options->size < sizeof(o) ? options->size : sizeof(o));
    }
    const replay_options ours = {
        .window_ms = o.window_ms > 0 ? o.window_ms : WINDOW_MS,
        .size_bytes = o.size_bytes > 0 ? o.size_bytes : SIZE_BYTES,
        .quota_percent = o.quota_percent > 0 ? o.quota_percent : QUOTA_PERCENT,
        .when_full = o.refuse ? REPLAY_REFUSE : REPLAY_FORGET,
    };
    char why[512];
    const int64_t now_ms = (int64_t)clock_monotonic_ms();
    replay *memory = o.file != NULL ? replay_open(&ours, o.file, now_ms, why, sizeof(why))
                                    : replay_create(&ours);
    if (memory == NULL) {
        if (error != NULL) {
            embed_fail(error, "%s: %s", o.file, why);
        }
        return NULL;
    }
    cmp_embed_replay *r = kit_alloc(sizeof(*r));
    r->memory = memory;
    return r;
}

void cmp_embed_replay_close(cmp_embed_replay **ref)
{
    cmp_embed_replay *r = *ref;
    *ref = NULL;
    if (r != NULL) {
        replay_destroy(&r->memory);
        free(r);
    }
}

int64_t cmp_embed_replay_reach_ms(cmp_embed_replay *r)
{
    return replay_stats_get(r->memory, (int64_t)clock_monotonic_ms()).reach_ms;
}
