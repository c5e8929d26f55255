/* SPDX-License-Identifier: Apache-2.0 */
/* What the host offers to a plugin: one append-only table of services.
 *
 * A plugin links against nothing of its host. Any program that fills this table can load it. */
#pragma once

#include <cmp/auth.h>
#include <cmp/https.h>
#include <cmp/key.h>
#include <cmp/record.h>
#include <cmp/route.h>
#include <cmp/store.h>

/* For who writes a host. Everything under "always there" has to be filled in, the two that read and
 * write records among it; a host that asks no store may have them say that they cannot (false, with
 * an error; 0). What belongs to a service of the list below may be NULL when the service is not in
 * `services`. The plugin sees a request through the accessors alone, so what it is, and what a
 * handle stands for, is the host's own business: one request at a time on each thread, and a
 * counter for the generation, will do.
 *
 * Before it asks for anything a host has bounded what it passes on. The ici (1 to 256 octets) is
 * there and visible ASCII, and so is, in verify and sign, the tid (1 to 128); a route's target is a
 * fully qualified host name, or absent. All other parameters and the header fields are no longer
 * than it wants to have read. Keys may be read whenever an instance lives; ours read them as a
 * worker starts and after keys_changed, on each worker's thread, and never for a request. The
 * replay memory is the host's (cmp_auth_answer.once, fingerprint): without one a signed request is
 * good as often as it comes, and so is its boundary twin. */

/* Services that a host may lack. A plugin names those it cannot do without in its descriptor, and a
 * host without them refuses to load it. Everything else in the table is always there. */
enum {
    CMP_SERVICE_LOOP = 1 << 0,    /* timers, descriptors, workers_call */
    CMP_SERVICE_OFFLOAD = 1 << 1, /* offload */
    CMP_SERVICE_KEYRING = 1 << 2, /* key_each */
    CMP_SERVICE_PEERS = 1 << 3,   /* peer_each, peer_find */
    CMP_SERVICE_HTTPS = 1 << 4,   /* origin_open, origin_close, https_start, https_cancel */
};

/* One configured peer, as plugins may see it. What it points to is the host's, and valid until
 * control is back there: keep a copy of the name, not the pointer. */
typedef struct cmp_peer {
    cmp_str name;
    cmp_str host; /* absent when the peer only asks */
    const char *const *prefixes;
    size_t prefix_count;
} cmp_peer;

/* What the host makes an instance for. */
typedef enum cmp_purpose {
    CMP_PURPOSE_RUN,   /* to serve, or to be used by a tool: create does what the options allow */
    CMP_PURPOSE_CHECK, /* to be looked at (`cmpd -t`): create says all that it would say, and
                          changes nothing anywhere (no file, no table, no lock that others would
                          notice); destroy comes next. Reading and connecting are allowed */
    CMP_PURPOSE_READ,  /* to be asked by a tool: as RUN, but what is not there yet (a file, a table)
                          is not made, and an error */
} cmp_purpose;

/* How an instance is, in its own judgement. */
typedef enum cmp_health {
    CMP_HEALTH_OK,
    CMP_HEALTH_DEGRADED, /* it answers, and not as it should (from an old file, without a replica)
                          */
    CMP_HEALTH_FAILED,   /* it cannot answer now */
} cmp_health;

typedef struct cmp_host cmp_host;

/* Octets that cmp_host.txn_alloc gives at once, and that cmp_host.command_done tells. */
#define CMP_ALLOC_MAX        ((size_t)16 << 20)
#define CMP_COMMAND_TEXT_MAX ((size_t)4095)

/* A table for each instance, the same for choose, check and create, and valid to the end of
 * destroy; when create gives up, until it has returned. Pass the table itself as `host`. Unless
 * said otherwise a service may be called on any thread. */
struct cmp_host {
    size_t size; /* of this struct in the host; a field beyond it is not there */
    void *core;  /* the host's own */
    uint32_t services;
    cmp_purpose purpose;

    /* The configuration's folder, where relative paths begin: for those inside other texts, as
     * options of type CMP_OPTION_PATH come resolved. Lives as long as the instance. */
    const char *folder;

    /* ---- always there ---- */

    /* Writes one line to the host's log, with the instance's name. Never pass personal data
     * (user, age, income, gender, post) or secrets. As a second net the host takes out what it has
     * shown as such to this plugin, while the operation is under way: values of header fields, and
     * parameters that were taken. */
    void (*log)(const cmp_host *host, cmp_log_level level, const char *format, ...)
        CMP_PRINTF(3, 4);

