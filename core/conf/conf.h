/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of one cmpd: every key that the core knows, as structs.
 *
 * Nothing here opens sockets, certificates or plugins: daemon/build.c does. */
#pragma once

#include "base/interface.h"
#include "conf/schema.h"

#include <cmp/message.h>

/* Whether clients are asked for a certificate in the handshake. */
typedef enum conf_client_certificate {
    CONF_CLIENT_CERTIFICATE_NONE,
    CONF_CLIENT_CERTIFICATE_OPTIONAL, /* for auth plugins to look at: any, or none, may come */
    CONF_CLIENT_CERTIFICATE_REQUIRED, /* without a good one the handshake fails */
} conf_client_certificate;

typedef struct conf_tls {
    const char *certificate; /* path, PEM chain; NULL: the listener has no TLS */
    const char *key;         /* path, PEM */
    int client_certificate;  /* conf_client_certificate */
    const char *client_crl;  /* path; NULL: none */
    const char *client_ca;   /* path; who signs the clients' certificates; NULL: none is good */
} conf_tls;

typedef struct conf_paths {
    const char *of[CMP_INTERFACE_MAX]; /* see base/interface.h */
} conf_paths;

typedef enum conf_http2 {
    CONF_HTTP2_AUTO, /* on, but off where anybody may connect (mc-1) */
    CONF_HTTP2_ON,
    CONF_HTTP2_OFF,
} conf_http2;

/* How balancers tell whose connection it is that they bring. */
typedef enum conf_balancers_by {
    CONF_BALANCERS_PROXY, /* a PROXY header, version 1 or 2, before anything else */
    CONF_BALANCERS_FORWARDED,
    CONF_BALANCERS_X_FORWARDED_FOR,
} conf_balancers_by;

typedef struct conf_balancers {
    cmp_cidrs from; /* their networks; none: there are no balancers */
    int by;         /* conf_balancers_by */
} conf_balancers;

/* What the admin socket is called beside the listeners. */
#define CONF_LISTENER_ADMIN "admin"

typedef struct conf_listener {
    const char *name;
    cmp_strings bind;         /* "0.0.0.0:8443", "[::]:8443" */
    uint64_t interfaces;      /* bit i: cmp_interface i */
    cmp_strings authenticate; /* names of auth plugins, in order */
    int http2;                /* conf_http2 */
    conf_tls tls;
    conf_paths paths;
    int64_t source_rate;          /* mc-1: requests an hour from one address; 0: unlimited */
    int64_t source_burst;         /* mc-1: of them, at once */
    cmp_strings cors;             /* mc-1: origins of web pages that may ask; "*": all */
    bool accept_language;         /* mc-1: `language` may come from the header field */
    bool health;                  /* /live and /ready are answered, too */
    bool metrics;                 /* and /metrics */
    int64_t receive_buffer_bytes; /* of a connection in the kernel, as asked of it (SO_RCVBUF) */
    int64_t connections;          /* of limits.connections, kept for this listener */
    int64_t source_connections;   /* of one address */
    int64_t source_connects;      /* new ones of one address an hour; beyond, they wait */
    conf_balancers balancers;
} conf_listener;

/* Whether anybody may ask there: it has an interface without authentication. */
bool conf_listener_anonymous(const conf_listener *l);

typedef struct conf_allow {
    uint64_t interfaces;    /* bit i: cmp_interface i */
    cmp_strings prefixes;   /* of ICIs that the peer may ask for; none: all */
    cmp_strings forward_to; /* names of peers that it may address; "*": all */
} conf_allow;

typedef struct conf_peer_tls {
    const char *ca;          /* path; NULL: the system's */
    const char *crl;         /* path; NULL: none */
    const char *certificate; /* path, our client certificate; NULL: none */
    const char *key;
    const char *server_name; /* that the certificate must be for; NULL: the URL's host */
} conf_peer_tls;

