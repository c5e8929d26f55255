/* SPDX-License-Identifier: Apache-2.0 */
/* Whom TLS contexts trust: the certificates of a CA file, loaded once for all contexts that name
 * it.
 *
 * The system's own file alone is 850 kB and 60 ms, and a hub has thousands of peers. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

/* Has the context trust the certificates of `ca`, a PEM file; NULL: the system's. They are shared
 * with other contexts, so nothing is ever added to the context's store, and go with the last of
 * these. A file that has changed since it was loaded is loaded anew, and only for new contexts.
 * False with the reason in OpenSSL's queue of errors. Any thread. */
bool trust_set(SSL_CTX *ctx, const char *ca);