    /* Unix time in milliseconds. */
    int64_t (*now_ms)(const cmp_host *host);

    /* Fills `at` with octets fit for keys. */
    void (*random)(const cmp_host *host, void *at, size_t size);

    /* Adds an error about the option `key` (NULL: about the whole section) to a report. */
    void (*report)(cmp_report *report, const char *key, const char *format, ...) CMP_PRINTF(3, 4);

    /* A counter of this instance, shown to the operator under `name`; `help` says in one line what
     * it counts. Call in create. The texts must outlive the instance. Returns the id for `count`.
     *
     * For gauges and histograms as well: a name is of letters, digits and _, begins with a letter,
     * and is no other's of the instance; one that ends in _us, _ms, _s or _bytes says its unit.
     * cache_hits, cache_misses, cache_stale, stale_operations, bad_answers, not_asked and stalls
     * are the host's own, and there will be no more of these. An instance may register so many that
     * they need 256 cells (a counter and a gauge are one, a histogram two more than its bounds);
     * what is beyond counts nowhere, and a line in the log says so. */
    unsigned (*counter)(const cmp_host *host, const char *name, const char *help);
    void (*count)(const cmp_host *host, unsigned counter, uint64_t add);

    /* A gauge: a number that goes up and down, registered as a counter is. Every thread has a part
     * of its own, which costs no lock, and the sum of the parts is shown: set and add change the
     * calling thread's. A worker takes its part back (sets 0) in worker_stop. */
    unsigned (*gauge)(const cmp_host *host, const char *name, const char *help);
    void (*gauge_set)(const cmp_host *host, unsigned gauge, int64_t value);
    void (*gauge_add)(const cmp_host *host, unsigned gauge, int64_t add);

    /* A histogram of whole numbers, in a unit that its name ends in (answer_us), registered as a
     * counter is. `bounds` are `count` (1 to 32) numbers that grow: the upper ends of its buckets,
     * which belong to them; what is above the last has a bucket of its own. Copied. */
    unsigned (*histogram)(const cmp_host *host, const char *name, const char *help,
                          const int64_t *bounds, size_t count);
    void (*observe)(const cmp_host *host, unsigned histogram, int64_t value);

    /* How the instance is from now on, and in one line why (copied; NULL with OK); OK before. It is
     * shown to the operator, and a change of the state is logged. Takes a lock: call it when
     * something has changed, not for each request. */
    void (*health)(const cmp_host *host, cmp_health health, const char *why);

    /* Ends a command (cmp_plugin.command): whether it was done, and what the operator is told of
     * it: words in UTF-8, over several lines if need be, of which CMP_COMMAND_TEXT_MAX octets are
     * read. An `id` that nobody waits for is ignored. */
    void (*command_done)(const cmp_host *host, uint64_t id, bool good, const char *format, ...)
        CMP_PRINTF(4, 5);

    /* Reads one code record from its JSON text (one object). On success fills `ici` and `record`,
     * whose strings live in memory got from `alloc` or inside `json`, and returns true. Otherwise
     * returns false and writes what is wrong to `error`, naming the member at fault. `alloc` gets
     * `arg`, and gives memory that is aligned for any type and never NULL. */
    CMP_MUST_USE bool (*record_parse)(const cmp_host *host, const char *json, size_t size,
                                      void *(*alloc)(void *arg, size_t size), void *arg,
                                      cmp_str *ici, cmp_record *record, char *error,
                                      size_t error_size);

    /* Writes a record as JSON text, as record_parse reads it, in one line without a newline.
     * Returns its size; writes at most `room` octets to `json` (which may then be cut: call again).
     * 0 when it is no record: the host counts and logs what is wrong with it. */
    size_t (*record_write)(const cmp_host *host, cmp_str ici, const cmp_record *record, char *json,
                           size_t room);

    /* For stores: the record of `ici` may have changed; what the host keeps of it is dropped.
     * Absent: any record may have; all are asked for again, and what is kept of them serves only
     * where the operator allows stale records and the store is unavailable. What is no ICI is
     * counted, logged and otherwise ignored. */
    void (*store_changed)(const cmp_host *host, cmp_str ici);

    /* ---- operations: with a handle that is good; see cmp_op ---- */

