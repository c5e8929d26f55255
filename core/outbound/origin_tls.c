/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS context of one origin. Certificate and host name are checked by OpenSSL itself: h2o's own
 * check of the name is skipped under TLS 1.3. */
#include "base/pem_fault.h"
#include "base/private_key.h"
#include "base/revocation.h"
#include "base/trust.h"
#include "outbound/origin.h"
#include "outbound/wire.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* Forward secrecy and AEAD: RFC 9113, 9.2.2, forbids the others with HTTP/2. */
#define CIPHERS_1_2                                                                                \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"     \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

/* Says what is wrong with a file; NULL: OpenSSL knows. */
static bool refuse(char *error, size_t error_size, const char *what, const char *file,
                   const char *why)
{
    snprintf(error, error_size, "cannot use the %s %s: %s", what, file,
             why != NULL ? why : pem_fault_take());
    return false;
}

/* False after an error. */
static bool may_read(char *error, size_t error_size, const char *what, const char *file)
{
    const char *refusal = pem_refusal(file);
    return refusal == NULL || refuse(error, error_size, what, file, refusal);
}

static bool load_trust(SSL_CTX *ctx, const char *ca, char *error, size_t error_size)
{
    return (ca == NULL || may_read(error, error_size, "CA", ca)) &&
           (trust_set(ctx, ca) ||
            refuse(error, error_size, "CA", ca != NULL ? ca : "of the system", NULL));
}

static bool load_revocation(SSL_CTX *ctx, const char *crl, char *error, size_t error_size)
{
    return crl == NULL || revocation_set(ctx, crl) ||
           refuse(error, error_size, "revocation lists", crl, NULL);
}

static bool load_identity(SSL_CTX *ctx, const origin *o, char *error, size_t error_size)
{
    if (o->certificate == NULL) {
        return true;
    }
    const char *key = o->key != NULL ? o->key : o->certificate;
    if (!may_read(error, error_size, "certificate", o->certificate) ||
        !may_read(error, error_size, "key", key)) {
        return false;
    }
    if (SSL_CTX_use_certificate_chain_file(ctx, o->certificate) != 1) {
        return refuse(error, error_size, "certificate", o->certificate, NULL);
    }
    const char *said = NULL;
    if (!private_key_use(ctx, key, &said) || SSL_CTX_check_private_key(ctx) != 1) {
        return refuse(error, error_size, "key", key, said);
    }
    return true;
}

static bool expect_name(SSL_CTX *ctx, const origin *o)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    /* A wildcard stands for a whole label only (RFC 9525, 6.3), and a common name for nothing (2).
     */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return o->sni[0] != '\0' ? X509_VERIFY_PARAM_set1_host(param, o->server_name, 0) == 1
                             : X509_VERIFY_PARAM_set1_ip_asc(param, o->server_name) == 1;
}

SSL_CTX *origin_tls_create(const origin *o, char *error, size_t error_size)
{
    static const unsigned char protocols[] = "\x02h2\x08http/1.1";
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    /* Another's errors of this thread would be given as the reason. */
    ERR_clear_error();
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_protos(ctx, protocols, sizeof(protocols) - 1);
    SSL_CTX_set_info_callback(ctx, wire_on_tls_info);
    if (!expect_name(ctx, o)) {
        snprintf(error, error_size, "cannot expect the server name %s", o->server_name);
    } else if (load_trust(ctx, o->ca, error, error_size) &&
               load_revocation(ctx, o->crl, error, error_size) &&
               load_identity(ctx, o, error, error_size)) {
        return ctx;
    }
    SSL_CTX_free(ctx);
    return NULL;
}
