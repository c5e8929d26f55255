/* How the server knows us: a token, or our signature (9.3.2) as a peer of it. */
#pragma once

#include "remote.h"

#define CREDENTIAL_HEADERS     3
#define CREDENTIAL_TID_SIZE    36
#define CREDENTIAL_SIGNED_SIZE 128 /* hex of the longest MAC */

/* Finds what the options name. False after having said why in the report. */
bool credential_open(remote *r, cmp_report *report);

/* Wipes it. */
void credential_close(remote *r);

/* The headers of one request; they point into this. */
typedef struct credential_signature {
    cmp_pair headers[CREDENTIAL_HEADERS];
    char tid[CREDENTIAL_TID_SIZE];
    char text[CREDENTIAL_SIGNED_SIZE + 1];
} credential_signature;

/* Signs a list of ICIs, one a line, with the newest key that the peer has given to us. False when
 * none is valid now. */
bool credential_sign(const remote *r, cmp_str icis, credential_signature *signature);
