/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and settings of inbound TLS. */
#include "http/tls.h"

#include "base/likeness.h"
#include "base/pem_fault.h"
#include "base/private_key.h"
#include "base/revocation.h"
#include "base/tls_slot.h"
#include "base/trust.h"
#include "http/connection.h"

#include <cmp-kit/memory.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Forward secrecy and AEAD: RFC 9113, 9.2.2, forbids the others with HTTP/2. */
#define CIPHERS_1_2                                                                                \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"     \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

/* Says what is wrong with a file; NULL: OpenSSL knows. */
static void report_file(const conf *c, cmp_report *report, const char *path, const char *member,
                        const char *file, const char *why)
{
    char key[256];
    snprintf(key, sizeof(key), "%s.tls.%s", path, member);
    report_add(report, conf_place_of(c, key), key, "cannot use %s: %s", file,
               why != NULL ? why : pem_fault_take());
}

/* False after a report. */
static bool may_read(const conf *c, cmp_report *report, const char *path, const char *member,
                     const char *file)
{
    const char *refusal = pem_refusal(file);
    if (refusal != NULL) {
        report_file(c, report, path, member, file, refusal);
    }
    return refusal == NULL;
}

/* The list is the server's order; a client that offers none of them goes on without ALPN. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                   const unsigned char *in, unsigned in_size, void *arg)
{
    static const unsigned char both[] = "\x02h2\x08http/1.1", one[] = "\x08http/1.1";
    (void)ssl;
    const bool http2 = arg != NULL;
    const unsigned char *list = http2 ? both : one;
    const unsigned size = (http2 ? sizeof(both) : sizeof(one)) - 1;
    if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_size, list, size, in,
                              in_size) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    return SSL_TLSEXT_ERR_OK;
}

/* Not where anybody may ask, unless the operator says so: of HTTP/2 a stranger can make more work
 * than of HTTP/1, and a handset asks one thing. */
static bool offers_http2(const conf_listener *l)
{
    return l->http2 == CONF_HTTP2_ON ||
           (l->http2 == CONF_HTTP2_AUTO && !conf_listener_anonymous(l));
}

static void set_protocols(SSL_CTX *ctx, const conf_listener *l)
{
    /* Older ones are not to be negotiated (RFC 8996). */
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets, no server state */
    /* One is enough to resume with; OpenSSL's default of two makes every handshake longer. */
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, offers_http2(l) ? ctx : NULL);
}

static bool load_certificate(SSL_CTX *ctx, const conf *c, const conf_listener *l, const char *path,
                             cmp_report *report)
{
    const size_t errors = report->count;
    if (may_read(c, report, path, "certificate", l->tls.certificate) &&
        SSL_CTX_use_certificate_chain_file(ctx, l->tls.certificate) != 1) {
        report_file(c, report, path, "certificate", l->tls.certificate, NULL);
    }
    const char *reason;
    if (may_read(c, report, path, "key", l->tls.key) &&
        !private_key_use(ctx, l->tls.key, &reason)) {
        report_file(c, report, path, "key", l->tls.key, reason);
    }
    if (report->count == errors && SSL_CTX_check_private_key(ctx) != 1) {
        report_file(c, report, path, "key", l->tls.key, NULL);
    }
    return report->count == errors;
}

static bool load_client_ca(SSL_CTX *ctx, const conf *c, const conf_listener *l, const char *path,
                           cmp_report *report)
{
    if (l->tls.client_ca == NULL) {
        return true;
    }
    if (!may_read(c, report, path, "client_ca", l->tls.client_ca)) {
        return false;
    }
    /* The names tell a client which of its certificates is meant. */
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(l->tls.client_ca);
    if (names == NULL || !trust_set(ctx, l->tls.client_ca)) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        report_file(c, report, path, "client_ca", l->tls.client_ca, NULL);
        return false;
    }
    SSL_CTX_set_client_CA_list(ctx, names); /* takes the names */
    return true;
}

/* A ticket would let a client in that was good once: with lists, each one shows itself each time.
 */
static bool load_client_crl(SSL_CTX *ctx, const conf *c, const conf_listener *l, const char *path,
                            cmp_report *report)
{
    if (l->tls.client_crl == NULL) {
        return true;
    }
    if (!revocation_set(ctx, l->tls.client_crl)) {
        report_file(c, report, path, "client_crl", l->tls.client_crl, NULL);
        return false;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx, 0);
    return true;
}

