/* SPDX-License-Identifier: Apache-2.0 */
/* In which plugin each thread of ours is: for the watchdog, and for the last words of a process
 * that a plugin brings down.
 *
 * Whoever calls into a plugin says so before and takes it back after: two plain stores, no lock. */
#pragma once

#include <cmp/base.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* Every way into a plugin, and the words that logs have for it. */
#define RUNNING_LIST(X)                                                                            \
    X(LOADING, "loading")                                                                          \
    X(CHOOSE, "choose")                                                                            \
    X(CHECK, "check")                                                                              \
    X(CREATE, "create")                                                                            \
    X(DESTROY, "destroy")                                                                          \
    X(START, "start")                                                                              \
    X(WORKER_START, "worker_start")                                                                \
    X(WORKER_STOP, "worker_stop")                                                                  \
    X(KEYS_CHANGED, "keys_changed")                                                                \
    X(COMMAND, "a command")                                                                        \
    X(VERIFY, "verify")                                                                            \
    X(SIGN, "sign")                                                                                \
    X(LOOKUP, "lookup")                                                                            \
    X(ROUTE, "route")                                                                              \
    X(CANCEL, "cancel")                                                                            \
    X(PREFETCH, "prefetch")                                                                        \
    X(TURN_END, "turn_end")                                                                        \
    X(SCAN, "scan")                                                                                \
    X(WRITE, "a write")                                                                            \
    X(TIMER, "a timer")                                                                            \
    X(WATCH, "a watch")                                                                            \
    X(HTTPS, "an https callback")                                                                  \
    X(WORKERS_CALL, "workers_call")                                                                \
    X(OFFLOAD, "an offloaded job")

typedef enum running_function {
#define RUNNING_ENUM(name, words) RUNNING_##name,
    RUNNING_LIST(RUNNING_ENUM)
#undef RUNNING_ENUM
        RUNNING_FUNCTIONS
} running_function;

extern const char *const running_words[]; /* by running_function */

struct running_owner;

/* One function of one instance. */
typedef struct running_place {
    struct running_owner *owner;
    running_function function;
} running_place;

/* An instance as it is named; lives as long as the process, whatever becomes of the instance: who
 * reads it may be late. */
typedef struct running_owner {
    char *instance; /* NULL: there is none yet, or any more */
    char *plugin;
    _Atomic uint64_t stalls, longest_ms; /* see running_stalled */
    running_place at[RUNNING_FUNCTIONS];
    struct running_owner *next;
} running_owner;

/* Makes it, or finds the one of these names; the texts are copied. Any thread. */
const running_owner *running_owner_of(const char *instance, const char *plugin);

/* A thread of ours. */
typedef struct running_thread {
    atomic_uintptr_t now;        /* a running_place, or 0; its lowest bit: see running_mark */
    const char *name;            /* "worker 3"; NULL: the thread is none of ours */
    pid_t id;                    /* gettid(2) */
    struct running_thread *next; /* of all */
    void *stack;                 /* for signals */
} running_thread;

extern _Thread_local running_thread running_here __attribute__((tls_model("initial-exec")));

/* This thread goes into a plugin, or out of one into our own code (NULL); returns what
 * running_leave wants. The order is that of other threads' eyes: who sees a place sees its owner's
 * names. */
static inline uintptr_t running_enter(const running_place *place)
{
    const uintptr_t before = atomic_load_explicit(&running_here.now, memory_order_relaxed);
    atomic_store_explicit(&running_here.now, (uintptr_t)place, memory_order_release);
    return before;
}

static inline void running_leave(uintptr_t before)
{
    atomic_store_explicit(&running_here.now, before, memory_order_release);
}

/* Where a thread is; NULL: in no plugin. Any thread, and signal handlers. */
static inline const running_place *running_at(running_thread *t)
{
    return (const running_place *)(atomic_load_explicit(&t->now, memory_order_acquire) &
                                   ~(uintptr_t)1);
}

/* Another function of the instance that this thread is in; NULL when it is in none. */
const running_place *running_as(running_function function);

/* Marks the call in which a thread is, so that it can be told from the next one: any other call,
 * and the end of this one, wipe the mark out. True when it was marked already: the same call goes
 * on since. One thread only marks. */
bool running_mark(running_thread *t);

/* A call holds its thread for so long by now; `begins`: it was not said before. One thread only
 * says so. */
void running_stalled(const running_place *place, uint64_t ms, bool begins);

/* "lookup of codes (store_file)", to what is at most `size` octets; signal handlers may. Returns
 * `text`. */
#define RUNNING_TEXT_SIZE 256
const char *running_text(const running_place *place, char text[RUNNING_TEXT_SIZE]);

/* The calling thread is one of ours from now on: it has a name (copied), and a stack of its own for
 * signals, so that the last words come even when the other one is full. `comm` is what the kernel
 * shows of it (top -H), at most 15 octets; NULL: as it is, as the first thread's is the process's
 * too. And its end. */
void running_thread_begin(const char *name, const char *comm);
void running_thread_end(void);

/* Makes a thread that gets no signal but those of its own faults: all others are the control
 * thread's. A fault whose signal is blocked would end the process without a word. */
CMP_MUST_USE bool running_thread_start(pthread_t *id, void *(*run)(void *arg), void *arg);

/* Visits all threads of ours; none begins or ends meanwhile. Any thread. */
void running_threads_each(void (*visit)(running_thread *t, void *arg), void *arg);
