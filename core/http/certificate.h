/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that a client has shown in its handshake, as auth plugins are to see it. */
#pragma once

#include <cmp/auth.h>

#include <openssl/ssl.h>

typedef struct shown_certificate shown_certificate;

/* Reads what the client has shown, once the handshake is done; a resumed session says what the
 * first one did. NULL when it was none. */
shown_certificate *certificate_read(const SSL *ssl);

void certificate_destroy(shown_certificate **c);

/* Lives as long as the certificate; NULL of none. */
const cmp_certificate *certificate_shown(const shown_certificate *c);
