/* SPDX-License-Identifier: Apache-2.0 */
/* See owners.h: as few as there are listeners and instances, and seldom asked for. */
#include "observe/owners.h"

#include "observe/texts.h"

#include <cmp-kit/memory.h>

#include <pthread.h>

typedef struct described described;
struct described {
    char *owner;
    owner_kind kind;
    const char *of;   /* kept */
    unsigned count;   /* of those that are there */
    uint64_t entered; /* the greater, the later */
    described *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static described *all;

static described *find(const char *owner, const char *of)
{
    described *d = all;
    while (d != NULL && (d->of != of || strcmp(d->owner, owner) != 0)) {
        d = d->next;
    }
    return d;
}

void owner_enter(const char *owner, owner_kind kind, const char *of)
{
    static uint64_t entered;
    pthread_mutex_lock(&lock);
    const char *const kept_of = text_kept(of);
    described *d = find(owner, kept_of);
    if (d == NULL) {
        d = kit_calloc(1, sizeof(*d));
        d->owner = kit_strdup(owner);
        d->of = kept_of;
        d->next = all;
        all = d;
    }
    d->kind = kind;
    d->count++;
    d->entered = ++entered;
    pthread_mutex_unlock(&lock);
}

void owner_leave(const char *owner, const char *of)
{
    pthread_mutex_lock(&lock);
    find(owner, text_kept(of))->count--;
    pthread_mutex_unlock(&lock);
}

static bool is_better(const described *d, const described *than)
{
    return than == NULL || (d->count > 0) > (than->count > 0) ||
           ((d->count > 0) == (than->count > 0) && d->entered > than->entered);
}

static owner_kind kind_of(const described *d)
{
    return d == NULL ? OWNER_CORE : d->count == 0 ? OWNER_GONE : d->kind;
}

owner_kind owner_look_up(const char *owner, const char **of)
{
    const described *found = NULL;
    pthread_mutex_lock(&lock);
    for (const described *d = all; d != NULL; d = d->next) {
        if (strcmp(d->owner, owner) == 0 && is_better(d, found)) {
            found = d;
        }
    }
    const owner_kind kind = kind_of(found);
    *of = found != NULL ? found->of : NULL;
    pthread_mutex_unlock(&lock);
    return kind;
}

owner_kind owner_kind_of(const char *owner, const char *of)
{
    pthread_mutex_lock(&lock);
    const owner_kind kind = of == NULL ? OWNER_CORE : kind_of(find(owner, of));
    pthread_mutex_unlock(&lock);
    return kind;
}
