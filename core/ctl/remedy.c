/* SPDX-License-Identifier: Apache-2.0 */
/* See remedy.h: by code word, and where there is none by verdict. */
#include "ctl/remedy.h"

#include "base/error.h"

#define REQUEST_IS_WRONG                                                                           \
    "the requestor has to send another request; the answer names the parameter that is at fault"

static const char *const by_code[ERROR_MAX] = {
    [ERROR_MISSING_PARAMETER] = REQUEST_IS_WRONG,
    [ERROR_INVALID_PARAMETER] = REQUEST_IS_WRONG,
    [ERROR_DUPLICATE_PARAMETER] = REQUEST_IS_WRONG,
    [ERROR_MALFORMED] =
        "the requestor has to mend its request; the answer says what cannot be read",
    [ERROR_AUTHENTICATION_FAILED] =
        "cmpctl verify shows what exactly is signed, and tries the mistakes that are often made; "
        "cmpctl keys list shows which keys are valid",
    [ERROR_NOT_ALLOWED] =
        "allow.interfaces and allow.prefixes of the peer say what it may ask (cmpd.yaml)",
    [ERROR_ADDR_NOT_ALLOWED] =
        "allow.forward_to of the peer names whom it may address, and the addressed host has to be "
        "a peer with a url",
    [ERROR_UNKNOWN_ICI] =
        "cmpctl explain ICI --as PEER shows which stores and routes are asked; cmpctl codes get "
        "shows whether a store has it",
    [ERROR_NOT_FOUND] = "the paths of a listener say where its interfaces are (cmpd.yaml)",
    [ERROR_METHOD_NOT_ALLOWED] = "the answer's Allow names the methods",
    [ERROR_REPLAYED] =
        "each request needs a tid of its own; a key with repeat: identical lets the same request "
        "come again",
    [ERROR_GONE] = "the record was revoked, or is over: cmpctl codes get shows it",
    [ERROR_BODY_TOO_LARGE] = "limits.body (cmpd --help-config)",
    [ERROR_ANSWER_TOO_LARGE] = "fewer codes have to be asked for at once",
    [ERROR_URI_TOO_LONG] = "limits.uri (cmpd --help-config); a POST has more room",
    [ERROR_UNSUPPORTED_MEDIA_TYPE] = "a POST carries a form or JSON",
    [ERROR_RATE_LIMITED] =
        "rate of the peer, or source_rate of the listener for handsets, says how many may come",
    [ERROR_HEADERS_TOO_LARGE] = "limits.headers and limits.header_size (cmpd --help-config)",
    [ERROR_INTERNAL_ERROR] = "the log of that time says what went wrong",
    [ERROR_PEER_FAILED] =
        "the log of that time says what the next hop answered; cmpctl explain shows its circuits",
    [ERROR_OVERLOADED] =
        "cmpctl stats shows what is under way; limits.transactions, the next hop's waiting, and a "
        "journal without room (journal.when_full) lead to it",
    [ERROR_STORE_UNAVAILABLE] = "the log of that time names the store and what it said; a cache "
                                "with serve_stale goes on without it",
    [ERROR_AUTHENTICATION_UNAVAILABLE] = "the log of that time names the auth plugin",
    [ERROR_PEER_TIMEOUT] =
        "the next hop took too long: resolve.deadline says what it has, and the peer's journal how "
        "long it took there",
    [ERROR_LOOP_DETECTED] =
        "the request went round in circles: the routes of the CMPs on its way send it to each "
        "other (cmpctl explain), or resolve.max_hops is too small",
};

static const char *const by_verdict[JOURNAL_VERDICT_MAX] = {
    [JOURNAL_CLIENT_GONE] =
        "the requestor did not wait for the answer: its deadline has to be longer than ours",
    [JOURNAL_NOT_SENT] = "no connection to the next hop: cmpctl explain shows its circuits",
    [JOURNAL_BROKEN] = "the next hop ended the connection before it had answered",
    [JOURNAL_TIMEOUT] = "the next hop took too long",
};

const char *remedy_of(const journal_record *r)
{
    for (int code = ERROR_NONE + 1; code < ERROR_MAX; code++) {
        if (cmp_str_equal(r->texts[JOURNAL_CODE],
                          cmp_str_from(error_info_of((error_code)code)->code))) {
            return by_code[code];
        }
    }
    return by_verdict[r->verdict];
}
