/* SPDX-License-Identifier: Apache-2.0 */
/* Stores of certificates that are in use, found by the file that they are of. */
#include "base/trust.h"

#include <cmp-kit/file.h>
#include <cmp-kit/memory.h>

#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct trust trust;
struct trust {
    trust *next;
    char *file; /* NULL: the system's */
    kit_file_mark mark;
    X509_STORE *store;
    unsigned users; /* contexts */
};

/* Few: one for each different file. */
static trust *all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- with the lock held ---- */

static bool is_of(const trust *t, const char *ca, const kit_file_mark *mark)
{
    const bool same = t->file != NULL && ca != NULL ? strcmp(t->file, ca) == 0 : t->file == ca;
    return same && kit_file_mark_equal(&t->mark, mark);
}

static kit_file_mark mark_of(const char *ca)
{
    const char *named = getenv(X509_get_default_cert_file_env());
    return kit_file_mark_of(ca != NULL ? ca : named != NULL ? named : X509_get_default_cert_file());
}

static X509_STORE *load(const char *ca)
{
    X509_STORE *store = kit_must(X509_STORE_new());
    if ((ca != NULL ? X509_STORE_load_file(store, ca) : X509_STORE_set_default_paths(store)) == 1) {
        return store;
    }
    X509_STORE_free(store);
    return NULL;
}

static trust *take(const char *ca)
{
    /* Before it is read: if it changes meanwhile, what is read now counts as older. */
    const kit_file_mark mark = mark_of(ca);
    trust *t = all;
    while (t != NULL && !is_of(t, ca, &mark)) {
        t = t->next;
    }
    X509_STORE *store = t == NULL ? load(ca) : NULL;
    if (store != NULL) {
        t = kit_calloc(1, sizeof(*t));
        *t = (trust){.next = all,
                     .file = ca != NULL ? kit_strdup(ca) : NULL,
                     .mark = mark,
                     .store = store};
        all = t;
    }
    if (t != NULL) {
        t->users++;
    }
    return t;
}

static void drop(trust *t)
{
    if (--t->users > 0) {
        return;
    }
    trust **at = &all;
    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    X509_STORE_free(t->store);
    free(t->file);
    free(t);
}

/* ---- contexts ---- */

/* When a context ends, on whatever thread lets go of it last. */
static void on_context_end(void *parent, void *of, CRYPTO_EX_DATA *data, int index, long number,
                           void *arg)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)number;
    (void)arg;
    if (of != NULL) {
        pthread_mutex_lock(&lock);
        drop(of);
        pthread_mutex_unlock(&lock);
    }
}

/* The context remembers whose user it is. */
static int user_index;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_index(void)
{
    user_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_end);
}

bool trust_set(SSL_CTX *ctx, const char *ca)
{
    pthread_once(&once, make_index);
    pthread_mutex_lock(&lock);
    trust *t = take(ca);
    pthread_mutex_unlock(&lock);
    if (t == NULL) {
        return false;
    }
    SSL_CTX_set1_cert_store(ctx, t->store);
    if (user_index < 0 || SSL_CTX_set_ex_data(ctx, user_index, t) != 1) {
        abort(); /* out of memory */
    }
    return true;
}
