/* SPDX-License-Identifier: Apache-2.0 */
/* What can be wrong with a request before there is a message. */
#pragma once

#include "base/error.h"

/* What was found wrong before there is a message; code ERROR_NONE: nothing. */
typedef struct http_fault {
    error_code code;
    const char *detail;
    bool close; /* what follows on the connection cannot be trusted, or is not wanted */
} http_fault;
