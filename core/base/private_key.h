/* SPDX-License-Identifier: Apache-2.0 */
/* Private keys of certificates, from PEM files, for both sides of TLS. */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

/* Has the context use the file's key. False with *reason: static text, or NULL when OpenSSL's queue
 * of errors says it. Nobody is ever asked for a password: an encrypted key is refused. Warns in the
 * log when others can read the file. Any thread. */
bool private_key_use(SSL_CTX *ctx, const char *file, const char **reason);
