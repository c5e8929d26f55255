/* SPDX-License-Identifier: Apache-2.0 */
/* A revocation list that handshakes only have to search. OpenSSL's own checks the signature, over
 * all of the list, in each of them, and sorts it in the first. */
#pragma once

#include <openssl/x509.h>

/* The next list of PEM text, sorted; the caller's. NULL: there is none, and OpenSSL's queue of
 * errors says why; PEM_R_NO_START_LINE: that was all. One thread at a time. */
X509_CRL *crl_read(BIO *from);

/* Looks whether this key, of a CA that is trusted, has signed the list, unless it is known whose
 * has. X509_CRL_verify then knows it for good. Any thread. */
void crl_prove(X509_CRL *crl, EVP_PKEY *key);

/* Whose key that is; NULL: nobody's yet. Lives as long as the list. Any thread. */
EVP_PKEY *crl_signer(X509_CRL *crl);
