/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificates have been called back: lists of CAs (RFC 5280, 5), read again when they
 * change. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

/* Has every certificate that the context verifies held against the lists of a PEM file, and those
 * above it as well, but for the last. Each of their CAs needs a list that is not over: where one is
 * missing or over, nobody whom it speaks of is taken. After the context's CAs are set: with them
 * the lists' signatures are checked, once for all handshakes. Contexts of one file share what is
 * kept. False with the reason in OpenSSL's queue of errors. Control thread. */
bool revocation_set(SSL_CTX *ctx, const char *crl);

/* Looks at the files of all contexts; what has changed, and stood still since the last look, is
 * read, and new handshakes go by it. While it cannot be read the lists read before go on, and the
 * log says so once for each change. Control thread. */
void revocation_look(void);
