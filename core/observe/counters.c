/* See counters.h: a block of cells for each thread, linked for the readers, never freed. */
#include "observe/counters.h"

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct block block;
struct block {
    _Atomic uint64_t cells[COUNTERS_MAX];
    block *next;
};

typedef struct counter {
    char *owner, *name, *help;
} counter;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* names, and the list of blocks */
static counter names[COUNTERS_MAX];
static uint64_t (*readers[COUNTERS_MAX])(void); /* NULL: its cells are summed */
static unsigned name_count;
static block *blocks;
static _Thread_local block *mine;

/* The same again gives the same number: an instance registers on every start, and its counts go on.
 * When there is no room left the last counter is shared, which spoils one figure and stops
 * nobody. */
unsigned counter_register(const char *owner, const char *name, const char *help)
{
    pthread_mutex_lock(&lock);
    unsigned id = 0;
    while (id < name_count &&
           (strcmp(names[id].owner, owner) != 0 || strcmp(names[id].name, name) != 0)) {
        id++;
    }
    if (id == COUNTERS_MAX) {
        id--;
    } else if (id == name_count) {
        names[name_count++] = (counter){kit_strdup(owner), kit_strdup(name), kit_strdup(help)};
    }
    pthread_mutex_unlock(&lock);
    return id;
}

void counter_register_read(const char *owner, const char *name, const char *help,
                           uint64_t (*read)(void))
{
    const unsigned id = counter_register(owner, name, help);
    pthread_mutex_lock(&lock);
    readers[id] = read;
    pthread_mutex_unlock(&lock);
}

/* On cache lines of its own: threads that count at the same time must not take them from each
 * other. */
static block *block_make(void)
{
    block *b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
    if (b == NULL) {
        abort();
    }
    memset(b, 0, sizeof(*b));
    pthread_mutex_lock(&lock);
    b->next = blocks;
    blocks = b;
    pthread_mutex_unlock(&lock);
    mine = b;
    return b;
}

void counter_add(unsigned id, uint64_t add)
{
    block *b = mine != NULL ? mine : block_make();
    /* Only this thread writes the cell, so no read-modify-write is needed. */
    atomic_store_explicit(&b->cells[id],
                          atomic_load_explicit(&b->cells[id], memory_order_relaxed) + add,
                          memory_order_relaxed);
}

/* The lock is for the list. The cells go on meanwhile: sums are as good as of one moment, and a
 * block outlives its thread so that what it has counted is not lost. */
uint64_t counter_read(unsigned id)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&lock);
    uint64_t (*const read)(void) = readers[id];
    for (const block *b = blocks; b != NULL; b = b->next) {
        sum += atomic_load_explicit(&b->cells[id], memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return read != NULL ? read() : sum;
}

/* Names are only ever added, so those up to `count` can be read without the lock, which
 * counter_read takes again. */
void counters_each(void (*visit)(const char *owner, const char *name, const char *help,
                                 uint64_t value, void *arg),
                   void *arg)
{
    pthread_mutex_lock(&lock);
    const unsigned count = name_count;
    pthread_mutex_unlock(&lock);
    for (unsigned id = 0; id < count; id++) {
        visit(names[id].owner, names[id].name, names[id].help, counter_read(id), arg);
    }
}