    /* A parameter of Table 19, decoded; absent when the request does not carry it, or the handle is
     * stale. Valid until the operation's end. */
    cmp_str (*txn_param)(const cmp_host *host, cmp_op op, cmp_param param);

    /* Contextual parameters in the request's order; NULL past the last, or when stale. */
    const cmp_pair *(*txn_contextual)(const cmp_host *host, cmp_op op, size_t index);

    /* Where the TCP connection comes from: an IPv6 or IPv4-mapped address of 16 octets. Headers
     * never change it. It, and the names below, are valid as parameters are. NULL when stale. */
    const uint8_t *(*txn_source)(const cmp_host *host, cmp_op op);

    /* Name of the listener; absent when stale. */
    cmp_str (*txn_listener)(const cmp_host *host, cmp_op op);

    /* CMP_INTERFACE_MAX, which is none, when stale. */
    cmp_interface (*txn_interface)(const cmp_host *host, cmp_op op);

    /* The authenticated requestor; absent before, for handsets, and when stale. */
    cmp_str (*txn_peer)(const cmp_host *host, cmp_op op);

    /* Unix time at which the request came in; 0 when stale. */
    int64_t (*txn_now_ms)(const cmp_host *host, cmp_op op);

    /* For auth plugins: the value of a header field that cmp_auth_ops.headers names, by that name.
     * Absent when it was not sent, or the handle is stale. A field that was sent several times is
     * joined, by "; " for cookie and by ", " for all others (RFC 9110, 5.3); but a request with two
     * of authorization or of proxy-authorization never gets here: it is malformed. On the interface
     * codes a request with authorization is answered by the host's own tokens, and no plugin is
     * asked. Valid as parameters are. Most are secrets: they belong in no log and no reason. */
    cmp_str (*txn_header)(const cmp_host *host, cmp_op op, const char *name);

    /* For auth plugins that say CMP_AUTH_CERTIFICATE: what the client has shown in its handshake.
     * NULL when it was none, the listener does not ask for one (tls.client_certificate), or the
     * handle is stale. Behind a balancer that ends TLS it is the balancer's. Valid as parameters
     * are. */
    const cmp_certificate *(*txn_certificate)(const cmp_host *host, cmp_op op);

    /* In verify: takes a contextual parameter of that name for the plugin's own, and returns its
     * value; absent when there is none, or the handle is stale. If this plugin accepts, nobody sees
     * the parameter after it: no store, route, or next hop, no variant, and a retransmission may
     * carry another value. With any other verdict it stays where it was. */
    cmp_str (*txn_consume)(const cmp_host *host, cmp_op op, const char *name);

    /* Memory until the request's end, and so for what an answer points to; aligned for any type,
     * not zeroed. NULL when stale or for more than CMP_ALLOC_MAX octets, and never otherwise. */
    void *(*txn_alloc)(const cmp_host *host, cmp_op op, size_t size);

    /* Keeps a pointer of the plugin's own with the operation; `cancel` gets it. */
    void (*op_data)(const cmp_host *host, cmp_op op, void *data);

    /* Completes a pending operation, exactly once, on the worker that asked for it, with any
     * verdict but PENDING. `answer` is the operation's answer struct (cmp_auth_answer,
     * cmp_signature, cmp_record, cmp_route_answer), read during the call; NULL when the verdict
     * needs none. The host may go on with the request, and ask for the next operation, from within
     * the call. Use the typed wrappers below. */
    void (*complete)(const cmp_host *host, cmp_op op, int verdict, const void *answer);

    /* ---- CMP_SERVICE_LOOP ---- */

    /* Calls `run(arg)` once, on the loop's thread, `delay_ms` from now. Call on that thread. The
     * timer is gone when it has fired or was stopped: forget it in `run`. Never NULL. */
    cmp_timer *(*timer_start)(cmp_loop *loop, uint64_t delay_ms, void (*run)(void *arg), void *arg);
    void (*timer_stop)(cmp_timer *timer);

    /* Calls `run(arg)` on the loop's thread whenever `fd` can be read. The descriptor stays the
     * plugin's: stop the watch before closing it. Call on the loop's thread. NULL with errno when
     * the kernel refuses. */
    cmp_watch *(*watch_start)(cmp_loop *loop, int fd, void (*run)(void *arg), void *arg);
    void (*watch_stop)(cmp_watch *watch);

    /* Calls `run(arg)`, with the watch's arg, once: when the descriptor can be written next. */
    void (*watch_write)(cmp_watch *watch, void (*run)(void *arg));

