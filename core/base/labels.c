/* SPDX-License-Identifier: Apache-2.0 */
/* See labels.h: a hash table whose entries are never freed, and so is read without a lock. One that
 * has lost its number stays, some hundred octets, for whoever may be reading it. */
#include "base/labels.h"

#include "base/hash.h"

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdatomic.h>

#define SLOTS    (2 * LABELS_MAX) /* at most half full: every search meets a free one */

#define PAIR_MAX 256 /* a peer's name has at most 64 octets, a key's id 128 */

typedef struct named named;
struct named {
    unsigned number;
    size_t size;
    named *before; /* that had the number */
    char text[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of those who write */
static _Atomic(named *) slots[SLOTS];
static _Atomic(named *) by_number[LABELS_MAX];
static unsigned holders[LABELS_MAX]; /* with the lock, as what follows */
static unsigned next_number = LABEL_OTHER + 1, next_reused = LABEL_OTHER + 1;
static void (*forget_label)(unsigned label);

/* In the place of a name that has lost its number: a search goes on behind it. */
static named gone = {.number = LABEL_OTHER, .size = SIZE_MAX};

/* The slot of the name, or else the first where it could be; NULL: there is none. */
static _Atomic(named *) *slot_of(cmp_str name)
{
    const size_t first = hash_str(name) % SLOTS;
    _Atomic(named *) *room = NULL;
    for (size_t i = 0; i < SLOTS; i++) {
        _Atomic(named *) *slot = &slots[(first + i) % SLOTS];
        const named *n = atomic_load_explicit(slot, memory_order_acquire);
        if (n == NULL) {
            return room != NULL ? room : slot;
        }
        if (n == &gone) {
            room = room != NULL ? room : slot;
        } else if (n->size == name.size && memcmp(n->text, name.at, name.size) == 0) {
            return slot;
        }
    }
    return room;
}

static const named *named_of(cmp_str name)
{
    _Atomic(named *) *slot = slot_of(name);
    const named *n = slot != NULL ? atomic_load_explicit(slot, memory_order_acquire) : NULL;
    return n != &gone ? n : NULL;
}

unsigned label_find(cmp_str name)
{
    if (name.size == 0) {
        return LABEL_NONE;
    }
    const named *n = named_of(name);
    return n != NULL ? n->number : LABEL_OTHER;
}

/* With the lock, as below. A number that was never used, or else one that nobody holds, the one
 * that was used longest ago if they come and go; LABEL_OTHER: there is none. */
static unsigned free_number(void)
{
    if (next_number < LABELS_MAX) {
        return next_number++;
    }
    for (unsigned i = LABEL_OTHER + 1; i < LABELS_MAX; i++) {
        const unsigned number = next_reused;
        next_reused = number + 1 < LABELS_MAX ? number + 1 : LABEL_OTHER + 1;
        if (holders[number] == 0) {
            return number;
        }
    }
    return LABEL_OTHER;
}

static bool is_at(size_t slot, const named *n)
{
    return atomic_load_explicit(&slots[slot % SLOTS], memory_order_relaxed) == n;
}

/* Behind the last name of a row there is nothing to go on to: so rows stay short. */
static void remove_slot(size_t slot)
{
    atomic_store_explicit(&slots[slot], &gone, memory_order_release);
    while (is_at(slot + 1, NULL) && is_at(slot, &gone)) {
        atomic_store_explicit(&slots[slot], NULL, memory_order_release);
        slot = (slot + SLOTS - 1) % SLOTS;
    }
}

/* Takes the number from who has it. */
static named *take_number(unsigned number)
{
    named *n = atomic_load_explicit(&by_number[number], memory_order_relaxed);
    if (n != NULL) {
        remove_slot((size_t)(slot_of((cmp_str){n->text, n->size}) - slots));
        if (forget_label != NULL) {
            forget_label(number);
        }
    }
    return n;
}

static named *named_make(cmp_str name)
{
    const unsigned number = free_number();
    if (number == LABEL_OTHER) {
        return NULL;
    }
    named *n = kit_alloc(sizeof(*n) + name.size + 1);
    n->number = number;
    n->before = take_number(number);
    n->size = name.size;
    memcpy(n->text, name.at, name.size);
    n->text[name.size] = '\0';
    atomic_store_explicit(&by_number[number], n, memory_order_release);
    atomic_store_explicit(slot_of(name), n, memory_order_release);
    return n;
}

unsigned label_make(cmp_str name)
{
    if (name.size == 0) {
        return LABEL_NONE;
    }
    pthread_mutex_lock(&lock);
    const named *n = named_of(name);
    n = n != NULL ? n : named_make(name);
    const unsigned number = n != NULL ? n->number : LABEL_OTHER;
    holders[number]++;
    pthread_mutex_unlock(&lock);
    return number;
}

void label_drop(unsigned label)
{
    pthread_mutex_lock(&lock);
    holders[label] -= holders[label] > 0; /* LABEL_NONE has none */
    pthread_mutex_unlock(&lock);
}

void labels_on_reuse(void (*forget)(unsigned label))
{
    forget_label = forget;
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
