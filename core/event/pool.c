/* SPDX-License-Identifier: Apache-2.0 */
/* See pool.h: a mutex, a ring of jobs, and threads that sleep on a condition. */
#include "event/pool.h"

#include "base/refusals.h"
#include "base/running.h"

#include <cmp-kit/memory.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

typedef struct job {
    pool_share *share;
    loop *l;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
} job;

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work_there; /* or the pool is closing */
    pthread_cond_t thread_gone;
    job *ring;
    unsigned ring_size, first, waiting;
    pthread_t *ids;
    unsigned started; /* threads that were created */
    unsigned busy, threads;
    bool closing;
    pool_share own; /* the core's */
};

/* What one share may have of so many. Rounded so that something is left for others from two on. */
static unsigned part_of(unsigned all)
{
    return all > 1 ? all - (all + 3) / 4 : all;
}

static job *job_at(pool *p, unsigned place)
{
    return &p->ring[(p->first + place) % p->ring_size];
}

/* Takes the first job whose share has a thread left; at the end shares do not count any more. */
static bool take(pool *p, job *taken)
{
    for (unsigned place = 0; place < p->waiting; place++) {
        *taken = *job_at(p, place);
        if (taken->share->running < part_of(p->started) || p->closing) {
            for (; place > 0; place--) { /* those before it move up */
                *job_at(p, place) = *job_at(p, place - 1);
            }
            p->first = (p->first + 1) % p->ring_size;
            p->waiting--;
            taken->share->waiting--;
            return true;
        }
    }
    return false;
}

/* `done` is posted without the lock: the loop has one of its own, and neither is ever held while
 * the other is waited for. */
static void *thread_main(void *arg)
{
    pool *p = arg;
    running_thread_begin("a thread of the pool", "cmpd/offload");
    pthread_mutex_lock(&p->lock);
    for (;;) {
        job j;
        if (!take(p, &j)) {
            if (p->closing) {
                break;
            }
            pthread_cond_wait(&p->work_there, &p->lock);
            continue;
        }
        p->busy++;
        j.share->running++;
        pthread_mutex_unlock(&p->lock);
        j.work(j.arg);
        pthread_mutex_lock(&p->lock);
        p->busy--;
        j.share->running--; /* before `done`, after which its owner may be gone */
        pthread_mutex_unlock(&p->lock);
        loop_post(j.l, j.done, j.arg);
        pthread_mutex_lock(&p->lock);
    }
    running_thread_end();
    p->threads--;
    pthread_cond_signal(&p->thread_gone);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* With fewer threads than wanted it is slower; with none pool_submit refuses everything. */
pool *pool_create(unsigned threads, unsigned queue_max)
{
    pool *p = kit_calloc(1, sizeof(*p));
    pthread_condattr_t monotonic;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work_there, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->thread_gone, &monotonic);
    pthread_condattr_destroy(&monotonic);
    p->ring_size = queue_max;
    p->ring = kit_calloc(queue_max, sizeof(*p->ring));
    p->ids = kit_calloc(threads, sizeof(*p->ids));
    pthread_mutex_lock(&p->lock);
    while (p->started < threads && running_thread_start(&p->ids[p->started], thread_main, p)) {
        p->started++;
    }
    p->threads = p->started;
    pthread_mutex_unlock(&p->lock);
    return p;
}

/* A thread that has left the pool still has to give back what it keeps for itself. OpenSSL's part
 * must not come when the end of the process has cleaned up OpenSSL. */
static void threads_end(pool *p, bool all_gone)
{
    for (unsigned i = 0; i < p->started; i++) {
        if (all_gone) {
            pthread_join(p->ids[i], NULL);
        } else {
            pthread_detach(p->ids[i]);
        }
    }
    free(p->ids);
}

/* What hangs may wake up at any time and look for its pool. So the pool is given back only when all
 * have left. */
bool pool_destroy(pool **p_ref, unsigned patience_ms)
{
    pool *p = *p_ref;
    if (p == NULL) {
        return true;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += patience_ms / 1000;
    until.tv_nsec += (long)(patience_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->work_there);
    int waited = 0;
    while (p->threads > 0 && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&p->thread_gone, &p->lock, &until);
    }
    const bool all_gone = p->threads == 0;
    pthread_mutex_unlock(&p->lock);
    *p_ref = NULL;
    threads_end(p, all_gone);
    if (all_gone) {
        pthread_cond_destroy(&p->thread_gone);
        pthread_cond_destroy(&p->work_there);
        pthread_mutex_destroy(&p->lock);
        free(p->ring);
        free(p);
    }
    return all_gone;
}

/* A job that waits has a bound as well as one that runs: a plugin that hangs would otherwise fill
 * the queue, in which nobody else then finds a place. */
bool pool_submit(pool *p, pool_share *share, loop *l, void (*work)(void *arg),
                 void (*done)(void *arg), void *arg)
{
    pthread_mutex_lock(&p->lock);
    pool_share *of = share != NULL ? share : &p->own;
    const bool room = p->waiting < p->ring_size && of->waiting < part_of(p->ring_size) &&
                      !p->closing && p->threads > 0;
    if (room) {
        *job_at(p, p->waiting) = (job){.share = of, .l = l, .work = work, .done = done, .arg = arg};
        p->waiting++;
        of->waiting++;
        pthread_cond_signal(&p->work_there);
    }
    pthread_mutex_unlock(&p->lock);
    if (!room) {
        refusal_count(REFUSAL_BLOCKING);
    }
    return room;
}

pool_state pool_look(pool *p)
{
    pthread_mutex_lock(&p->lock);
    const pool_state state = {p->started, p->busy, p->waiting};
    pthread_mutex_unlock(&p->lock);
    return state;
}
