/* SPDX-License-Identifier: Apache-2.0 */
/* See revocation.h. */
#include "base/revocation.h"

#include "base/crl.h"
#include "base/file_set.h"
#include "base/log.h"
#include "base/log_limit.h"

#include <cmp-kit/memory.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The lists as they were at one time. */
typedef struct lists lists;
struct lists {
    unsigned users; /* handshakes */
    STACK_OF(X509_CRL) * at;
    lists *next; /* of those that are outdated */
};

/* One file, for all contexts that go by it: of a large list there is one copy. */
typedef struct revocation revocation;
struct revocation {
    char *path;
    file_set file; /* the control thread's */
    unsigned contexts;
    lists *newest;
    revocation *next;
};

/* A handshake holds the lock to count itself. What takes longer is the control thread's alone: it
 * reads, and it frees what nobody uses any more, for that takes as long. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static revocation *all;
static lists *outdated;

static log_limit refusals = {
    .level = CMP_LOG_WARNING,
    .area = "tls",
    .what = "certificates that a revocation list speaks against",
    .name = "crl",
    .each = {10, 60},
    .all = {100, 600},
};

/* ---- lists ---- */

static void lists_free(lists *l)
{
    sk_X509_CRL_pop_free(l->at, X509_CRL_free);
    free(l);
}

/* One or more lists; after the last PEM ends with "no start line", which is no error then. */
static lists *lists_load(const char *file)
{
    BIO *from = BIO_new_file(file, "r");
    if (from == NULL) {
        return NULL;
    }
    lists *l = kit_calloc(1, sizeof(*l));
    l->at = kit_must(sk_X509_CRL_new_null());
    for (X509_CRL *one; (one = crl_read(from)) != NULL;) {
        kit_must(sk_X509_CRL_push(l->at, one) > 0 ? l : NULL);
    }
    BIO_free(from);
    const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (sk_X509_CRL_num(l->at) == 0 || !ended) {
        lists_free(l);
        return NULL;
    }
    ERR_clear_error();
    return l;
}

static void warn_when_over(const char *file, const lists *l)
{
    for (int i = 0; i < sk_X509_CRL_num(l->at); i++) {
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(sk_X509_CRL_value(l->at, i));
        if (next != NULL && X509_cmp_current_time(next) < 0) {
            log_warning("tls",
                        "%s: a revocation list in it is over: whom it speaks of is refused "
                        "until there is a newer one",
                        file);
        }
    }
}

/* ---- signatures: once they are found good, handshakes need not look at them ---- */

static void prove_by(const lists *l, const X509_NAME *name, EVP_PKEY *key)
{
    for (int i = 0; i < sk_X509_CRL_num(l->at) && key != NULL; i++) {
        X509_CRL *one = sk_X509_CRL_value(l->at, i);
        if (crl_signer(one) == NULL && X509_NAME_cmp(X509_CRL_get_issuer(one), name) == 0) {
            crl_prove(one, key);
        }
    }
    ERR_clear_error();
}

/* CAs below the trusted ones are shown in handshakes only. */
static void prove_by_chain(const lists *l, const STACK_OF(X509) * verified)
{
    for (int i = 1; i < sk_X509_num(verified); i++) {
        const X509 *ca = sk_X509_value(verified, i);
        prove_by(l, X509_get_subject_name(ca), X509_get0_pubkey(ca));
    }
}

static void prove_by_store(const lists *l, X509_STORE *store)
{
    STACK_OF(X509) *trusted = X509_STORE_get1_all_certs(store);
    for (int i = 0; i < sk_X509_num(trusted); i++) {
        const X509 *ca = sk_X509_value(trusted, i);
        prove_by(l, X509_get_subject_name(ca), X509_get0_pubkey(ca));
    }
    sk_X509_pop_free(trusted, X509_free);
}

/* Whose lists were good until now. */
static void prove_as_before(const lists *l, const lists *before)
{
    for (int i = 0; i < sk_X509_CRL_num(before->at); i++) {
        X509_CRL *one = sk_X509_CRL_value(before->at, i);
        prove_by(l, X509_CRL_get_issuer(one), crl_signer(one));
    }
}

/* ---- files ---- */

static revocation *take_file(const char *file)
{
    pthread_mutex_lock(&lock);
    revocation *r = all;
    while (r != NULL && strcmp(r->path, file) != 0) {
        r = r->next;
    }
    if (r != NULL) {
        r->contexts++;
    }
    pthread_mutex_unlock(&lock);
    return r;
}

static revocation *add_file(const char *file, const file_set *as_read, lists *first)
{
    revocation *r = kit_calloc(1, sizeof(*r));
    *r = (revocation){.path = kit_strdup(file), .file = *as_read, .contexts = 1, .newest = first};
    warn_when_over(file, first);
    pthread_mutex_lock(&lock);
    r->next = all;
    all = r;
    pthread_mutex_unlock(&lock);
    return r;
}

static void leave_file(revocation *r)
{
    pthread_mutex_lock(&lock);
    r->contexts--;
    pthread_mutex_unlock(&lock);
}

static void put_newest(revocation *r, lists *fresh)
{
    lists *before = r->newest;
    prove_as_before(fresh, before);
    pthread_mutex_lock(&lock);
    r->newest = fresh;
    before->next = outdated;
    outdated = before;
    pthread_mutex_unlock(&lock);
    log_notice("tls", "%s has changed: %d revocation lists", r->path, sk_X509_CRL_num(fresh->at));
    warn_when_over(r->path, fresh);
}

/* With the lock. */
static lists *unlink_unused_lists(void)
{
    lists *unused = NULL;
    for (lists **at = &outdated, *l; (l = *at) != NULL;) {
        if (l->users > 0) {
            at = &l->next;
        } else {
            *at = l->next;
            l->next = unused;
            unused = l;
        }
    }
    return unused;
}

