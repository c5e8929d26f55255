/* SPDX-License-Identifier: Apache-2.0 */
/* See secret.h. */
#include "base/secret.h"

#include <cmp-kit/memory.h>

#include <openssl/crypto.h>
#include <stdlib.h>

/* One octet more than needed: it may go where a text is wanted, and a secret of no octets is a
 * pointer as well. */
uint8_t *secret_copy(const void *from, size_t size)
{
    uint8_t *secret = kit_alloc(size + 1);
    memcpy(secret, from, size);
    secret[size] = 0;
    return secret;
}

void secret_free(uint8_t **secret, size_t size)
{
    if (*secret != NULL) {
        secret_wipe(*secret, size);
        free(*secret);
        *secret = NULL;
    }
}

/* A memset before free() writes what nobody reads, and compilers leave such writes out. */
void secret_wipe(void *at, size_t size)
{
    OPENSSL_cleanse(at, size);
}
