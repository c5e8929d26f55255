/* SPDX-License-Identifier: Apache-2.0 */
/* Every way in which a request can end without an answer: one list, from which come the code word,
 * the title and the HTTP status (SPEC 3's table). A new error is one line here. */
#pragma once

#include <cmp/base.h>

/* X(enumerator, code word, HTTP status, title) */
#define ERROR_LIST(X)                                                                              \
    X(MISSING_PARAMETER, "missing_parameter", 400, "A mandatory parameter is missing")             \
    X(INVALID_PARAMETER, "invalid_parameter", 400, "A parameter has a value that is not allowed")  \
    X(DUPLICATE_PARAMETER, "duplicate_parameter", 400, "A parameter is given twice")               \
    X(MALFORMED, "malformed", 400, "The request cannot be read")                                   \
    X(AUTHENTICATION_FAILED, "authentication_failed", 401, "The request is not authenticated")     \
    X(NOT_ALLOWED, "not_allowed", 403, "The requestor may not ask that")                           \
    X(ADDR_NOT_ALLOWED, "addr_not_allowed", 403, "The addressed CMP is not open to the requestor") \
    X(UNKNOWN_ICI, "unknown_ici", 404, "Nobody holds this ICI")                                    \
    X(NOT_FOUND, "not_found", 404, "There is nothing at this path")                                \
    X(METHOD_NOT_ALLOWED, "method_not_allowed", 405, "The method is not allowed")                  \
    X(REPLAYED, "replayed", 409, "This signed request was seen before")                            \
    X(GONE, "gone", 410, "The ICI was revoked or has expired")                                     \
    X(BODY_TOO_LARGE, "body_too_large", 413, "The body is too large")                              \
    X(ANSWER_TOO_LARGE, "answer_too_large", 413, "The answer would be too large")                  \
    X(URI_TOO_LONG, "uri_too_long", 414, "The URI is too long")                                    \
    X(UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", 415, "The body's type is not supported")   \
    X(RATE_LIMITED, "rate_limited", 429, "Too many requests from this requestor")                  \
    X(HEADERS_TOO_LARGE, "headers_too_large", 431, "The header fields are too large")              \
    X(INTERNAL_ERROR, "internal_error", 500, "Something went wrong here")                          \
    X(PEER_FAILED, "peer_failed", 502, "The next hop did not answer properly")                     \
    X(OVERLOADED, "overloaded", 503, "Too much is under way")                                      \
    X(STORE_UNAVAILABLE, "store_unavailable", 503, "The storage cannot answer now")                \
    X(AUTHENTICATION_UNAVAILABLE, "authentication_unavailable", 503,                               \
      "Nobody can be authenticated now")                                                           \
    X(PEER_TIMEOUT, "peer_timeout", 504, "The next hop did not answer in time")                    \
    X(LOOP_DETECTED, "loop_detected", 508, "The request has passed too many CMPs")

typedef enum error_code {
    ERROR_NONE,
#define X(name, word, status, title) ERROR_##name,
    ERROR_LIST(X)
#undef X
        ERROR_MAX
} error_code;

typedef struct error_info {
    const char *code; /* the stable word */
    const char *title;
    int status; /* HTTP */
} error_info;

/* Never NULL for a code of the list. Static. */
const error_info *error_info_of(error_code code);
