/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for https_server.h: a CA, and what it signs, well and badly. */
#include "https_visitor.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

typedef struct identity {
    EVP_PKEY *key;
    X509 *certificate;
} identity;

static void extension_add(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    https_must(e != NULL && X509_add_ext(x, e, -1) == 1, "extension");
    X509_EXTENSION_free(e);
}

static void identity_write(const identity *i, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "%s.pem", name);
    FILE *file = fopen(path, "w");
    https_must(file != NULL && PEM_write_X509(file, i->certificate) == 1, path);
    fclose(file);
    snprintf(path, sizeof(path), "%s.key", name);
    file = fopen(path, "w");
    https_must(file != NULL && PEM_write_PrivateKey(file, i->key, NULL, NULL, 0, NULL, NULL) == 1,
               path);
    fclose(file);
}

/* `issuer` NULL: a CA of its own. */
static identity identity_make(const char *name, const identity *issuer, const char *names,
                              long valid_s)
{
    static long serial = 1;
    identity i = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
    X509 *x = i.certificate;
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), -7200);
    X509_gmtime_adj(X509_getm_notAfter(x), valid_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    const identity *by = issuer != NULL ? issuer : &i;
    X509_set_issuer_name(x, X509_get_subject_name(by->certificate));
    X509_set_pubkey(x, i.key);
    if (issuer == NULL) {
        extension_add(x, NID_basic_constraints, "critical,CA:TRUE");
    }
    if (names != NULL) {
        extension_add(x, NID_subject_alt_name, names);
    }
    https_must(X509_sign(x, by->key, EVP_sha256()) > 0, "sign");
    identity_write(&i, name);
    return i;
}

static void identity_free(identity i)
{
    EVP_PKEY_free(i.key);
    X509_free(i.certificate);
}

void https_make_certificates(void)
{
    const char *good = "DNS:localhost,DNS:peer.test,IP:127.0.0.1";
    identity ca = identity_make("ca", NULL, NULL, 3600);
    identity_free(identity_make("other-ca", NULL, NULL, 3600));
    identity_free(identity_make("good", &ca, good, 3600));
    identity_free(identity_make("named", &ca, "DNS:other.test", 3600));
    identity_free(identity_make("expired", &ca, good, -3600));
    identity_free(identity_make("client", &ca, NULL, 3600));
    identity_free(ca);
}
