/* How the server knows us: a token, or our signature (9.3.2) as a peer of it. */
#pragma once

#include "remote.h"

#include <cmp-kit/signature.h>
#include <cmp-kit/uuid.h>

#define CREDENTIAL_HEADERS 3
#define CREDENTIAL_ID_MAX  128 /* as `apikeyid` may have */

/* Finds what the options name. False after having said why in the report. */
CMP_MUST_USE bool credential_open(remote *r, cmp_report *report);

/* Wipes it. */
void credential_close(remote *r);

/* The headers of one request; they point into this. */
typedef struct credential_signature {
    cmp_pair headers[CREDENTIAL_HEADERS];
    char tid[KIT_UUID_TEXT_SIZE];
    char id[CREDENTIAL_ID_MAX];
    char text[KIT_SIGNATURE_TEXT_MAX];
} credential_signature;

/* Signs a list of ICIs, one a line, with the newest key that the peer has given to us. False when
 * none is valid now. */
CMP_MUST_USE bool credential_sign(const remote *r, cmp_str icis, credential_signature *signature);
