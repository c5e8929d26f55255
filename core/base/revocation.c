/* SPDX-License-Identifier: Apache-2.0 */
/* See revocation.h. */
#include "base/revocation.h"

#include "base/file_set.h"
#include "base/log.h"
#include "base/log_limit.h"

#include <cmp-kit/memory.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdlib.h>

/* The lists as they were at one time. */
typedef struct lists {
    unsigned users; /* handshakes, and the revocation while it is the newest */
    STACK_OF(X509_CRL) * at;
} lists;

typedef struct revocation {
    char *file;
    pthread_mutex_t lock; /* handshakes are on every worker */
    kit_file_mark mark;   /* of the newest */
    file_refusal bad;
    lists *newest;
} revocation;

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
    l->users = 1;
    l->at = kit_must(sk_X509_CRL_new_null());
    for (X509_CRL *one; (one = PEM_read_bio_X509_CRL(from, NULL, NULL, NULL)) != NULL;) {
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

static void warn_when_over(const revocation *r)
{
    for (int i = 0; i < sk_X509_CRL_num(r->newest->at); i++) {
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(sk_X509_CRL_value(r->newest->at, i));
        if (next != NULL && X509_cmp_current_time(next) < 0) {
            log_warning("tls",
                        "%s: a revocation list in it is over: whom it speaks of is refused "
                        "until there is a newer one",
                        r->file);
        }
    }
}

/* With the lock. A look costs a thousandth of what a handshake does. */
static void look(revocation *r)
{
    const kit_file_mark mark = kit_file_mark_of(r->file);
    const bool was_refused = file_was_refused(&r->bad, &mark);
    if (kit_file_mark_equal(&mark, &r->mark) || (was_refused && !file_is_due_again(&r->bad))) {
        return;
    }
    lists *fresh = lists_load(r->file);
    if (fresh == NULL) {
        ERR_clear_error();
        file_refuse(&r->bad, &mark);
        if (!was_refused) {
            log_error("tls", "%s: no revocation list can be read; those read before stay in use",
                      r->file);
        }
        return;
    }
    r->mark = mark;
    r->bad.any = false;
    if (--r->newest->users == 0) {
        lists_free(r->newest);
    }
    r->newest = fresh;
    log_notice("tls", "%s has changed: %d revocation lists", r->file, sk_X509_CRL_num(fresh->at));
    warn_when_over(r);
}

/* ---- handshakes ---- */

static lists *take(revocation *r)
{
    pthread_mutex_lock(&r->lock);
    look(r);
    lists *l = r->newest;
    l->users++;
    pthread_mutex_unlock(&r->lock);
    return l;
}

static void give_back(revocation *r, lists *l)
{
    pthread_mutex_lock(&r->lock);
    if (--l->users == 0) {
        lists_free(l);
    }
    pthread_mutex_unlock(&r->lock);
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
        log_limited(&refusals, cmp_str_from(r->file), NULL, NULL, 0,
                    "%s: there is no revocation list of the CA %s in it, and each CA of a chain "
                    "needs one",
                    r->file, issuer);
    } else {
        log_limited(&refusals, cmp_str_from(r->file), NULL, NULL, 0, "%s: %s", r->file,
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
    }
    X509_STORE_CTX_set0_crls(context, NULL);
    give_back(r, l);
    return good;
}

/* ---- contexts ---- */

static void on_context_end(void *parent, void *of, CRYPTO_EX_DATA *data, int index, long number,
                           void *arg)
{
    (void)parent, (void)data, (void)index, (void)number, (void)arg;
    revocation *r = of;
    if (r != NULL) {
        lists_free(r->newest);
        pthread_mutex_destroy(&r->lock);
        free(r->file);
        free(r);
    }
}

static int owner_index;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_index(void)
{
    owner_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_end);
}

bool revocation_set(SSL_CTX *ctx, const char *crl)
{
    pthread_once(&once, make_index);
    const kit_file_mark mark = kit_file_mark_of(crl); /* before: a change meanwhile shows later */
    lists *first = lists_load(crl);
    if (first == NULL) {
        return false;
    }
    revocation *r = kit_calloc(1, sizeof(*r));
    *r = (revocation){.file = kit_strdup(crl),
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .mark = mark,
                      .newest = first};
    warn_when_over(r);
    if (owner_index < 0 || SSL_CTX_set_ex_data(ctx, owner_index, r) != 1) {
        abort(); /* out of memory */
    }
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, r);
    return true;
}
