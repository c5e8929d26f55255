/* SPDX-License-Identifier: Apache-2.0 */
/* TLS contexts of listeners: 1.2 and newer, modern ciphers, ALPN of our own. */
#pragma once

#include "base/file_set.h"
#include "conf/conf.h"

#include <openssl/ssl.h>

/* One listener's, from one generation to the next: the newest context, and of which files it is. */
typedef struct listener_tls listener_tls;

/* The caller's share, or NULL with errors in the report; `path` is the listener's dotted path in
 * `c`. Control thread. */
listener_tls *listener_tls_create(const conf *c, const conf_listener *l, const char *path,
                                  cmp_report *report);
listener_tls *listener_tls_ref(listener_tls *t);

/* Gives a share back, and nulls it; NULL is fine. Any thread. */
void listener_tls_unref(listener_tls **t);

/* For one handshake: a share of the newest context, for SSL_CTX_free. Any thread. */
SSL_CTX *listener_tls_context(listener_tls *t);

/* Certificate, key and CA of clients; lists are looked at by themselves (base/revocation.h).
 * Control thread. */
file_set *listener_tls_files(listener_tls *t);

/* Reads the files anew, by the same settings, for all handshakes from now on. False with errors in
 * the report: the context before stays. Control thread. */
CMP_MUST_USE bool listener_tls_renew(listener_tls *t, const conf *c, const conf_listener *l,
                                     const char *path, cmp_report *report);
