/* SPDX-License-Identifier: Apache-2.0 */
/* Why a signature does not hold: tries the mistakes that people make when they connect two CMPs. */
#pragma once

#include "ctl/signed_pair.h"
#include "peers/keyring.h"

typedef struct hint_question {
    const cmp_key *key; /* the one that should have been used */
    const signed_pair *pair;
    cmp_str signature;   /* as it was sent */
    const keyring *ring; /* other keys to try; NULL: none */
} hint_question;

/* Looks for the smallest set of mistakes (at most three) that yields the signature. True with the
 * text behind "it would be valid …" in `text`. */
CMP_MUST_USE bool hint_find(const hint_question *question, char *text, size_t size);
