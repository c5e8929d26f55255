/* SPDX-License-Identifier: Apache-2.0 */
/* What a request over https must be before it is written: nobody but its sender knows where its
 * octets come from, and a line end in one of them would begin a field of somebody else's. */
#pragma once

#include <cmp/https.h>

#define REQUEST_FAULT_MAX 128

/* False with the member and what is wrong with it in `fault`. */
CMP_MUST_USE bool request_check(const cmp_https_request *request, char fault[REQUEST_FAULT_MAX]);
