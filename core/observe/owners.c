/* SPDX-License-Identifier: Apache-2.0 */
/* See owners.h: as few as there are listeners and instances, and seldom asked for. */
#include "observe/owners.h"

#include <cmp-kit/memory.h>

#include <pthread.h>

typedef struct described described;
struct described {
    char *owner;
    owner_kind kind;
    const char *of; /* one of `texts` */
    described *next;
};

/* Kept for good, and each once, since somebody may be reading it: names of plugins and listeners,
 * of which a reload brings few. */
typedef struct text text;
struct text {
    text *next;
    char at[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static described *all;
static text *texts;

static const char *kept(const char *of)
{
    const text *found = texts;
    while (found != NULL && strcmp(found->at, of) != 0) {
        found = found->next;
    }
    if (found != NULL) {
        return found->at;
    }
    const size_t size = strlen(of) + 1;
    text *added = kit_alloc(sizeof(*added) + size);
    memcpy(added->at, of, size);
    added->next = texts;
    texts = added;
    return added->at;
}

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
    pthread_mutex_lock(&lock);
    described *d = find(owner);
    if (d == NULL) {
        d = kit_calloc(1, sizeof(*d));
        d->owner = kit_strdup(owner);
        d->next = all;
        all = d;
    }
    d->kind = kind;
    d->of = kept(of != NULL ? of : "");
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
