/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins in any program: one is loaded from its file and asked, without a daemon and without an
 * HTTP server.
 *
 *     cmp_embed_error error;
 *     cmp_embed *e = cmp_embed_open("/usr/lib/cmpd/plugins", "auth_hmac", NULL,
 *                                   &(cmp_embed_settings){.size = sizeof(cmp_embed_settings),
 *                                                         .keyring = "keyring.yaml"}, &error);
 *     cmp_embed_worker *w = cmp_embed_attach(e, &error);      on each thread that asks
 *
 *     cmp_embed_request request = CMP_EMBED_REQUEST;
 *     request.form = query;                                   "tid=…&ici=…&apikeyid=…&signature=…"
 *     cmp_embed_answer answer = CMP_EMBED_ANSWER;
 *     if (cmp_embed_verify(w, &request, &answer) == 200) {
 *         … answer.peer has sent it, and this is the first time …
 *     }
 *     cmp_embed_done(&answer, status);                        what the requestor was told
 *
 * The library checks what the daemon checks: whose file it is, the ABI, every function and option
 * of the plugin, every answer. It keeps the replay memory: without it a signed request would be
 * good as often as it comes, and so would be the same octets cut elsewhere into tid and ici (SPEC
 * 4). Who does not want one says so (CMP_EMBED_NO_REPLAY).
 *
 * It offers the services LOOP, OFFLOAD, KEYRING and PEERS, and not HTTPS: a plugin that needs that
 * is refused by cmp_embed_open.
 *
 * Threads. The one that calls cmp_embed_open is the control thread, and calls whatever takes a
 * cmp_embed and does not say otherwise. A worker belongs to the thread that attached it, which may
 * be the control thread. The library starts no thread but those of the plugin's own jobs (OFFLOAD),
 * and these with the first job.
 *
 * Forks. Open and attach after a fork; a replay memory that was made before is one for all.
 *
 * Everything that is handed over is read during the call, and copied where it is needed longer,
 * unless it says otherwise. Structs that begin with `size` may grow: set it to theirs. */
#pragma once

#include <cmp/plugin.h>

/* Versions. Names that begin with cmp_embed_; major: in the library's name, what is built against
 * one runs with no other; minor: only grows. Structs of <cmp/…> are as the library was built
 * with them: when one grows that a program hands over, or reads in an array (cmp_peer, cmp_key,
 * cmp_outgoing, cmp_certificate, cmp_variant), the next major begins.
 *
 *   1.0  open   all of this */
#define CMP_EMBED_MAJOR 1
#define CMP_EMBED_MINOR 0

typedef struct cmp_embed cmp_embed;               /* one plugin, one instance */
typedef struct cmp_embed_worker cmp_embed_worker; /* one thread that asks it */
typedef struct cmp_embed_call cmp_embed_call;     /* an answer that is still to come */
typedef struct cmp_embed_replay cmp_embed_replay; /* which signed requests were seen */

/* What went wrong, for people: a line, or of options one for each thing that is wrong. */
typedef struct cmp_embed_error {
    char text[4096];
} cmp_embed_error;

/* ---- the replay memory ---- */

/* Zero stands for what is said in brackets. */
typedef struct cmp_embed_replay_options {
    size_t size;
    int64_t window_ms;      /* how long a request is remembered [5 minutes] */
    size_t size_bytes;      /* all of it [64 MiB] */
    unsigned quota_percent; /* of it, that one key may fill [50] */
    bool refuse;      /* when that is full: refuse (429), and do not forget the key's oldest */
    const char *file; /* keep it there, for its owner alone: processes that have it open
                         remember as one, and it outlives them. Who joins others changes no
                         more than the window, and that to a longer one. NULL: in memory;
                         then it is one for this process and those that it forks afterwards */
} cmp_embed_replay_options;

/* NULL with *error filled. Any thread; `options` may be NULL. */
CMP_EXPORT cmp_embed_replay *cmp_embed_replay_open(const cmp_embed_replay_options *options,
                                                   cmp_embed_error *error);

/* After all that were opened with it are closed, in this process; nulls *replay, null is fine. */
CMP_EXPORT void cmp_embed_replay_close(cmp_embed_replay **replay);

