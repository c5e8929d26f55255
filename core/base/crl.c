/* SPDX-License-Identifier: Apache-2.0 */
/* See crl.h. OpenSSL asks a list by its method, in the place of which another can be put. */
#include "base/crl.h"

#include <cmp-kit/memory.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <stdlib.h>

/* What is known of a list. */
typedef struct proof {
    _Atomic(EVP_PKEY *) signer;
} proof;

static void keep_signer(proof *p, EVP_PKEY *key)
{
    EVP_PKEY *none = NULL;
    EVP_PKEY_up_ref(key);
    if (!atomic_compare_exchange_strong(&p->signer, &none, key)) {
        EVP_PKEY_free(key); /* another handshake was first */
    }
}

/* As OpenSSL's own method does, which cannot be called from another: over the first of the three
 * parts of the list (RFC 5280, 5.1). */
static bool is_signed_by(X509_CRL *crl, EVP_PKEY *key)
{
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *algorithm;
    unsigned char *all = NULL;
    const int size = i2d_X509_CRL(crl, &all);
    const unsigned char *at = all;
    ASN1_SEQUENCE_ANY *parts = size > 0 ? d2i_ASN1_SEQUENCE_ANY(NULL, &at, size) : NULL;
    X509_CRL_get0_signature(crl, &signature, &algorithm);
    const bool good = sk_ASN1_TYPE_num(parts) == 3 &&
                      ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), algorithm, signature,
                                       sk_ASN1_TYPE_value(parts, 0), key) == 1;
    sk_ASN1_TYPE_pop_free(parts, ASN1_TYPE_free);
    OPENSSL_free(all);
    return good;
}

/* ---- the method ---- */

static int on_read(X509_CRL *crl)
{
    sk_X509_REVOKED_sort(X509_CRL_get_REVOKED(crl)); /* else the first search would do it */
    X509_CRL_set_meth_data(crl, kit_calloc(1, sizeof(proof)));
    return 1;
}

static int on_free(X509_CRL *crl)
{
    proof *p = X509_CRL_get_meth_data(crl);
    if (p != NULL) {
        EVP_PKEY_free(p->signer);
        free(p);
    }
    return 1;
}

/* Whose certificates an entry is about has not to be asked: lists with those of several CAs are
 * refused before (X509_V_FLAG_EXTENDED_CRL_SUPPORT is not set). */
static int on_search(X509_CRL *crl, X509_REVOKED **found, const ASN1_INTEGER *serial,
                     const X509_NAME *issuer)
{
    (void)issuer;
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
    X509_REVOKED *like = kit_must(X509_REVOKED_new());
    X509_REVOKED_set_serialNumber(like, (ASN1_INTEGER *)(uintptr_t)serial); /* copied */
    const int at = sk_X509_REVOKED_find(revoked, like);
    X509_REVOKED_free(like);
    if (at < 0) {
        return 0;
    }
    if (found != NULL) {
        *found = sk_X509_REVOKED_value(revoked, at);
    }
    return 1;
}

/* OpenSSL asks before it has verified the chain, so the key may be anybody's: from a list and its
 * signature others can be made that fit it. What fits is kept by crl_prove alone. */
static int on_verify(X509_CRL *crl, EVP_PKEY *key)
{
    EVP_PKEY *signer = crl_signer(crl);
    const int same = signer != NULL ? EVP_PKEY_eq(signer, key) : -1;
    return same >= 0 /* else: unknown, or kinds of keys that cannot be compared */
               ? same
               : is_signed_by(crl, key);
}

/* ---- lists ---- */

X509_CRL *crl_read(BIO *from)
{
    static X509_CRL_METHOD *ours;
    if (ours == NULL) {
        ours = kit_must(X509_CRL_METHOD_new(on_read, on_free, on_search, on_verify));
    }
    /* Lists that others read, a library of a plugin's perhaps, are none of our business; it would
     * have to read one at this very moment on another thread, and search for several CAs in it. */
    X509_CRL_set_default_method(ours);
    X509_CRL *crl = PEM_read_bio_X509_CRL(from, NULL, NULL, NULL);
    X509_CRL_set_default_method(NULL);
    return crl;
}

void crl_prove(X509_CRL *crl, EVP_PKEY *key)
{
    if (crl_signer(crl) == NULL && is_signed_by(crl, key)) {
        keep_signer(X509_CRL_get_meth_data(crl), key);
    }
}

EVP_PKEY *crl_signer(X509_CRL *crl)
{
    const proof *p = X509_CRL_get_meth_data(crl);
    return atomic_load(&p->signer);
}
