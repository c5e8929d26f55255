/* SPDX-License-Identifier: Apache-2.0 */
/* See owners.h: as few as there are listeners and instances, and seldom asked for. */
#include "observe/owners.h"

#include <cmp-kit/memory.h>

#include <pthread.h>

typedef struct described described;
struct described {
    char *owner;
    owner_kind kind;
    const char *of; /* an older one is kept: somebody may be reading it */
    described *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static described *all;

static described *find(const char *owner)
{
    described *d = all;
    while (d != NULL && strcmp(d->owner, owner) != 0) {
        d = d->next;
    }
    return d;
}

void owner_describe(const char *owner, owner_kind kind, const char *of)
{
    of = of != NULL ? of : "";
    pthread_mutex_lock(&lock);
    described *d = find(owner);
    if (d == NULL) {
        d = kit_calloc(1, sizeof(*d));
        d->owner = kit_strdup(owner);
        d->next = all;
        all = d;
    }
    d->kind = kind;
    if (d->of == NULL || strcmp(d->of, of) != 0) {
        d->of = kit_strdup(of);
    }
    pthread_mutex_unlock(&lock);
}

owner_kind owner_look_up(const char *owner, const char **of)
{
    pthread_mutex_lock(&lock);
    const described *d = find(owner);
    const owner_kind kind = d != NULL ? d->kind : OWNER_CORE;
    *of = d != NULL ? d->of : NULL;
    pthread_mutex_unlock(&lock);
    return kind;
}
