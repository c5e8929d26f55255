/* SPDX-License-Identifier: Apache-2.0 */
/* See running.h. */
#include "base/running.h"

#include <cmp-kit/memory.h>

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* For a handler that formats a line of 2 KiB, and writes it; what the kernel puts there is 3 KiB at
 * most with AVX-512. */
#define STACK_SIZE ((size_t)32 * 1024)

#define MARK       ((uintptr_t)1)

const char *const running_words[] = {
#define RUNNING_WORDS(name, words) [RUNNING_##name] = (words),
    RUNNING_LIST(RUNNING_WORDS)
#undef RUNNING_WORDS
};

_Thread_local running_thread running_here;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the two lists */
static running_owner *owners;
static running_thread *threads;

/* ---- owners ---- */

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static running_owner *owner_make(const char *instance, const char *plugin)
{
    running_owner *o = kit_calloc(1, sizeof(*o));
    o->instance = instance != NULL ? kit_strdup(instance) : NULL;
    o->plugin = kit_strdup(plugin);
    for (int f = 0; f < RUNNING_FUNCTIONS; f++) {
        o->at[f] = (running_place){.owner = o, .function = (running_function)f};
    }
    return o;
}

/* There are as many as a configuration has had names: few, and each once. */
const running_owner *running_owner_of(const char *instance, const char *plugin)
{
    pthread_mutex_lock(&lock);
    running_owner *o = owners;
    while (o != NULL && (!same(o->instance, instance) || !same(o->plugin, plugin))) {
        o = o->next;
    }
    if (o == NULL) {
        o = owner_make(instance, plugin);
        o->next = owners;
        owners = o;
    }
    pthread_mutex_unlock(&lock);
    return o;
}

const running_place *running_as(running_function function)
{
    const running_place *here = running_at(&running_here);
    return here != NULL ? &here->owner->at[function] : NULL;
}

/* The thread may go on meanwhile. Then it is the next call that is marked, or none: in both cases
 * the mark is not older than that call. */
bool running_mark(running_thread *t)
{
    uintptr_t now = atomic_load_explicit(&t->now, memory_order_relaxed);
    const bool marked = (now & MARK) != 0;
    if (now != 0 && !marked) {
        atomic_compare_exchange_strong_explicit(&t->now, &now, now | MARK, memory_order_relaxed,
                                                memory_order_relaxed);
    }
    return marked;
}

void running_stalled(const running_place *place, uint64_t ms, bool begins)
{
    running_owner *o = place->owner;
    if (begins) {
        atomic_fetch_add_explicit(&o->stalls, 1, memory_order_relaxed);
    }
    if (ms > atomic_load_explicit(&o->longest_ms, memory_order_relaxed)) {
        atomic_store_explicit(&o->longest_ms, ms, memory_order_relaxed);
    }
}

static char *put(char *at, const char *end, const char *words)
{
    while (*words != '\0' && at < end) {
        *at++ = *words++;
    }
    return at;
}

const char *running_text(const running_place *place, char text[RUNNING_TEXT_SIZE])
{
    const running_owner *o = place->owner;
    const char *end = text + RUNNING_TEXT_SIZE - 1;
    char *at = put(text, end, running_words[place->function]);
    at = put(at, end, o->instance != NULL ? " of " : " of plugin ");
    at = put(at, end, o->instance != NULL ? o->instance : o->plugin);
    if (o->instance != NULL) {
        at = put(at, end, " (");
        at = put(at, end, o->plugin);
        at = put(at, end, ")");
    }
    *at = '\0';
    return text;
}

/* ---- threads ---- */

/* Sanitizers give threads stacks of their own: those stay. */
static void stack_begin(running_thread *t)
{
    stack_t before;
    if (sigaltstack(NULL, &before) != 0 || (before.ss_flags & SS_DISABLE) == 0) {
        return;
    }
    t->stack = kit_alloc(STACK_SIZE);
    const stack_t own = {.ss_sp = t->stack, .ss_size = STACK_SIZE};
    sigaltstack(&own, NULL);
}

static void stack_end(running_thread *t)
{
    if (t->stack != NULL) {
        const stack_t none = {.ss_flags = SS_DISABLE};
        sigaltstack(&none, NULL);
        free(t->stack);
        t->stack = NULL;
    }
}

void running_thread_begin(const char *name, const char *comm)
{
    running_thread *t = &running_here;
    t->name = kit_strdup(name);
    t->id = gettid();
    if (comm != NULL) {
        pthread_setname_np(pthread_self(), comm);
    }
    stack_begin(t);
    pthread_mutex_lock(&lock);
    t->next = threads;
    threads = t;
    pthread_mutex_unlock(&lock);
}

void running_thread_end(void)
{
    running_thread *t = &running_here;
    pthread_mutex_lock(&lock);
    running_thread **link = &threads;
    while (*link != t) {
        link = &(*link)->next;
    }
    *link = t->next;
    pthread_mutex_unlock(&lock);
    stack_end(t);
    free((char *)(uintptr_t)t->name);
    t->name = NULL;
}

/* A new thread inherits its maker's mask, so that is changed for the moment of making it. */
bool running_thread_start(pthread_t *id, void *(*run)(void *arg), void *arg)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    sigset_t others, before;
    sigfillset(&others);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        sigdelset(&others, faults[i]);
    }
    pthread_sigmask(SIG_SETMASK, &others, &before);
    const bool started = pthread_create(id, NULL, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void running_threads_each(void (*visit)(running_thread *t, void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    for (running_thread *t = threads; t != NULL; t = t->next) {
        visit(t, arg);
    }
    pthread_mutex_unlock(&lock);
}
