/* SPDX-License-Identifier: Apache-2.0 */
/* What an old and a new process say to each other over a socket pair (SOCK_SEQPACKET: messages stay
 * whole), while the new one takes over.
 *
 * The old one: HELLO, then SOCKET, ADMIN and REPLAY for what it hands over, then END. The new one:
 * FAULT for each error and no more, or READY. The old one then: GO. Whoever closes has failed. */
#pragma once

#include <cmp/base.h>

/* Handed over to a program that may be older or newer: changed with any change of meaning. */
#define HANDOVER_VERSION  "1"
#define HANDOVER_VARIABLE "CMPD_HANDOVER" /* the descriptor's number, in the environment */

typedef enum handover_kind {
    HANDOVER_HELLO,  /* version */
    HANDOVER_SOCKET, /* listener, bind; and the socket */
    HANDOVER_ADMIN,  /* the admin socket */
    HANDOVER_REPLAY, /* the replay memory */
    HANDOVER_END,
    HANDOVER_FAULT, /* file, line, column, key, text; of a report */
    HANDOVER_READY, /* "kept", when the admin socket goes on to be used */
    HANDOVER_GO,    /* "drains", when an operator has asked for that */
} handover_kind;

#define HANDOVER_WORDS_MAX 5
#define HANDOVER_SIZE_MAX  8192

typedef struct handover_message {
    handover_kind kind;
    const char *words[HANDOVER_WORDS_MAX]; /* "" where there is none; into `octets` */
    int fd;                                /* the receiver's; -1: none */
    char octets[HANDOVER_SIZE_MAX];
} handover_message;

/* Sends one; `words` are `count` texts (NULL is ""), cut where they are too long together. False,
 * with errno set, when the socket takes none. */
CMP_MUST_USE bool handover_send(int socket, handover_kind kind, const char *const *words,
                                size_t count, int fd);

typedef enum handover_received {
    HANDOVER_RECEIVED,
    HANDOVER_NOTHING, /* for now */
    HANDOVER_CLOSED,  /* or what came is no message */
} handover_received;

CMP_MUST_USE handover_received handover_receive(int socket, handover_message *m);
