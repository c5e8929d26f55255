/* SPDX-License-Identifier: Apache-2.0 */
/* See labels.h: a hash table that only grows in its entries, and so is read without a lock. */
#include "base/labels.h"

#include "base/hash.h"

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdatomic.h>

#define SLOTS    (2 * LABELS_MAX) /* at most half full: every search meets a free one */

#define PAIR_MAX 256 /* a peer's name has at most 64 octets, a key's id 128 */

typedef struct named {
    unsigned number;
    size_t size;
    char text[];
} named;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of those who write */
static _Atomic(const named *) slots[SLOTS];
static _Atomic(const named *) by_number[LABELS_MAX];
static unsigned next_number = LABEL_OTHER + 1;

/* The slot of the name, or the free one where it would be. */
static _Atomic(const named *) *slot_of(cmp_str name)
{
    size_t slot = hash_str(name) % SLOTS;
    const named *n;
    while ((n = atomic_load_explicit(&slots[slot], memory_order_acquire)) != NULL &&
           !(n->size == name.size && memcmp(n->text, name.at, name.size) == 0)) {
        slot = (slot + 1) % SLOTS;
    }
    return &slots[slot];
}

unsigned label_find(cmp_str name)
{
    if (name.size == 0) {
        return LABEL_NONE;
    }
    const named *n = atomic_load_explicit(slot_of(name), memory_order_acquire);
    return n != NULL ? n->number : LABEL_OTHER;
}

unsigned label_make(cmp_str name)
{
    if (name.size == 0) {
        return LABEL_NONE;
    }
    pthread_mutex_lock(&lock);
    _Atomic(const named *) *slot = slot_of(name);
    const named *found = atomic_load_explicit(slot, memory_order_relaxed);
    if (found == NULL && next_number < LABELS_MAX) {
        named *n = kit_alloc(sizeof(*n) + name.size + 1);
        n->number = next_number++;
        n->size = name.size;
        memcpy(n->text, name.at, name.size);
        n->text[name.size] = '\0';
        atomic_store_explicit(&by_number[n->number], n, memory_order_release);
        atomic_store_explicit(slot, n, memory_order_release);
        found = n;
    }
    pthread_mutex_unlock(&lock);
    return found != NULL ? found->number : LABEL_OTHER;
}

/* With a NUL between, which neither can contain. False: too long. */
static bool join(cmp_str of, cmp_str name, char text[PAIR_MAX], cmp_str *pair)
{
    const size_t size = of.size + 1 + name.size;
    if (of.size == 0 || name.size == 0 || size > PAIR_MAX) {
        return false;
    }
    memcpy(text, of.at, of.size);
    text[of.size] = '\0';
    memcpy(text + of.size + 1, name.at, name.size);
    *pair = (cmp_str){text, size};
    return true;
}

unsigned label_make_pair(cmp_str of, cmp_str name)
{
    char text[PAIR_MAX];
    cmp_str pair;
    return join(of, name, text, &pair) ? label_make(pair) : LABEL_OTHER;
}

unsigned label_find_pair(cmp_str of, cmp_str name)
{
    char text[PAIR_MAX];
    cmp_str pair;
    return join(of, name, text, &pair) ? label_find(pair) : LABEL_OTHER;
}

const char *label_name(unsigned label)
{
    const named *n =
        label < LABELS_MAX ? atomic_load_explicit(&by_number[label], memory_order_acquire) : NULL;
    return n != NULL ? n->text : label == LABEL_NONE ? "" : "other";
}