/* How a request is carried to a peer (SPEC 2 [profile]). */
typedef enum conf_carriage {
    CONF_CARRIAGE_FORM,
    CONF_CARRIAGE_QUERY,
    CONF_CARRIAGE_JSON,
} conf_carriage;

typedef struct conf_release {
    cmp_strings withhold; /* parameters that the peer is not told; "contextual": all of those */
} conf_release;

typedef struct conf_peer {
    const char *name;
    const char *host; /* NULL when the peer only asks */
    cmp_strings prefixes;
    conf_allow allow;
    int64_t rate; /* requests an hour; 0: unlimited */

    /* the way to it */
    cmp_strings url;       /* in the order in which they are tried; none: there is no way */
    const char *sign_with; /* auth plugin; "none": unsigned, over a dedicated link */
    int carriage;          /* conf_carriage */
    conf_peer_tls tls;
    const char *source; /* local address to connect from; NULL: any */
    conf_release release;
    bool origin_tid;     /* send the requestor's tid along, as origin-tid */
    int64_t connections; /* of one worker */
    int64_t waiting;     /* requests of one worker that wait for a connection */
    int64_t connect_timeout_ms, idle_timeout_ms, resolve_interval_ms;
} conf_peer;

typedef struct conf_replay {
    int64_t window_ms, size_bytes, quota_percent;
    int when_full;    /* replay_when_full */
    const char *file; /* NULL: memory of the process's own */
} conf_replay;

/* What a client of HTTP/2 may spend on one connection (core/http/meter.h); rates are an hour's. */
typedef struct conf_http2_limits {
    int64_t frame_rate, frame_burst; /* frames that carry nothing */
    int64_t reset_rate, reset_burst; /* streams reset, by either side */
    int64_t continuations;           /* frames that go on with a header block */
} conf_http2_limits;

typedef struct conf_limits {
    int64_t connections;  /* of the process */
    int64_t handshakes;   /* of one worker an hour, for each listener; beyond, they wait */
    int64_t transactions; /* of one worker at a time */
    int64_t body_bytes, uri_bytes, header_bytes, headers;
    int64_t codes_body_bytes;     /* in place of body_bytes on the interface codes */
    int64_t codes_list_bytes;     /* of a list there that comes without a token */
    int64_t codes_answer_bytes;   /* of several records in one answer there */
    int64_t handshake_timeout_ms; /* of TLS */
    int64_t request_timeout_ms;   /* to send headers and body, and to idle between two requests */
    int64_t write_timeout_ms;     /* in which a client has to take something of what is answered */
    /* of requests and answers that are not whole */
    int64_t held_connection_bytes, held_source_bytes, held_bytes;
    int64_t blocking_threads; /* for plugins that block */
    int64_t referrals;        /* that are remembered */
    conf_http2_limits http2;
} conf_limits;

/* What is done about a thread that does not move for too long (observe/watchdog.h). */
typedef enum conf_when_stuck {
    CONF_WHEN_STUCK_WITHDRAW, /* its listeners take no new connections until it moves again */
    CONF_WHEN_STUCK_ABORT,    /* the process ends, with a core dump */
} conf_when_stuck;

typedef struct conf_watchdog {
    int64_t stall_ms, stuck_after_ms;
    int when_stuck; /* conf_when_stuck */
} conf_watchdog;

typedef struct conf_resolve {
    cmp_strings stores;   /* names of store plugins, in the order in which they are asked */
    cmp_strings routes;   /* names of route plugins, likewise */
    const char *writable; /* the store that is written to; NULL: the first that can be */
    int64_t max_hops;
    int64_t deadline_ms;
    int64_t ttl_s; /* of records that name none */
} conf_resolve;

/* `log.requests:` (pipeline/request_log.h). */
typedef struct conf_request_log {
    int level;      /* cmp_log_level */
    int64_t sample; /* one in so many */
    bool source;
} conf_request_log;

