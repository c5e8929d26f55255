/* SPDX-License-Identifier: Apache-2.0 */
/* The replay memory (SPEC 4): which shard a request is of, and how the memory is made, handed over
 * and kept in a file. Asked once for every signed request, after its signature was found valid. */
#include "peers/replay.h"

#include "peers/replay_memory.h"
#include "peers/replay_rules.h"

#include "base/hash.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <limits.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_AGO_MS    (INT64_MIN / 2)
#define CLOCK_LIMIT_MS (INT64_C(1) << 53) /* no machine has run for so long */
#define AHEAD_MS       10000              /* who died has read the clock after us by less */

struct replay {
    replay_memory memory;
};

static void apply(replay *r, void (*rule)(shard *, const replay_options *),
                  const replay_options *options)
{
    for (size_t i = 0; i < r->memory.shard_count; i++) {
        shard *s = &r->memory.shards[i];
        rules_lock(s);
        rule(s, options);
        shard_unlock(s);
    }
}

void replay_configure(replay *r, const replay_options *options)
{
    apply(r, rules_configure, options);
}

void replay_join(replay *r, const replay_options *options)
{
    apply(r, rules_join, options);
}

/* ---- asking ---- */

/* By the fingerprint alone: it comes from the MAC, in which the credential's secret is already. The
 * twin of a request, shifted between `tid` and `ici` (SPEC 4, Boundary), has the same MAC, and so
 * it is found. */
static shard *shard_of(replay *r, const shard_key *key)
{
    return &r->memory
                .shards[(key->hash >> (64 - REPLAY_SHARD_BITS_MAX)) & (r->memory.shard_count - 1)];
}

/* All hashing and fetching comes before the lock, so that it is held for what is in the cache
 * already. */
replay_verdict replay_remember(replay *r, cmp_str credential, const uint8_t fingerprint[16],
                               uint64_t digest, int64_t now_ms)
{
    const shard_key key = shard_key_of(&r->memory.shards[0], fingerprint);
    shard *s = shard_of(r, &key);
    const uint64_t credential_hash =
        hash_seeded(r->memory.shards[0].seed, credential.at, credential.size);
    shard_prefetch(s, &key, credential_hash);
    rules_lock(s);
    rules_clock_set(s, now_ms);
    const replay_verdict verdict = rules_remember(s, &key, credential_hash, digest);
    shard_unlock(s);
    return verdict;
}

/* Of the view: what is shared, others could write. */
uint64_t replay_seed(const replay *r)
{
    return r->memory.shards[0].seed;
}

/* It may be gone: forgotten for want of room while its request was under way. */
void replay_release(replay *r, const uint8_t fingerprint[16])
{
    const shard_key key = shard_key_of(&r->memory.shards[0], fingerprint);
    shard *s = shard_of(r, &key);
    rules_lock(s);
    rules_release(s, &key);
    shard_unlock(s);
}

static void stats_add(const shard *s, int64_t now_ms, replay_stats *stats)
{
    const int64_t now = now_ms + s->state->shift_ms > s->state->now_ms ? now_ms + s->state->shift_ms
                                                                       : s->state->now_ms;
    const int64_t window = s->state->window_ms;
    const int64_t reach = now - s->state->lost_ms < window ? now - s->state->lost_ms : window;
    stats->entries += s->state->count;
    stats->capacity += (uint64_t)s->chunk_count * CHUNK_ENTRIES;
    stats->forgotten += s->state->forgotten;
    stats->window_ms = window;
    stats->reach_ms = reach < stats->reach_ms ? reach : stats->reach_ms;
}

/* Shard by shard, never all locks at once: the sums are of no single moment, and nobody waits for
 * them. */
replay_stats replay_stats_get(replay *r, int64_t now_ms)
{
    replay_stats stats = {.size_bytes = (size_t)r->memory.head->size, .reach_ms = INT64_MAX};
    for (size_t i = 0; i < r->memory.shard_count; i++) {
        rules_lock(&r->memory.shards[i]);
        stats_add(&r->memory.shards[i], now_ms, &stats);
        shard_unlock(&r->memory.shards[i]);
    }
    return stats;
}

/* ---- making ---- */

static uint64_t draw_seed(void)
{
    uint64_t seed;
    if (RAND_bytes((unsigned char *)&seed, sizeof(seed)) != 1) {
        abort(); /* as in hash.c */
    }
    return seed;
}

/* `lost_ms`: what was seen until then is not known. */
static void begin(replay_memory *m, const replay_options *options, int64_t lost_ms)
{
    for (size_t i = 0; i < m->shard_count; i++) {
        rules_configure(&m->shards[i], options);
        m->shards[i].state->lost_ms = lost_ms;
    }
}

