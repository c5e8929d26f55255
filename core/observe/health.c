/* SPDX-License-Identifier: Apache-2.0 */
/* See health.h: a short list behind a lock, for what seldom changes. */
#include "observe/health.h"

#include "base/log.h"

#include <cmp-kit/memory.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WHY_SIZE 512

typedef struct entry entry;
struct entry {
    char *instance;
    cmp_health health;
    char why[WHY_SIZE];
    entry *next;
};

const char *const health_names[] = {[CMP_HEALTH_OK] = "ok",
                                    [CMP_HEALTH_DEGRADED] = "degraded",
                                    [CMP_HEALTH_FAILED] = "failed",
                                    NULL};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static entry *entries;

static entry *entry_of(const char *instance)
{
    entry **at = &entries;
    while (*at != NULL && strcmp((*at)->instance, instance) != 0) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        *at = kit_calloc(1, sizeof(**at));
        (*at)->instance = kit_strdup(instance);
    }
    return *at;
}

void health_set(const char *instance, cmp_health health, const char *why)
{
    pthread_mutex_lock(&lock);
    entry *e = entry_of(instance);
    const bool changed = e->health != health;
    e->health = health;
    snprintf(e->why, sizeof(e->why), "%s", why != NULL ? why : "");
    pthread_mutex_unlock(&lock);
    if (changed) {
        const cmp_log_level level = health == CMP_HEALTH_OK ? CMP_LOG_NOTICE : CMP_LOG_WARNING;
        log_write(level, instance, NULL, 0, "health: %s%s%s", health_names[health],
                  why != NULL ? ": " : "", why != NULL ? why : "");
    }
}

void health_forget(const char *instance)
{
    pthread_mutex_lock(&lock);
    entry **at = &entries;
    while (*at != NULL && strcmp((*at)->instance, instance) != 0) {
        at = &(*at)->next;
    }
    entry *gone = *at;
    if (gone != NULL) {
        *at = gone->next;
        free(gone->instance);
        free(gone);
    }
    pthread_mutex_unlock(&lock);
}

void health_each(void (*visit)(const char *instance, cmp_health health, const char *why, void *arg),
                 void *arg)
{
    pthread_mutex_lock(&lock);
    for (const entry *e = entries; e != NULL; e = e->next) {
        visit(e->instance, e->health, e->why, arg);
    }
    pthread_mutex_unlock(&lock);
}