/* The same. */
static revocation *unlink_unused_files(void)
{
    revocation *unused = NULL;
    for (revocation **at = &all, *r; (r = *at) != NULL;) {
        if (r->contexts > 0) {
            at = &r->next;
        } else {
            *at = r->next;
            r->next = unused;
            unused = r;
        }
    }
    return unused;
}

static void free_unused(void)
{
    pthread_mutex_lock(&lock);
    lists *l = unlink_unused_lists();
    revocation *r = unlink_unused_files();
    pthread_mutex_unlock(&lock);
    for (lists *next; l != NULL; l = next) {
        next = l->next;
        lists_free(l);
    }
    for (revocation *next; r != NULL; r = next) {
        next = r->next;
        lists_free(r->newest);
        file_set_dispose(&r->file);
        free(r->path);
        free(r);
    }
}

static void look_at(revocation *r)
{
    file_glance round = {.next = 0};
    if (!file_set_changed(&r->file, &round)) {
        return;
    }
    const bool was_refused = file_set_was_refused(&r->file);
    lists *fresh = lists_load(r->path);
    if (fresh != NULL) {
        file_set_used(&r->file);
        put_newest(r, fresh);
        return;
    }
    ERR_clear_error();
    file_set_refused(&r->file);
    if (!was_refused) {
        log_error("tls", "%s: no revocation list can be read; those read before stay in use",
                  r->path);
    }
}

void revocation_look(void)
{
    free_unused();
    /* Only this thread puts files in, and takes them out. */
    for (revocation *r = all; r != NULL; r = r->next) {
        look_at(r);
    }
}

/* ---- handshakes ---- */

static lists *take(revocation *r)
{
    pthread_mutex_lock(&lock);
    lists *l = r->newest;
    l->users++;
    pthread_mutex_unlock(&lock);
    return l;
}

static void give_back(lists *l)
{
    pthread_mutex_lock(&lock);
    l->users--;
    pthread_mutex_unlock(&lock);
}

static bool is_about_lists(int error)
{
    return error == X509_V_ERR_CERT_REVOKED || error == X509_V_ERR_UNABLE_TO_GET_CRL ||
           error == X509_V_ERR_CRL_HAS_EXPIRED || error == X509_V_ERR_CRL_NOT_YET_VALID ||
           error == X509_V_ERR_CRL_SIGNATURE_FAILURE;
}

#define ISSUER_SIZE 256

/* Of a chain each CA has to have its list: whose is missing, nobody could guess. */
static void log_refusal(const revocation *r, X509_STORE_CTX *context, int error)
{
    const X509 *at = X509_STORE_CTX_get_current_cert(context);
    char issuer[ISSUER_SIZE] = "";
    if (error == X509_V_ERR_UNABLE_TO_GET_CRL && at != NULL) {
        X509_NAME_oneline(X509_get_issuer_name(at), issuer, sizeof(issuer));
        log_limited(&refusals, cmp_str_from(r->path), NULL, NULL, 0,
                    "%s: there is no revocation list of the CA %s in it, and each CA of a chain "
                    "needs one",
                    r->path, issuer);
    } else {
        log_limited(&refusals, cmp_str_from(r->path), NULL, NULL, 0, "%s: %s", r->path,
                    X509_verify_cert_error_string(error));
    }
}

/* In place of OpenSSL's own step, which it then takes: the context's store is others' as well. */
static int on_verify(X509_STORE_CTX *context, void *arg)
{
    revocation *r = arg;
    lists *l = take(r);
    X509_STORE_CTX_set0_crls(context, l->at);
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    const int good = X509_verify_cert(context);
    const int error = X509_STORE_CTX_get_error(context);
    if (is_about_lists(error)) {
        log_refusal(r, context, error);
    } else if (good == 1 && error == X509_V_OK) {
        prove_by_chain(l, X509_STORE_CTX_get0_chain(context));
    }
    X509_STORE_CTX_set0_crls(context, NULL);
    give_back(l);
    return good;
}

/* ---- contexts ---- */

static void on_context_end(void *parent, void *of, CRYPTO_EX_DATA *data, int index, long number,
                           void *arg)
{
    (void)parent, (void)data, (void)index, (void)number, (void)arg;
    if (of != NULL) {
        leave_file(of);
    }
}

static int owner_index;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_index(void)
{
    owner_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_end);
}

/* The file as it is now, for one more context. NULL: it cannot be read. */
static revocation *file_now(const char *crl)
{
    revocation *r = take_file(crl);
    if (r != NULL && file_set_is_current(&r->file)) {
        return r;
    }
    file_set as_read; /* before: a change meanwhile shows later */
    file_set_init(&as_read, &crl, 1);
    lists *fresh = lists_load(crl);
    if (fresh != NULL && r == NULL) {
        return add_file(crl, &as_read, fresh);
    }
    if (fresh != NULL) {
        file_set_dispose(&r->file);
        r->file = as_read;
        put_newest(r, fresh);
        return r;
    }
    file_set_dispose(&as_read);
    if (r != NULL) {
        leave_file(r);
    }
    return NULL;
}

bool revocation_set(SSL_CTX *ctx, const char *crl)
{
    pthread_once(&once, make_index);
    revocation *r = file_now(crl);
    if (r == NULL) {
        return false;
    }
    prove_by_store(r->newest, SSL_CTX_get_cert_store(ctx));
    if (owner_index < 0 || SSL_CTX_set_ex_data(ctx, owner_index, r) != 1) {
        abort(); /* out of memory */
    }
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, r);
    return true;
}