replay *replay_create(const replay_options *options)
{
    replay *r = kit_calloc(1, sizeof(*r));
    replay_memory_make(&r->memory, replay_memory_size(options->size_bytes), draw_seed());
    begin(&r->memory, options, LONG_AGO_MS);
    return r;
}

void replay_destroy(replay **r)
{
    if (*r != NULL) {
        replay_memory_dispose(&(*r)->memory);
        free(*r);
        *r = NULL;
    }
}

int replay_fd(const replay *r)
{
    return r->memory.file.fd;
}

/* Nobody looks after what its first owner may have left: it lives, or its locks tell of its end. */
replay *replay_adopt(const replay_options *options, int fd, char *error, size_t error_size)
{
    struct stat status;
    replay_head head;
    replay_file f = {.fd = fd, .size = fstat(fd, &status) == 0 ? (size_t)status.st_size : 0};
    replay *r = kit_calloc(1, sizeof(*r));
    r->memory.file.fd = -1;
    if (replay_memory_look(&f, &head) != REPLAY_MEMORY_FOUND) {
        snprintf(error, error_size, "it is no replay memory, or has another layout than ours");
    } else if (replay_memory_attach(&r->memory, &f, &head, error, error_size)) {
        replay_join(r, options);
        return r;
    }
    replay_file_close(&f);
    replay_destroy(&r);
    return NULL;
}

/* ---- in a file ---- */

/* One that is known by its time, which is no longer cut to 32 bits. */
typedef struct moved {
    shard_saved entry;
    int64_t time_ms;
} moved;

static int by_time(const void *a, const void *b)
{
    const int64_t x = ((const moved *)a)->time_ms, y = ((const moved *)b)->time_ms;
    return x < y ? -1 : x > y;
}

static size_t collect(const replay_memory *m, uint32_t window_ms, moved *all)
{
    const size_t room = (size_t)m->shards[0].chunk_count * CHUNK_ENTRIES;
    shard_saved *saved = kit_calloc(room, sizeof(*saved));
    size_t count = 0;
    for (size_t i = 0; i < m->shard_count; i++) {
        const shard *s = &m->shards[i];
        const size_t found = shard_collect(s, window_ms, saved);
        for (size_t k = 0; k < found; k++) {
            all[count++] = (moved){saved[k], s->state->now_ms - rules_age_ms(s, saved[k].time)};
        }
    }
    free(saved);
    return count;
}

/* From the oldest on, by the same rules as if all of it came again: what a smaller memory has no
 * room for is forgotten, and said to be. */
static void adopt(replay *to, const replay_memory *from, uint32_t window_ms)
{
    const int64_t shift_ms = from->shards[0].state->shift_ms; /* of all */
    for (size_t i = 0; i < to->memory.shard_count; i++) {
        to->memory.shards[i].state->shift_ms = shift_ms;
    }
    const size_t room = (size_t)from->shards[0].chunk_count * CHUNK_ENTRIES * from->shard_count;
    moved *all = kit_calloc(room, sizeof(*all));
    const size_t count = collect(from, window_ms, all);
    qsort(all, count, sizeof(*all), by_time);
    for (size_t i = 0; i < count; i++) {
        const shard_saved *e = &all[i].entry;
        const shard_key key = shard_key_of(&to->memory.shards[0], e->id);
        shard *s = shard_of(to, &key);
        rules_clock_set(s, all[i].time_ms - shift_ms);
        if (rules_remember(s, &key, e->credential_hash, e->digest) == REPLAY_FULL) {
            s->state->lost_ms = s->state->now_ms;
        }
    }
    for (size_t i = 0; i < to->memory.shard_count; i++) {
        for (size_t k = 0; k < from->shard_count; k++) {
            const int64_t lost_ms = from->shards[k].state->lost_ms;
            shard_state *state = to->memory.shards[i].state;
            state->lost_ms = lost_ms > state->lost_ms ? lost_ms : state->lost_ms;
        }
    }
    free(all);
}

/* Another size: a new file takes in what the old one knows, and its place. Others who wait for the
 * old one see that, and wait for the new one. */
static bool resize(replay *r, const char *path, const replay_options *options, char *error,
                   size_t error_size)
{
    char new[PATH_MAX];
    replay_file f;
    replay by;
    snprintf(new, sizeof(new), "%s.new", path);
    if (!replay_file_open(&f, new, error, error_size)) {
        return false;
    }
    if (!replay_memory_make_in(&by.memory, &f, replay_memory_size(options->size_bytes),
                               r->memory.head->seed, error, error_size)) {
        replay_file_close(&f);
        unlink(new);
        return false;
    }
    begin(&by.memory, options, LONG_AGO_MS);
    adopt(&by, &r->memory, rules_window_ms(options));
    if (rename(new, path) != 0) {
        snprintf(error, error_size, "it cannot be replaced: %s", strerror(errno));
        replay_memory_dispose(&by.memory);
        unlink(new);
        return false;
    }
    replay_memory_dispose(&r->memory);
    r->memory = by.memory;
    return true;
}

