/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a daemon under test: while the file that FEW_THREADS names is there, its first
 * worker can be made, and no second one, as when the processes of a user are counted. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

typedef int create_fn(pthread_t *id, const pthread_attr_t *how, void *(*run)(void *), void *arg);

int pthread_create(pthread_t *id, const pthread_attr_t *how, void *(*run)(void *), void *arg)
{
    static atomic_uint made;
    const char *file = getenv("FEW_THREADS");
    const char *most = getenv("FEW_THREADS_MOST");
    if (file != NULL && most != NULL && access(file, F_OK) == 0 &&
        atomic_fetch_add(&made, 1) >= (unsigned)strtoul(most, NULL, 10)) {
        return EAGAIN;
    }
    create_fn *create = (create_fn *)dlsym(RTLD_NEXT, "pthread_create");
    return create(id, how, run, arg);
}
