/* SPDX-License-Identifier: Apache-2.0 */
/* TLS contexts of listeners: 1.2 and newer, modern ciphers, ALPN of our own. */
#pragma once

#include "conf/conf.h"

#include <openssl/ssl.h>

/* The context of one listener, or NULL with errors in the report; `path` is the listener's dotted
 * path in `c`. */
SSL_CTX *tls_context_create(const conf *c, const conf_listener *l, const char *path,
                            cmp_report *report);

void tls_context_destroy(void **context);
