/* SPDX-License-Identifier: Apache-2.0 */
/* See certificate.h. What cannot be written as a text that means one thing only is left out: a name
 * with a NUL in it is two names, depending on who reads it. */
#include "http/certificate.h"

#include <cmp-kit/arena.h>
#include <cmp-kit/text.h>

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#define SUBJECT_MAX ((size_t)4096)
#define NAMES_MAX   64

struct shown_certificate {
    cmp_certificate shown;
    kit_arena memory;
};

/* RFC 4514, as UTF-8. */
static cmp_str read_subject(const X509 *x509, kit_arena *memory)
{
    static const unsigned long form = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    BIO *out = BIO_new(BIO_s_mem());
    const char *at = NULL;
    cmp_str subject = CMP_NONE;
    if (out != NULL && X509_NAME_print_ex(out, X509_get_subject_name(x509), 0, form) >= 0) {
        const long size = BIO_get_mem_data(out, &at);
        const cmp_str text = {at != NULL ? at : "", size > 0 ? (size_t)size : 0};
        if (text.size <= SUBJECT_MAX && kit_utf8_valid(text)) {
            subject = kit_arena_copy(memory, text);
        }
    }
    BIO_free(out);
    return subject;
}

static cmp_str read_text(const ASN1_STRING *from, kit_arena *memory)
{
    const cmp_str text = {(const char *)ASN1_STRING_get0_data(from),
                          (size_t)ASN1_STRING_length(from)};
    return text.size > 0 && kit_ascii_visible(text) ? kit_arena_copy(memory, text) : CMP_NONE;
}

static cmp_str read_address(const ASN1_STRING *from, kit_arena *memory)
{
    char text[INET6_ADDRSTRLEN];
    const int family = ASN1_STRING_length(from) == 4    ? AF_INET
                       : ASN1_STRING_length(from) == 16 ? AF_INET6
                                                        : AF_UNSPEC;
    return inet_ntop(family, ASN1_STRING_get0_data(from), text, sizeof(text)) != NULL
               ? kit_arena_copy(memory, cmp_str_from(text))
               : CMP_NONE;
}

/* Its kind and text; absent when we have no word for it. */
static cmp_pair read_name(const GENERAL_NAME *name, kit_arena *memory)
{
    switch (name->type) {
    case GEN_DNS:
        return (cmp_pair){CMP_STR("dns"), read_text(name->d.dNSName, memory)};
    case GEN_EMAIL:
        return (cmp_pair){CMP_STR("email"), read_text(name->d.rfc822Name, memory)};
    case GEN_URI:
        return (cmp_pair){CMP_STR("uri"), read_text(name->d.uniformResourceIdentifier, memory)};
    case GEN_IPADD:
        return (cmp_pair){CMP_STR("ip"), read_address(name->d.iPAddress, memory)};
    default:
        return (cmp_pair){CMP_NONE, CMP_NONE};
    }
}

static void read_names(const X509 *x509, shown_certificate *c)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    const int all = sk_GENERAL_NAME_num(names); /* -1 of none */
    const int count = all < 0 ? 0 : all < NAMES_MAX ? all : NAMES_MAX;
    cmp_pair *to = kit_arena_alloc(&c->memory, (size_t)count * sizeof(*to));
    for (int i = 0; i < count; i++) {
        to[c->shown.name_count] = read_name(sk_GENERAL_NAME_value(names, i), &c->memory);
        c->shown.name_count += to[c->shown.name_count].value.at != NULL;
    }
    c->shown.names = to;
    GENERAL_NAMES_free(names);
}

/* A ticket keeps certificate and verdict, and may be used for hours: what has expired since is not
 * good any more. */
static bool is_verified(const SSL *ssl, const X509 *x509)
{
    return SSL_get_verify_result(ssl) == X509_V_OK &&
           X509_cmp_current_time(X509_get0_notBefore(x509)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(x509)) > 0;
}

shown_certificate *certificate_read(const SSL *ssl)
{
    const X509 *x509 = SSL_get0_peer_certificate(ssl);
    unsigned size = sizeof(((cmp_certificate *)0)->fingerprint);
    if (x509 == NULL) {
        return NULL;
    }
    shown_certificate *c = kit_calloc(1, sizeof(*c));
    kit_arena_init(&c->memory, NULL, 0);
    if (X509_digest(x509, EVP_sha256(), c->shown.fingerprint, &size) != 1) {
        certificate_destroy(&c);
        return NULL;
    }
    c->shown.verified = is_verified(ssl, x509);
    c->shown.subject = read_subject(x509, &c->memory);
    read_names(x509, c);
    return c;
}

void certificate_destroy(shown_certificate **c)
{
    if (*c != NULL) {
        kit_arena_reset(&(*c)->memory);
        free(*c);
        *c = NULL;
    }
}

const cmp_certificate *certificate_shown(const shown_certificate *c)
{
    return c != NULL ? &c->shown : NULL;
}