/* How far back every key is really remembered: the window, or less when there was no room. Any
 * thread. */
CMP_EXPORT int64_t cmp_embed_replay_reach_ms(cmp_embed_replay *replay);

/* ---- opening ---- */

enum {
    CMP_EMBED_NO_REPLAY = 1 << 0, /* a signed request is good as often as it comes */
    CMP_EMBED_ANY_FILE = 1 << 1,  /* whoever owns the plugin's file, or can write it: he is this
                                     program from then on. For development */
    CMP_EMBED_CHECK = 1 << 2, /* CMP_PURPOSE_CHECK: looks at the options, and nobody is attached */
};

typedef struct cmp_embed_settings {
    size_t size;
    uint32_t flags;        /* CMP_EMBED_… */
    const char *folder;    /* where relative paths in options begin; NULL: the working folder */
    const char *keyring;   /* a file as at cmp_embed_keyring; NULL: no keys yet */
    const cmp_peer *peers; /* whom the plugin may know; without any every peer is accepted that */
    size_t peer_count;     /* it names, with some these only */
    cmp_embed_replay *replay; /* stays the caller's; NULL: one of its own, with what is usual */
    uint64_t timeout_ms;      /* for how long an answer is waited for; 0: five seconds */

    /* Gets the plugin's lines, and the library's about it, without a newline; `line` is valid
     * during the call. NULL: warnings and errors go to stderr. Any thread. */
    void (*log)(void *arg, cmp_log_level level, const char *line);

    /* Of a store: the record of `ici` may have changed; absent: any may have. NULL: nobody keeps
     * any. Any thread. */
    void (*store_changed)(void *arg, cmp_str ici);

    void *arg; /* of both */
} cmp_embed_settings;

/* Loads NAME.so of `folder`, fills its options from `options`, a YAML text as it would stand in the
 * daemon's section (NULL: nothing), and makes and starts an instance. `settings` may be NULL. NULL
 * with *error filled. The caller becomes the control thread. */
CMP_EXPORT cmp_embed *cmp_embed_open(const char *folder, const char *name, const char *options,
                                     const cmp_embed_settings *settings, cmp_embed_error *error);

/* Ends it, after every worker; nulls *e, null is fine. Waits for the plugin's jobs. */
CMP_EXPORT void cmp_embed_close(cmp_embed **e);

/* The services that this library offers: CMP_SERVICE_…. Any thread. */
CMP_EXPORT uint32_t cmp_embed_services(void);

/* What the plugin says of itself. Lives as long as `e`. Any thread. */
CMP_EXPORT const cmp_plugin *cmp_embed_plugin(const cmp_embed *e);

/* ---- keys ---- */

/* Replaces all keys by those of a keyring file, as the daemon reads it; the old secrets are wiped
 * when every worker has begun its next call. False with *error filled: everything is as it was. */
CMP_EXPORT bool cmp_embed_keyring(cmp_embed *e, const char *path, cmp_embed_error *error);

/* Adds one key, or puts it in the place of the one with its use, its id and, of those received, its
 * peer. False with *error filled: it is none. */
CMP_EXPORT bool cmp_embed_key(cmp_embed *e, const cmp_key *key, cmp_embed_error *error);

/* Takes one away; false: there is none. `peer` matters for a received one only. */
CMP_EXPORT bool cmp_embed_key_remove(cmp_embed *e, cmp_key_use use, const char *id,
                                     const char *peer);

/* ---- workers ---- */

/* This thread may ask from now on. NULL with *error filled. Any thread, as all below on the
 * worker's own. */
CMP_EXPORT cmp_embed_worker *cmp_embed_attach(cmp_embed *e, cmp_embed_error *error);

/* Ends it; nulls *w, null is fine. Whoever still waits for an answer gets 503 before; returns when
 * the plugin has ended all that it was asked for. */
CMP_EXPORT void cmp_embed_detach(cmp_embed_worker **w);

/* ---- asking ---- */