/* Whatever comes is for auth plugins to judge; what is wrong with it, the session keeps. */
static int on_optional(int good, X509_STORE_CTX *store)
{
    (void)good, (void)store;
    return 1;
}

static void ask_for_certificate(SSL_CTX *ctx, const conf_listener *l)
{
    switch ((conf_client_certificate)l->tls.client_certificate) {
    case CONF_CLIENT_CERTIFICATE_NONE:
        return;
    case CONF_CLIENT_CERTIFICATE_OPTIONAL:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_optional);
        break;
    case CONF_CLIENT_CERTIFICATE_REQUIRED:
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        break;
    }
    SSL_CTX_set_info_callback(ctx, connection_on_tls_info);
}

/* A session is resumed only where it would have begun in the same way: on another listener, or by a
 * ticket from before the certificates of clients were asked for, or for another CA, OpenSSL would
 * take it as it is. */
static void set_session_context(SSL_CTX *ctx, const conf_listener *l)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    likeness_sum *sum = likeness_begin();
    likeness_text(sum, l->name);
    likeness_number(sum, l->tls.client_certificate);
    STACK_OF(X509_OBJECT) *trusted = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ctx));
    for (int i = 0; i < sk_X509_OBJECT_num(trusted); i++) {
        const X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(trusted, i));
        if (ca != NULL && X509_digest(ca, EVP_sha256(), digest, &size) == 1) {
            likeness_octets(sum, digest, size);
        }
    }
    const likeness same = likeness_end(&sum);
    SSL_CTX_set_session_id_context(ctx, same.octets, sizeof(same.octets));
}

static SSL_CTX *context_create(const conf *c, const conf_listener *l, const char *path,
                               cmp_report *report)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    ERR_clear_error();
    set_protocols(ctx, l);
    ask_for_certificate(ctx, l);
    /* Both, even when the first fails: the operator hears of all faults at once. */
    const bool certificate = load_certificate(ctx, c, l, path, report);
    const bool client_ca = load_client_ca(ctx, c, l, path, report);
    const bool client_crl = load_client_crl(ctx, c, l, path, report);
    if (!certificate || !client_ca || !client_crl) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    set_session_context(ctx, l);
    return ctx;
}

/* ---- from one context to the next ---- */

struct listener_tls {
    _Atomic unsigned shares;
    tls_slot slot;
    file_set files;
};

listener_tls *listener_tls_create(const conf *c, const conf_listener *l, const char *path,
                                  cmp_report *report)
{
    listener_tls *t = kit_calloc(1, sizeof(*t));
    const char *const paths[] = {l->tls.certificate, l->tls.key, l->tls.client_ca};
    atomic_init(&t->shares, 1);
    file_set_init(&t->files, paths, sizeof(paths) / sizeof(paths[0]));
    SSL_CTX *first = context_create(c, l, path, report);
    tls_slot_init(&t->slot, first);
    if (first == NULL) {
        listener_tls_unref(&t);
    }
    return t;
}

listener_tls *listener_tls_ref(listener_tls *t)
{
    atomic_fetch_add_explicit(&t->shares, 1, memory_order_relaxed);
    return t;
}

void listener_tls_unref(listener_tls **ref)
{
    listener_tls *t = *ref;
    *ref = NULL;
    if (t != NULL && atomic_fetch_sub_explicit(&t->shares, 1, memory_order_acq_rel) == 1) {
        tls_slot_dispose(&t->slot);
        file_set_dispose(&t->files);
        free(t);
    }
}

SSL_CTX *listener_tls_context(listener_tls *t)
{
    return tls_slot_take(&t->slot);
}

file_set *listener_tls_files(listener_tls *t)
{
    return &t->files;
}

bool listener_tls_renew(listener_tls *t, const conf *c, const conf_listener *l, const char *path,
                        cmp_report *report)
{
    SSL_CTX *fresh = context_create(c, l, path, report);
    if (fresh == NULL) {
        file_set_refused(&t->files);
        return false;
    }
    tls_slot_put(&t->slot, fresh);
    file_set_used(&t->files);
    return true;
}
