/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 lets either side ask for new keys at any time (RFC 8446, 4.6.3), and HTTP does not see
 * it; the TLS library has to bound it. */
#include "attack.h"

#define UPDATES 64 /* a turn */

static bool turn(client *c)
{
    for (int i = 0; i < UPDATES; i++) {
        if (SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED) != 1 ||
            SSL_do_handshake(c->ssl) != 1) {
            break; /* the last one is still on its way */
        }
    }
    return true;
}

const attack key_updates = {
    .name = "key-updates",
    .help = "requests for new keys of TLS 1.3",
    .carriage = CARRY_H2,
    .connections = 4,
    .reconnects = true,
    .turn_ms = 1,
    .turn = turn,
};
