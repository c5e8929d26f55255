/* SPDX-License-Identifier: Apache-2.0 */
/* See pem_fault.h; used by both sides of TLS. */
#include "base/pem_fault.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>

static const char no_certificate[] = "there is no PEM certificate in it";
static const char damaged[] = "its PEM text is damaged";
static const char other_key[] = "it is not the key of the certificate";

static const struct {
    int library, reason;
    const char *words;
} meanings[] = {
    {ERR_LIB_PEM, PEM_R_NO_START_LINE, no_certificate},
    {ERR_LIB_X509, X509_R_NO_CERTIFICATE_FOUND, no_certificate},
    {ERR_LIB_X509, X509_R_NO_CERTIFICATE_OR_CRL_FOUND, no_certificate},
    {ERR_LIB_OSSL_DECODER, ERR_R_UNSUPPORTED, "there is no PEM key in it that OpenSSL can use"},
    {ERR_LIB_PEM, PEM_R_BAD_BASE64_DECODE, damaged},
    {ERR_LIB_PEM, PEM_R_BAD_END_LINE, damaged},
    {ERR_LIB_PEM, ERR_R_ASN1_LIB, damaged},
    {ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH, other_key},
    {ERR_LIB_X509, X509_R_KEY_TYPE_MISMATCH, other_key},
    /* A key of another kind (RSA, EC) is kept beside the certificate, and then missed there. */
    {ERR_LIB_SSL, SSL_R_NO_CERTIFICATE_ASSIGNED, other_key},
    {ERR_LIB_SSL, SSL_R_NO_PRIVATE_KEY_ASSIGNED, other_key},
};

static const char *meaning_of(unsigned long code)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (ERR_GET_LIB(code) == meanings[i].library &&
            ERR_GET_REASON(code) == meanings[i].reason) {
            return meanings[i].words;
        }
    }
    return NULL;
}

const char *pem_refusal(const char *file)
{
    struct stat status;
    if (stat(file, &status) != 0) {
        return strerrordesc_np(errno);
    }
    return S_ISREG(status.st_mode) ? NULL : "it is no regular file";
}

const char *pem_fault_take(void)
{
    const char *found = NULL, *first = NULL;
    unsigned long code;
    while (found == NULL && (code = ERR_get_error()) != 0) {
        found = ERR_SYSTEM_ERROR(code) ? strerrordesc_np(ERR_GET_REASON(code)) : meaning_of(code);
        first = first == NULL ? ERR_reason_error_string(code) : first;
    }
    ERR_clear_error();
    return found != NULL ? found : first != NULL ? first : "unknown reason";
}
