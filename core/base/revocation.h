/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificates have been called back: lists of CAs (RFC 5280, 5), read again when they
 * change. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

/* Has every certificate that the context verifies held against the lists of a PEM file, and those
 * above it as well, but for the last. Each of their CAs needs a list that is not over: where one is
 * missing or over, nobody whom it speaks of is taken. The file is looked at before each handshake;
 * while it cannot be read the lists read before go on, and the log says so once for each change.
 * The context owns what is kept. False with the reason in OpenSSL's queue of errors. Any thread. */
bool revocation_set(SSL_CTX *ctx, const char *crl);
