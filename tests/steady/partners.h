/* SPDX-License-Identifier: Apache-2.0 */
/* Partners: connections over which signed requests go when they are due. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CONNECTIONS_MAX 64u

typedef struct partners_options {
    const char *source; /* address; NULL: whatever the kernel takes */
    const char *key;    /* its id */
    const char *ici;
    uint16_t port;
    unsigned connections;
    unsigned lifetime_ms; /* after which a connection is left; 0: never */
    uint8_t secret[128];
    size_t secret_size;
} partners_options;

/* The options stay. */
void partners_begin(const partners_options *given);

/* Reads what has come, sends what is due, makes connections that are missing; waits a millisecond
 * at most. */
void partners_turn(void);
