/* SPDX-License-Identifier: Apache-2.0 */
/* Authentication plugins (9.3.2): who sent this request, and signing of requests that we send. */
#pragma once

#include <cmp/message.h>

typedef enum cmp_auth_verdict {
    CMP_AUTH_PENDING,     /* the answer comes later, through cmp_auth_complete */
    CMP_AUTH_ACCEPT,      /* the request comes from answer->peer */
    CMP_AUTH_REJECT,      /* it does not hold; nobody else is asked */
    CMP_AUTH_ABSTAIN,     /* not for this plugin; the next one in the chain is asked. With
                             answer->peer: whoever accepts must find that peer, or the host
                             rejects (a signed request on a peer's dedicated link) */
    CMP_AUTH_UNAVAILABLE, /* cannot tell now; nobody else is asked: 503 authentication_unavailable,
                             which is also what follows when no answer comes by the deadline */
} cmp_auth_verdict;

/* A client's certificate as it was shown when the connection began, in this handshake or in the one
 * whose session it resumes. */
typedef struct cmp_certificate {
    uint8_t fingerprint[32]; /* SHA-256 of its DER form */
    bool verified;           /* good now, by the listener's client_ca; otherwise nothing of it is
                                proved but that the client has its private key */
    cmp_str subject;         /* RFC 4514, such as CN=b,O=Example; absent when it is no text */
    const cmp_pair *names; /* alternative names in their order: dns, email, uri or ip, and the name;
                              other kinds, and what is no text, are left out */
    size_t name_count;
} cmp_certificate;

/* Of how many header fields an auth plugin may see the values. */
#define CMP_AUTH_HEADERS_MAX   16

#define CMP_AUTH_CHALLENGE_MAX 256

enum {
    CMP_AUTH_CERTIFICATE = 1 << 0, /* cmp_host.txn_certificate */
};

/* What the host's replay memory does with an accepted request. */
typedef enum cmp_once {
    CMP_ONCE_NO,        /* may come again (a dedicated link proves its source every time) */
    CMP_ONCE_ONLY,      /* good once; a second one is 409 */
    CMP_ONCE_IDENTICAL, /* may be repeated when every parameter is equal (a retransmission) */
} cmp_once;

/* Who sent a request, or why that is not known. */
typedef struct cmp_auth_answer {
    cmp_str peer;            /* ACCEPT: its name; ABSTAIN: what it has to be, absent when any may.
                                Valid until control is back in the loop */
    cmp_str credential;      /* ACCEPT: id of the key, for quotas and the journal; may be absent */
    cmp_once once;           /* ACCEPT */
    const char *reason;      /* REJECT, UNAVAILABLE: for the operator's log only; static text */
    uint8_t fingerprint[16]; /* ACCEPT and not CMP_ONCE_NO: the same for a replay, its boundary
                                twin included, and for nothing else; in every process that has
                                the same credentials, which may share one replay memory */
} cmp_auth_answer;

/* A request that is about to be sent to a peer. Valid until the operation's end. */
typedef struct cmp_outgoing {
    cmp_str peer;
    cmp_str tid;
    cmp_str ici;
} cmp_outgoing;

typedef enum cmp_sign_verdict {
    CMP_SIGN_PENDING, /* the answer comes later, through cmp_sign_complete */
    CMP_SIGN_DONE,
    CMP_SIGN_NO_KEY,      /* no credential from that peer is valid now */
    CMP_SIGN_UNAVAILABLE, /* cannot sign now */
} cmp_sign_verdict;

/* Octets of a signature as text; HMAC-SHA-512 in hex takes 128. */
#define CMP_SIGNATURE_MAX 192

/* Header fields that a signature may add: how many, and their octets, names and values together. */
#define CMP_SIGNATURE_HEADERS_MAX  8
#define CMP_SIGNATURE_HEADERS_SIZE 8192

/* A signature of ours (9.3.2: "apikeyid" and "signature"). What it points to is valid until control
 * is back in the loop. */
typedef struct cmp_signature {
    cmp_str apikeyid;             /* absent, and size 0: only header fields say who we are */
    char text[CMP_SIGNATURE_MAX]; /* as it goes on the wire */
    size_t size;
    const cmp_pair *headers; /* sent along with this one request, and never logged: names in lower
                                case, each once, values printable ASCII. None that belongs to a
                                connection or to framing, and not host, accept, content-type,
                                content-encoding, traceparent */
    size_t header_count;
} cmp_signature;

/* `instance` is what create returned; `worker` what worker_start returned on this thread (NULL in a
 * plugin that blocks). Called on the worker that owns the request; a plugin that blocks is called
 * on a pool thread, by several at once, and never answers PENDING. `op` is what the accessors of
 * struct cmp_host show the request by; see cmp_op for how long. The answer struct is the host's and
 * valid during the call: who answers later passes one of his own to the completion. */
typedef struct cmp_auth_ops {
    size_t size; /* of this struct, as the plugin was compiled */

    /* Says who sent the request. Nothing of it was executed before; tid and ici are present,
     * everything else may be missing or wrong. Only reads it. *answer comes as zeros with
     * CMP_ONCE_NO. Rejections must cost the same whatever their cause. */
    CMP_MUST_USE cmp_auth_verdict (*verify)(void *instance, void *worker, cmp_op op,
                                            cmp_auth_answer *answer);

    /* Signs a request with the credential that its recipient issued to us. *signature comes without
     * apikeyid and headers, and with size 0. NULL: this plugin only verifies. */
    CMP_MUST_USE cmp_sign_verdict (*sign)(void *instance, void *worker,
                                          const cmp_outgoing *outgoing, cmp_op op,
                                          cmp_signature *signature);

    /* The pending operation is no longer wanted (client gone, deadline). The completion must still
     * come, exactly once, with any verdict; it may come from within this call. `data` is what
     * op_data stored last, or NULL. On the worker's thread. NULL in a plugin that never answers
     * PENDING. */
    void (*cancel)(void *instance, void *worker, cmp_op op, void *data);

    /* The header fields that verify wants to see (cmp_host.txn_header), by their names in lower
     * case; ended by NULL, each once, CMP_AUTH_HEADERS_MAX at most. Of all others the host keeps
     * nothing. None of those that belong to a connection or a message's framing, and not host.
     * NULL: none. */
    const char *const *headers;

    /* How a client may authenticate by this plugin: a challenge of the WWW-Authenticate that comes
     * with a 401 of a listener in whose chain it stands (RFC 9110, 11.6.1), such as
     * Bearer realm="mc-3"; printable ASCII, at most CMP_AUTH_CHALLENGE_MAX octets. NULL: nothing
     * that a client could do. */
    const char *challenge;

    uint64_t wants; /* CMP_AUTH_…: what else verify wants to see */
} cmp_auth_ops;
