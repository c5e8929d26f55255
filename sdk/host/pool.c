/* SPDX-License-Identifier: Apache-2.0 */
/* See pool.h. */
#include "host/pool.h"

#include "base/running.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

typedef struct pool_job {
    cmp_loop *loop;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
    TAILQ_ENTRY(pool_job) entry;
} pool_job;

TAILQ_HEAD(pool_jobs, pool_job);

struct host_pool {
    pthread_mutex_t lock;
    pthread_cond_t work, progress; /* there is a job, or the end; one is done */
    struct pool_jobs waiting, running;
    pthread_t *threads;
    unsigned thread_count, thread_max, idle, waiting_count, waiting_max;
    bool ends;
};

host_pool *host_pool_create(unsigned threads, unsigned waiting_max)
{
    host_pool *p = kit_calloc(1, sizeof(*p));
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->progress, NULL);
    TAILQ_INIT(&p->waiting);
    TAILQ_INIT(&p->running);
    p->threads = kit_calloc(threads, sizeof(*p->threads));
    p->thread_max = threads;
    p->waiting_max = waiting_max;
    return p;
}

/* With the lock, which is given up for the time of the job. */
static void run(host_pool *p, pool_job *job)
{
    TAILQ_REMOVE(&p->waiting, job, entry);
    TAILQ_INSERT_TAIL(&p->running, job, entry);
    p->waiting_count--;
    pthread_mutex_unlock(&p->lock);
    job->work(job->arg);
    host_loop_post(job->loop, job->done, job->arg);
    pthread_mutex_lock(&p->lock);
    TAILQ_REMOVE(&p->running, job, entry);
    free(job);
    pthread_cond_broadcast(&p->progress);
}

static void *thread_main(void *arg)
{
    host_pool *p = arg;
    pthread_setname_np(pthread_self(), "cmp/offload");
    pthread_mutex_lock(&p->lock);
    while (!p->ends) {
        pool_job *job = TAILQ_FIRST(&p->waiting);
        if (job != NULL) {
            run(p, job);
        } else {
            p->idle++;
            pthread_cond_wait(&p->work, &p->lock);
            p->idle--;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

void host_pool_destroy(host_pool **ref)
{
    host_pool *p = *ref;
    *ref = NULL;
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->ends = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->thread_count; i++) {
        pthread_join(p->threads[i], NULL);
    }
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->progress);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p);
}

/* Whether there is, or will be, somebody for one more job. With the lock. */
static bool have_thread(host_pool *p)
{
    if (p->idle <= p->waiting_count && p->thread_count < p->thread_max &&
        running_thread_start(&p->threads[p->thread_count], thread_main, p)) {
        p->thread_count++;
    }
    return p->thread_count > 0;
}

bool host_pool_submit(host_pool *p, cmp_loop *loop, void (*work)(void *arg),
                      void (*done)(void *arg), void *arg)
{
    pthread_mutex_lock(&p->lock);
    const bool taken = p->waiting_count < p->waiting_max && have_thread(p);
    if (taken) {
        pool_job *job = kit_alloc(sizeof(*job));
        *job = (pool_job){.loop = loop, .work = work, .done = done, .arg = arg};
        TAILQ_INSERT_TAIL(&p->waiting, job, entry);
        p->waiting_count++;
        pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->lock);
    return taken;
}

static bool has_job_for(const struct pool_jobs *jobs, const cmp_loop *loop)
{
    const pool_job *job;
    TAILQ_FOREACH(job, jobs, entry)
    {
        if (job->loop == loop) {
            return true;
        }
    }
    return false;
}

void host_pool_drain(host_pool *p, const cmp_loop *loop)
{
    pthread_mutex_lock(&p->lock);
    while (has_job_for(&p->waiting, loop) || has_job_for(&p->running, loop)) {
        pthread_cond_wait(&p->progress, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
}
