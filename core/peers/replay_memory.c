/* SPDX-License-Identifier: Apache-2.0 */
/* See replay_memory.h. */
#include "peers/replay_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LAYOUT         2 /* one more for any change of replay_head, replay_shard.h, or their meaning */
#define SHARD_SIZE_MIN ((size_t)16 * 1024)
#define PAGE_SIZE      ((size_t)4096)
#define SIZE_LIMIT     ((uint64_t)1 << 40)
#define BOOT_APART_MS  10000 /* a clock is corrected by less; the machine starts in more */

static const char magic[8] = {'c', 'm', 'p', 'd', 'o', 'n', 'c', 'e'};

size_t replay_memory_size(size_t wanted)
{
    const size_t size = wanted / PAGE_SIZE * PAGE_SIZE;
    return size > SHARD_SIZE_MIN ? size : SHARD_SIZE_MIN;
}

static unsigned shard_bits(size_t size)
{
    unsigned bits = 0;
    while (bits < REPLAY_SHARD_BITS_MAX && size >> (bits + 1) >= SHARD_SIZE_MIN) {
        bits++;
    }
    return bits;
}

static size_t round_up(size_t size)
{
    return (size + SHARD_LINE - 1) / SHARD_LINE * SHARD_LINE;
}

/* In this order: head, states, tables. All follows from the size. */
static void view(replay_memory *m, void *at, size_t size, uint64_t seed)
{
    const size_t head = round_up(sizeof(replay_head));
    shard_state *states = (shard_state *)((char *)at + head);
    m->head = at;
    m->shard_count = 1u << shard_bits(size);
    const size_t heads = head + m->shard_count * sizeof(*states);
    const uint32_t chunks = shard_chunks_for((size - heads) / m->shard_count);
    for (size_t i = 0; i < m->shard_count; i++) {
        shard_view(&m->shards[i], &states[i], chunks,
                   (char *)at + heads + i * shard_memory_size(chunks), seed);
    }
}

static int64_t boot_ms(void)
{
    struct timespec now, since;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &since);
    return (now.tv_sec - since.tv_sec) * 1000 + (now.tv_nsec - since.tv_nsec) / 1000000;
}

/* The name comes last: until then, nothing was found. */
static void start(replay_memory *m, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < m->shard_count; i++) {
        shard_init(&m->shards[i]);
    }
    *m->head = (replay_head){.layout = LAYOUT,
                             .shard_bits = shard_bits(size),
                             .size = size,
                             .seed = seed,
                             .boot_ms = boot_ms()};
    memcpy(m->head->magic, magic, sizeof(magic));
}

/* One mapping for all: the kernel hands it out zeroed, as shards want it, and it can be said to the
 * octet what the operator's `size` bought. Pages that no entry has come to yet are not resident. */
void replay_memory_make(replay_memory *m, size_t size, uint64_t seed)
{
    char error[128] = "there can be none";
    m->file = (replay_file){.fd = memfd_create("cmpd-replay", MFD_CLOEXEC), .size = size};
    void *at = m->file.fd >= 0 && ftruncate(m->file.fd, (off_t)size) == 0
                   ? replay_file_map(&m->file, size, error, sizeof(error))
                   : NULL;
    if (at == NULL) {
        fprintf(stderr, "replay memory: %s\n", error);
        abort();
    }
    view(m, at, size, seed);
    start(m, size, seed);
}

bool replay_memory_make_in(replay_memory *m, replay_file *f, size_t size, uint64_t seed,
                           char *error, size_t error_size)
{
    void *at = replay_file_make(f, size, error, error_size)
                   ? replay_file_map(f, size, error, error_size)
                   : NULL;
    if (at == NULL) {
        return false;
    }
    m->file = *f;
    f->fd = -1;
    view(m, at, size, seed);
    start(m, size, seed);
    return true;
}

replay_memory_kind replay_memory_look(const replay_file *f, replay_head *head)
{
    static const char unfinished[sizeof(magic)];
    if (f->size == 0) {
        return REPLAY_MEMORY_NONE;
    }
    if (f->size < sizeof(*head) || pread(f->fd, head, sizeof(*head), 0) != sizeof(*head)) {
        return REPLAY_MEMORY_FOREIGN;
    }
    if (memcmp(head->magic, magic, sizeof(magic)) != 0) {
        return memcmp(head->magic, unfinished, sizeof(magic)) == 0 ? REPLAY_MEMORY_NONE
                                                                   : REPLAY_MEMORY_FOREIGN;
    }
    const bool ours = head->layout == LAYOUT && head->size == f->size && head->size <= SIZE_LIMIT &&
                      replay_memory_size((size_t)head->size) == head->size &&
                      head->shard_bits == shard_bits((size_t)head->size);
    return ours ? REPLAY_MEMORY_FOUND : REPLAY_MEMORY_OTHER;
}

bool replay_memory_attach(replay_memory *m, replay_file *f, const replay_head *head, char *error,
                          size_t error_size)
{
    void *at = replay_file_map(f, (size_t)head->size, error, error_size);
    if (at == NULL) {
        return false;
    }
    m->file = *f;
    f->fd = -1;
    view(m, at, (size_t)head->size, head->seed);
    return true;
}

/* Not by /proc, which a sandbox may hide. */
bool replay_memory_restarted(const replay_memory *m)
{
    return llabs(boot_ms() - m->head->boot_ms) > BOOT_APART_MS;
}

void replay_memory_mark(replay_memory *m)
{
    m->head->boot_ms = boot_ms();
}

/* The locks stay as they are: they may be others' as well. */
void replay_memory_dispose(replay_memory *m)
{
    if (m->head != NULL) {
        munmap(m->head, (size_t)m->head->size);
    }
    replay_file_close(&m->file);
}