typedef struct conf_log {
    int level;                        /* cmp_log_level */
    int format;                       /* log_format */
    int64_t source_ipv4, source_ipv6; /* how many bits are shown */
    conf_request_log requests;
} conf_log;

typedef struct conf_cmp {
    const char *host;
    cmp_strings prefixes;
} conf_cmp;

typedef struct conf_admin {
    const char *socket;             /* path of the unix socket that cmpctl talks to; NULL: none */
    cmp_strings operators, readers; /* groups: see admin/rights.h */
} conf_admin;

/* `journal:` (journal/journal.h). */
typedef struct conf_journal {
    const char *path; /* of the folder; NULL: there is no journal */
    int64_t segment_bytes, segment_age_ms, keep_ms, keep_bytes;
    int fsync;     /* journal_fsync */
    int when_full; /* journal_when_full */
    int64_t rejections, rejections_bytes;
    uint64_t pseudonyms; /* bit i: journal_personal i */
    int64_t pseudonym_period_ms;
} conf_journal;

/* `cache:` in a store's section. */
typedef struct conf_cache {
    int64_t size_bytes; /* of the process; 0: no cache */
    int64_t ttl_ms, negative_ttl_ms, stale_ms;
} conf_cache;

extern const cmp_option conf_cache_rows[];

/* For people: what a store's section may hold beside its plugin's options. */
extern const cmp_option conf_store_rows[];

/* A plugin's section: the core reads `use` and `cache`, the plugin's own rows read the
 * rest. */
typedef struct conf_plugin {
    const char *name; /* of the instance */
    const char *use;  /* of the plugin */
    const yaml_file *file;
    struct fy_node *node;
    const char *path; /* "plugins.<name>" */
} conf_plugin;

/* The top level, in the order of conf_rows. */
typedef struct conf_top {
    conf_cmp cmp;
    int64_t workers; /* 0: one for each core */
    const char *user, *group;
    cmp_strings plugin_path; /* folders, searched before the built-in one */
    int plugin_files;        /* library_trust (plugin/library.h) */
    conf_log log;
    const char *keys; /* path of the keyring; NULL: none */
    conf_replay replay;
    conf_limits limits;
    cmp_rows listeners; /* conf_listener */
    conf_resolve resolve;
    cmp_rows peers; /* conf_peer */
    conf_watchdog watchdog;
    int64_t drain_ms; /* how long a stop waits for requests in flight */
    conf_admin admin;
    conf_journal journal;
    cmp_strings include; /* folders; what their files hold is part of this struct already */
} conf_top;

typedef struct conf {
    conf_top top;
    conf_plugin *plugins; /* in the file's order */
    size_t plugin_count;
    kit_arena memory;
    yaml_file **files; /* the main one, then the included ones in the order of their names */
    size_t file_count;
} conf;

/* Names of listeners, peers and plugins: 1 to 64 of A-Z a-z 0-9 . _ - */
bool conf_name_valid(cmp_str name);
#define CONF_NAME_EXPECTED "a name has 1 to 64 letters, digits, dots, hyphens and underscores"

/* The rows of the top level. */
extern const cmp_option conf_rows[];

/* Prints all keys for people: the rows of the top level, and what `plugins` holds. */
void conf_print_help(FILE *to);

/* Reads `path` and what it includes, and checks it for itself: rows, references (authenticate,
 * stores, routes name plugins; forward_to names peers; names are unique), listeners with mc-3 or
 * mc-6 have TLS (9.3.2: https only) and an authentication. All errors go to the report; NULL when
 * there is one that leaves nothing to go on with, else a conf that is only good when
 * report->count is 0. */
CMP_MUST_USE conf *conf_load(const char *path, cmp_report *report);
void conf_destroy(conf **c);

/* The place of a key path such as "listeners[1].tls.certificate" or "plugins.hmac", for errors that
 * are found later. Falls back to the nearest parent that exists. */
conf_place conf_place_of(const conf *c, const char *path);
