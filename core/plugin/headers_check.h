/* SPDX-License-Identifier: Apache-2.0 */
/* Names of header fields that plugins give us: what an auth plugin asks to see, and what it has
 * sent along with a request that it signs. */
#pragma once

#include <cmp/auth.h>

/* Checks cmp_auth_ops.headers, which may be NULL. False with what is wrong in `error`. */
bool headers_check_asked(const char *const *names, char *error, size_t error_size);

/* Checks cmp_auth_ops.challenge, which may be NULL. */
bool headers_check_challenge(const char *challenge);

/* Checks cmp_signature.headers: few and small ones, which say nothing that the forwarder says
 * itself. */
bool headers_check_added(const cmp_pair *headers, size_t count);
