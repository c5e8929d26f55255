/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a plugin has answered is what its verdict promises (SPEC 2, 3 and 6 say what that
 * is): checked once by whoever hosts it, and nothing behind this looks again. */
#pragma once

#include <cmp/auth.h>
#include <cmp/route.h>
#include <cmp/store.h>

/* Octets for the field and what is wrong with it. */
#define ANSWER_FAULT_MAX 256

/* Each for a verdict that is one of its operation's, PENDING excepted. Otherwise false, with
 * `fault` filled. Any thread. */
CMP_MUST_USE bool answer_check_verify(int verdict, const cmp_auth_answer *a,
                                      char fault[ANSWER_FAULT_MAX]);
CMP_MUST_USE bool answer_check_sign(int verdict, const cmp_signature *s,
                                    char fault[ANSWER_FAULT_MAX]);
CMP_MUST_USE bool answer_check_lookup(int verdict, const cmp_record *record,
                                      char fault[ANSWER_FAULT_MAX]);
CMP_MUST_USE bool answer_check_route(int verdict, const cmp_route_answer *a,
                                     char fault[ANSWER_FAULT_MAX]);