/* The shards' clock when they were left. What a power failure has made of one is not believed. */
static int64_t newest(const replay_memory *m)
{
    int64_t newest_ms = 0;
    for (size_t i = 0; i < m->shard_count; i++) {
        int64_t *now_ms = &m->shards[i].state->now_ms;
        if (*now_ms < 0 || *now_ms > CLOCK_LIMIT_MS) {
            *now_ms = 0;
        }
        newest_ms = *now_ms > newest_ms ? *now_ms : newest_ms;
    }
    return newest_ms;
}

/* A machine that begins each time with the same wrong time seems not to have been started. */
static bool is_ahead(const replay_memory *m, int64_t now_ms)
{
    for (size_t i = 0; i < m->shard_count; i++) {
        const shard_state *s = m->shards[i].state;
        if (s->shift_ms < -CLOCK_LIMIT_MS || s->shift_ms > CLOCK_LIMIT_MS ||
            s->now_ms > now_ms + s->shift_ms + AHEAD_MS) {
            return true;
        }
    }
    return false;
}

/* What the last process left: locks that nobody holds, and perhaps a change that did not end. After
 * a start of the machine any octets may be missing: what is there is still refused, but nothing is
 * promised of the time before. The shards' clock then goes on from where it stood: for how long the
 * machine was off only a clock could say that may be wrong. */
static void mend(replay *r, const replay_options *options, int64_t now_ms)
{
    const bool restarted = replay_memory_restarted(&r->memory) || is_ahead(&r->memory, now_ms);
    const int64_t shift_ms = restarted ? newest(&r->memory) - now_ms : 0;
    for (size_t i = 0; i < r->memory.shard_count; i++) {
        shard *s = &r->memory.shards[i];
        shard_lock_init(s);
        if (restarted) {
            s->state->shift_ms = shift_ms;
            rules_clock_set(s, now_ms);
        }
        if (restarted || s->state->changes != 0) {
            shard_rebuild(s, rules_window_ms(options));
        }
        s->state->changes = 0;
        if (restarted) {
            s->state->lost_ms = s->state->now_ms;
        }
    }
    replay_memory_mark(&r->memory); /* last: who dies before leaves it to the next */
}

static bool use_found(replay *r, replay_file *f, const replay_head *head, const char *path,
                      const replay_options *options, int64_t now_ms, char *error, size_t error_size)
{
    const bool alone = f->alone;
    if (!replay_memory_attach(&r->memory, f, head, error, error_size)) {
        return false;
    }
    if (!alone) {
        return true; /* with the size that it has */
    }
    mend(r, options, now_ms);
    return replay_memory_size(options->size_bytes) == head->size ||
           resize(r, path, options, error, error_size);
}

static void foreign(char *error, size_t error_size)
{
    snprintf(error, error_size, "it holds something else than a replay memory");
}

bool replay_check(const char *path, char *error, size_t error_size)
{
    replay_file f;
    replay_head head;
    bool good = replay_file_look(&f, path, error, error_size);
    if (good && replay_memory_look(&f, &head) == REPLAY_MEMORY_FOREIGN) {
        foreign(error, error_size);
        good = false;
    }
    replay_file_close(&f);
    return good;
}

replay *replay_open(const replay_options *options, const char *path, int64_t now_ms, char *error,
                    size_t error_size)
{
    replay_file f;
    if (!replay_file_open(&f, path, error, error_size)) {
        return NULL;
    }
    const bool alone = f.alone;
    replay *r = kit_calloc(1, sizeof(*r));
    r->memory.file.fd = -1;
    replay_head head;
    bool good = false;
    switch (replay_memory_look(&f, &head)) {
    case REPLAY_MEMORY_FOUND:
        good = use_found(r, &f, &head, path, options, now_ms, error, error_size);
        break;
    case REPLAY_MEMORY_NONE:
    case REPLAY_MEMORY_OTHER:
        if (!f.alone) {
            snprintf(error, error_size, "another process uses it, with another layout");
            break;
        }
        good = replay_memory_make_in(&r->memory, &f, replay_memory_size(options->size_bytes),
                                     draw_seed(), error, error_size);
        if (good) {
            begin(&r->memory, options, now_ms);
        }
        break;
    case REPLAY_MEMORY_FOREIGN:
        foreign(error, error_size);
        break;
    }
    replay_file_close(&f);
    if (!good) {
        replay_destroy(&r);
        return NULL;
    }
    if (alone) {
        replay_configure(r, options);
    } else {
        replay_join(r, options);
    }
    replay_file_share(&r->memory.file);
    return r;
}
