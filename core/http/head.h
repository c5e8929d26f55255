/* The head of an HTTP/1 request, octet by octet: what h2o lets through and we do not.
 *
 * A request that two parsers could read in two ways is refused, not repaired (RFC 9112, 11.2). */
#pragma once

#include <cmp/base.h>

/* `at` holds at least the whole head, as it came (names may be in lower case already). NULL when it
 * is good, else what is wrong, as a static sentence without a full stop. */
const char *head_fault(const char *at, size_t size);