/* A request as it came in. Of form, json and params one is given. */
typedef struct cmp_embed_request {
    size_t size;
    cmp_str form;           /* a query string without its ?, or a form body, still encoded */
    cmp_str json;           /* a JSON body */
    const cmp_pair *params; /* decoded, by their names on the wire */
    size_t param_count;
    const cmp_pair *headers; /* header fields, names in lower case: traceparent, and those that the
                                plugin wants to see, are picked out; may be all that there were */
    size_t header_count;
    const uint8_t *source; /* 16 octets: where it comes from, IPv6 or IPv4-mapped; NULL: ::1 */
    cmp_str listener;      /* a name for where it came in */
    cmp_interface interface;
    const cmp_certificate *certificate; /* that the client has shown; NULL: none */
    cmp_str requestor;                  /* of a look-up or a route: whom verify has accepted */
    int64_t now_ms;                     /* Unix time when it came in; 0: now */
} cmp_embed_request;

#define CMP_EMBED_REQUEST ((cmp_embed_request){.size = sizeof(cmp_embed_request)})

/* What came of it. Texts, and what is pointed to, are valid until the next call with that worker,
 * or of an answer that came later until its callback returns. */
typedef struct cmp_embed_answer {
    size_t size;
    int status;         /* 200: go on. Otherwise what the requestor is told, as HTTP's status */
    const char *code;   /* its stable word, such as replayed (SPEC 3); static. NULL with 200 */
    const char *reason; /* for the operator's log, and never for the requestor; may be NULL */
    int verdict;        /* the plugin's: cmp_auth_verdict, cmp_sign_verdict, cmp_store_verdict,
                           cmp_route_verdict; 0: none came */
    cmp_str peer;       /* verify: who has sent it; of an ABSTAIN what it has to be, if anything */
    cmp_str credential; /* verify: id of the key; may be absent */
    const cmp_signature *signature; /* sign, with 200 */
    const cmp_record *record;       /* lookup, found; of a route that answers by itself */
    const cmp_route_answer *routed; /* route, with 200 */

    /* The library's own. */
    cmp_embed *embed;
    const void *asked;
    uint8_t fingerprint[16];
    bool remembered;
} cmp_embed_answer;

#define CMP_EMBED_ANSWER ((cmp_embed_answer){.size = sizeof(cmp_embed_answer)})

/* Who sent this? Returns answer->status: 200 accepted, and not seen before; 400 cannot be read;
 * 401 rejected, or ABSTAIN (ask another plugin, and then it is 401); 409 replayed; 429 the replay
 * memory is full; 503 the plugin cannot tell now, or not in time. */
CMP_EXPORT int cmp_embed_verify(cmp_embed_worker *w, const cmp_embed_request *request,
                                cmp_embed_answer *answer);

/* After an accepted request was answered with that status: with 429 and 5xx it was not executed,
 * and may come again. Once; nothing happens for any other answer. Any thread, while `e` is open. */
CMP_EXPORT void cmp_embed_done(cmp_embed_answer *answer, int status);

/* Signs a request to a peer. 200; 400 for a tid or ici that is none; 500 when there is no key for
 * it; 503. */
CMP_EXPORT int cmp_embed_sign(cmp_embed_worker *w, const cmp_outgoing *outgoing,
                              cmp_embed_answer *answer);

/* What does the ICI stand for? `request` may be NULL. 200 found, and good now: a record that was
 * transferred says where; 400 for what is no ICI, or cannot be read; 404 nobody knows it, or not
 * yet; 410 revoked, or over; 503. */
CMP_EXPORT int cmp_embed_lookup(cmp_embed_worker *w, cmp_str ici, const cmp_embed_request *request,
                                cmp_embed_answer *answer);

/* Where does it go? `target` is a host name; absent with CMP_ROUTE_ABSENT. 200 with answer->routed
 * for FORWARD, REFERRAL and ANSWER; 400 for an ici or a target that is none, or what cannot be
 * read; 403 or 404 refused; 404 declined; 503. */
CMP_EXPORT int cmp_embed_route(cmp_embed_worker *w, cmp_route_reason reason, cmp_str target,
                               const cmp_embed_request *request, cmp_embed_answer *answer);

/* ---- what was asked ---- */

/* A parameter of the request that was verified, looked up or routed, decoded; absent: it has none.
 * Valid as the answer's texts are. */
CMP_EXPORT cmp_str cmp_embed_param(const cmp_embed_answer *answer, cmp_param param);

/* The contextual ones, without those that an accepting plugin has taken for itself; NULL past the
 * last. */