    /* Runs `run(instance, worker, arg)` once on the thread of every started worker, between two
     * turns of its loop. Returns how many will run it: 0 before workers start and after they end.
     * `worker` is NULL when that worker has not started the instance yet, or has stopped it. `arg`
     * stays the plugin's, and has to last until they have run. */
    unsigned (*workers_call)(const cmp_host *host,
                             void (*run)(void *instance, void *worker, void *arg), void *arg);

    /* ---- CMP_SERVICE_OFFLOAD ---- */

    /* Runs `work(arg)` on a pool thread, then `done(arg)` on `loop`. Both run exactly once; destroy
     * is not called before. False when the pool is full or shut down: neither will run. */
    CMP_MUST_USE bool (*offload)(const cmp_host *host, cmp_loop *loop, void (*work)(void *arg),
                                 void (*done)(void *arg), void *arg);

    /* ---- CMP_SERVICE_HTTPS ---- */

    /* Checks the URL and loads certificates. NULL with *error filled. Control thread. */
    CMP_MUST_USE cmp_origin *(*origin_open)(const cmp_host *host, const cmp_origin_options *options,
                                            char *error, size_t error_size);

    /* No call may be under way. In destroy, at the latest. Control thread. */
    void (*origin_close)(cmp_origin *origin);

    /* Begins a request on a worker's loop, from its thread: `done(arg, answer)` is called exactly
     * once, later, on that thread, unless the call is cancelled. What `request` points to is
     * copied. A request that cannot be sent as it is (see cmp_https_request) ends so, too, with
     * CMP_HTTPS_NOT_SENT; the host counts and logs what is wrong with it. NULL, and `done` is not
     * called, when `loop` is not that of the calling thread's worker. */
    cmp_call *(*https_start)(const cmp_host *host, cmp_loop *loop, cmp_origin *origin,
                             const cmp_https_request *request,
                             void (*done)(void *arg, const cmp_https_answer *answer), void *arg);

    /* `done` will not be called. On the worker that began it. */
    void (*https_cancel)(cmp_call *call);

    /* ---- CMP_SERVICE_KEYRING ---- */

    /* Visits the keys of one use in the order of their file, expired and future ones included:
     * those of the newest keyring. A key is valid during its visit. */
    void (*key_each)(const cmp_host *host, cmp_key_use use,
                     void (*visit)(const cmp_key *key, void *arg), void *arg);

    /* ---- CMP_SERVICE_PEERS ---- */

    /* One peer by its name, and all in the configuration's order. False: there is none, and *peer
     * is as it was. */
    CMP_MUST_USE bool (*peer_find)(const cmp_host *host, cmp_str name, cmp_peer *peer);
    void (*peer_each)(const cmp_host *host, void (*visit)(const cmp_peer *peer, void *arg),
                      void *arg);

    /* ---- since 2.1 ---- */

    /* The request's traceparent (W3C Trace Context), which goes on to the next hop as well: for the
     * plugin's own log, and to be sent along with what it asks of others for the request. Absent
     * when none came that is one, or the handle is stale. Valid as parameters are. */
    cmp_str (*txn_traceparent)(const cmp_host *host, cmp_op op);
};

/* Whether a host is new enough for that field of its table, for a plugin that was built for older
 * ones as well (CMP_ABI_MINOR). */
#define CMP_HOST_HAS(host, field) ((host)->size > offsetof(cmp_host, field))

/* Typed wrappers of complete. What the last argument points to is read during the call; it may be
 * NULL where the verdict needs nothing of it. */
static inline void cmp_auth_complete(const cmp_host *host, cmp_op op, cmp_auth_verdict verdict,
                                     const cmp_auth_answer *answer)
{
    host->complete(host, op, verdict, answer);
}

static inline void cmp_sign_complete(const cmp_host *host, cmp_op op, cmp_sign_verdict verdict,
                                     const cmp_signature *signature)
{
    host->complete(host, op, verdict, signature);
}

static inline void cmp_store_complete(const cmp_host *host, cmp_op op, cmp_store_verdict verdict,
                                      const cmp_record *record)
{
    host->complete(host, op, verdict, record);
}

static inline void cmp_route_complete(const cmp_host *host, cmp_op op, cmp_route_verdict verdict,
                                      const cmp_route_answer *answer)
{
    host->complete(host, op, verdict, answer);
}