CMP_EXPORT const cmp_pair *cmp_embed_contextual(const cmp_embed_answer *answer, size_t index);

/* Whether a request that was accepted is a whole message of Table 19: returns answer->status, which
 * stays 200, or becomes 400 with code and reason. (Who is not accepted is told nothing about its
 * values.) */
CMP_EXPORT int cmp_embed_validate(cmp_embed_answer *answer);

/* The program itself refuses: with one of SPEC 3's words, such as unknown_ici or rate_limited.
 * Returns its status, which cmp_embed_body goes by; 500 for a word that is none. */
CMP_EXPORT int cmp_embed_refuse(cmp_embed_answer *answer, const char *code);

/* Writes the body that the answer is sent with (SPEC 3): application/problem+json for a status that
 * is not 200; application/json for a record that was found, its variant chosen for the request, and
 * for a referral. Returns its size, and writes nothing when that is more than `room`. 0: there is
 * none for such an answer. */
CMP_EXPORT size_t cmp_embed_body(const cmp_embed_answer *answer, char *body, size_t room);

/* The same for a referral that the program itself decides: ask `addr`, for all that begins with
 * `prefix` (absent: for this ICI alone), for ttl_s seconds. */
CMP_EXPORT size_t cmp_embed_referral(const cmp_embed_answer *answer, cmp_str prefix, cmp_str addr,
                                     uint32_t ttl_s, char *body, size_t room);

/* ---- later, on the program's own loop ---- */

/* The same questions for a program that must not wait: `run` is called once with the answer, from
 * within or later from cmp_embed_turn, on the same thread. NULL: it was called already; otherwise
 * for cmp_embed_cancel. */
CMP_EXPORT cmp_embed_call *cmp_embed_verify_later(cmp_embed_worker *w,
                                                  const cmp_embed_request *request,
                                                  void (*run)(void *arg, cmp_embed_answer *answer),
                                                  void *arg);
CMP_EXPORT cmp_embed_call *cmp_embed_sign_later(cmp_embed_worker *w, const cmp_outgoing *outgoing,
                                                void (*run)(void *arg, cmp_embed_answer *answer),
                                                void *arg);
CMP_EXPORT cmp_embed_call *cmp_embed_lookup_later(cmp_embed_worker *w, cmp_str ici,
                                                  const cmp_embed_request *request,
                                                  void (*run)(void *arg, cmp_embed_answer *answer),
                                                  void *arg);
CMP_EXPORT cmp_embed_call *cmp_embed_route_later(cmp_embed_worker *w, cmp_route_reason reason,
                                                 cmp_str target, const cmp_embed_request *request,
                                                 void (*run)(void *arg, cmp_embed_answer *answer),
                                                 void *arg);

/* `run` is not called. */
CMP_EXPORT void cmp_embed_cancel(cmp_embed_call *call);

/* A descriptor that can be read when there is something to do, and for how many milliseconds at
 * most to wait for it (-1: for ever); then cmp_embed_turn does it, and itself waits up to wait_ms.
 * A plugin that answers at once, such as auth_hmac, needs none of it. */
CMP_EXPORT int cmp_embed_fd(const cmp_embed_worker *w);
CMP_EXPORT int cmp_embed_wait_ms(const cmp_embed_worker *w);
CMP_EXPORT void cmp_embed_turn(cmp_embed_worker *w, int wait_ms);

/* The same for the control thread: there plugins that watch a file look at it. */
CMP_EXPORT int cmp_embed_control_fd(const cmp_embed *e);
CMP_EXPORT int cmp_embed_control_wait_ms(const cmp_embed *e);
CMP_EXPORT void cmp_embed_control_turn(cmp_embed *e, int wait_ms);

/* ---- what the plugin counts ---- */

/* Its counters and gauges in the order in which it made them, of a histogram how often it was
 * observed. False past the last. Texts live as long as `e`. Any thread. */
CMP_EXPORT bool cmp_embed_metric(cmp_embed *e, unsigned index, const char **name, const char **help,
                                 int64_t *value);

/* How it is, in its own judgement, and in one line why; `why` may be NULL. Any thread. */
CMP_EXPORT cmp_health cmp_embed_health(cmp_embed *e, char *why, size_t why_size);
