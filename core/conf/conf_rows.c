/* SPDX-License-Identifier: Apache-2.0 */
/* Every key that the core knows, as rows: names, types, defaults, bounds, help. */
#include "base/log.h"
#include "conf/conf.h"
#include "conf/help.h"

#define KIB           INT64_C(1024)
#define MIB           (1024 * KIB)
#define GIB           (1024 * MIB)

#define SECONDS       INT64_C(1000)
#define MINUTES       (60 * SECONDS)
#define HOURS         (60 * MINUTES)
#define DAYS          (24 * HOURS)

#define NAME_MAX_SIZE 64

static const char *const plugin_trusts[] = {"guarded", "any", NULL}; /* library_trust */
static const char *const http2_modes[] = {
    [CONF_HTTP2_AUTO] = "auto", [CONF_HTTP2_ON] = "true", [CONF_HTTP2_OFF] = "false", NULL};
static const char *const client_certificates[] = {[CONF_CLIENT_CERTIFICATE_NONE] = "none",
                                                  [CONF_CLIENT_CERTIFICATE_OPTIONAL] = "optional",
                                                  [CONF_CLIENT_CERTIFICATE_REQUIRED] = "required",
                                                  NULL};
static const char *const balancers_by[] = {[CONF_BALANCERS_PROXY] = "proxy",
                                           [CONF_BALANCERS_FORWARDED] = "forwarded",
                                           [CONF_BALANCERS_X_FORWARDED_FOR] = "x-forwarded-for",
                                           NULL};
static const char *const carriages[] = {[CONF_CARRIAGE_FORM] = "form",
                                        [CONF_CARRIAGE_QUERY] = "query",
                                        [CONF_CARRIAGE_JSON] = "json",
                                        NULL};
static const char *const when_stuck[] = {
    [CONF_WHEN_STUCK_WITHDRAW] = "withdraw", [CONF_WHEN_STUCK_ABORT] = "abort", NULL};
static const char *const fsyncs[] = {"never", "second", "batch", NULL};  /* journal_fsync */
static const char *const when_journal_full[] = {"drop", "refuse", NULL}; /* journal_when_full */
static const char *const personal[] = {"user",   "age",  "income",
                                       "gender", "post", NULL};    /* journal_personal */
static const char *const when_full[] = {"forget", "refuse", NULL}; /* replay_when_full */

CMP_OPTIONS(own_rows, conf_cmp) = {
    CMP_ROW("host", HOST, conf_cmp, host, "our own host name, as it comes in addr"),
    CMP_ROW("prefixes", STRINGS, conf_cmp, prefixes, "our own routing prefixes"),
    CMP_OPTION_END,
};

CMP_OPTIONS(request_log_rows, conf_request_log) = {
    CMP_ROW_ENUM("level", conf_request_log, level, log_level_names,
                 "the level of the line that a request leaves", CMP_DEFAULT("info")),
    CMP_ROW("sample", INTEGER, conf_request_log, sample,
            "of so many requests of a worker one leaves a line", CMP_DEFAULT("1"),
            CMP_RANGE(1, 1000000000)),
    CMP_ROW("source", BOOLEAN, conf_request_log, source, "whether it names the source's address",
            CMP_DEFAULT("false")),
    CMP_OPTION_END,
};

CMP_OPTIONS(log_rows, conf_log) = {
    CMP_ROW_ENUM("level", conf_log, level, log_level_names,
                 "the least important lines that are written", CMP_DEFAULT("notice")),
    CMP_ROW_ENUM("format", conf_log, format, log_format_names, "how lines are written to stderr",
                 CMP_DEFAULT("text")),
    CMP_ROW("source_ipv4", INTEGER, conf_log, source_ipv4,
            "bits of an IPv4 address that lines show, as 24; 0: they name no source",
            CMP_DEFAULT("32"), CMP_RANGE(0, 32)),
    CMP_ROW("source_ipv6", INTEGER, conf_log, source_ipv6,
            "bits of an IPv6 address that lines show, as 48; 0: they name no source",
            CMP_DEFAULT("128"), CMP_RANGE(0, 128)),
    CMP_ROW_GROUP("requests", conf_log, requests, request_log_rows, "lines about requests"),
    CMP_OPTION_END,
};

/* The window's end is far below 24 days, where the memory's times of 32 bits would come round
 * (peers/replay_rules.c). */
CMP_OPTIONS(replay_rows, conf_replay) = {
    CMP_ROW("window", DURATION, conf_replay, window_ms, "how long a signed request is remembered",
            CMP_DEFAULT("5m"), CMP_RANGE(SECONDS, 7 * DAYS)),
    CMP_ROW("size", SIZE, conf_replay, size_bytes, "memory for all of them", CMP_DEFAULT("64M"),
            CMP_RANGE(64 * KIB, 64 * GIB)),
    CMP_ROW("quota", INTEGER, conf_replay, quota_percent,
            "percent of the memory that one key may fill", CMP_DEFAULT("50"), CMP_RANGE(1, 100)),
    CMP_ROW_ENUM("when_full", conf_replay, when_full, when_full,
                 "forget the key's oldest request, or refuse new ones", CMP_DEFAULT("forget")),
    CMP_ROW("file", PATH, conf_replay, file,
            "keep it in this file, so that it outlives the process; otherwise it ends with it"),
    CMP_OPTION_END,
};

/* Tried with honest clients (many streams, windows of 1 KiB, uploads, a client's cancels), which
 * stay far below, and with floods, which end here before they cost others anything. Envoy draws its
 * line for such frames at 1,000 as well, nghttp2 the one for resets. */
CMP_OPTIONS(http2_rows, conf_http2_limits) = {
    CMP_ROW("frame_rate", RATE, conf_http2_limits, frame_rate,
            "frames that carry nothing (PING, SETTINGS, windows, empty ones), beside four for each "
            "request",
            CMP_DEFAULT("200/s"), CMP_RANGE(1, INT64_C(3600) * 1000000)),
    CMP_ROW("frame_burst", INTEGER, conf_http2_limits, frame_burst, "such frames at once",
            CMP_DEFAULT("1000"), CMP_RANGE(100, 1000000)),
    CMP_ROW("reset_rate", RATE, conf_http2_limits, reset_rate,
            "streams that either side resets shortly after they were opened", CMP_DEFAULT("100/s"),
            CMP_RANGE(1, INT64_C(3600) * 1000000)),
    CMP_ROW("reset_burst", INTEGER, conf_http2_limits, reset_burst, "such resets at once",
            CMP_DEFAULT("200"), CMP_RANGE(1, 1000000)),
    CMP_ROW("continuations", INTEGER, conf_http2_limits, continuations,
            "CONTINUATION frames of one header block", CMP_DEFAULT("8"), CMP_RANGE(0, 1000)),
    CMP_OPTION_END,
};

/* Sizes are some times what Table 19's parameters can need. 64 header fields, since what HPACK
 * makes of a small block is bounded by their number. A body on codes holds a whole record: content
 * of 64 KiB, which JSON's escapes make longer. An answer of 256 KiB takes a millisecond to write.
 */
CMP_OPTIONS(limits_rows, conf_limits) = {
    CMP_ROW("connections", INTEGER, conf_limits, connections, "open connections of the process",
            CMP_DEFAULT("10000"), CMP_RANGE(1, 10000000)),
    CMP_ROW("handshakes", RATE, conf_limits, handshakes,
            "TLS handshakes of one worker for each listener, beyond which they have to wait",
            CMP_DEFAULT("1000/s"), CMP_RANGE(1, INT64_C(3600) * 1000000)),
    CMP_ROW("transactions", INTEGER, conf_limits, transactions,
            "requests under way in one worker; one plugin holds three quarters of them at most",
            CMP_DEFAULT("4096"), CMP_RANGE(1, 1000000)),
    CMP_ROW("body", SIZE, conf_limits, body_bytes, "octets of a request's body", CMP_DEFAULT("16K"),
            CMP_RANGE(KIB, 16 * MIB)),
    CMP_ROW("codes_body", SIZE, conf_limits, codes_body_bytes,
            "octets of a request's body on the interface codes", CMP_DEFAULT("128K"),
            CMP_RANGE(KIB, 16 * MIB)),
    CMP_ROW(
        "codes_list", SIZE, conf_limits, codes_list_bytes,
        "octets of a list there that comes without a token: it is read before anybody knows who "
        "sent it",
        CMP_DEFAULT("8K"), CMP_RANGE(2 * KIB, 16 * MIB)),
    CMP_ROW("codes_answer", SIZE, conf_limits, codes_answer_bytes,
            "octets of several records in one answer there; more have to be asked for in parts",
            CMP_DEFAULT("256K"), CMP_RANGE(KIB, GIB)),
    CMP_ROW("uri", SIZE, conf_limits, uri_bytes, "octets of a request's URI", CMP_DEFAULT("8K"),
            CMP_RANGE(KIB, 64 * KIB)),
    CMP_ROW("header_size", SIZE, conf_limits, header_bytes, "octets of a request's header fields",
            CMP_DEFAULT("16K"), CMP_RANGE(KIB, MIB)),
    CMP_ROW("headers", INTEGER, conf_limits, headers, "header fields of a request",
            CMP_DEFAULT("64"), CMP_RANGE(8, 1000)),
    CMP_ROW("handshake_timeout", DURATION, conf_limits, handshake_timeout_ms,
            "time for a client's TLS handshake", CMP_DEFAULT("10s"),
            CMP_RANGE(SECONDS / 10, 10 * MINUTES)),
    CMP_ROW("request_timeout", DURATION, conf_limits, request_timeout_ms,
            "time to send a request, and to idle between two", CMP_DEFAULT("10s"),
            CMP_RANGE(SECONDS / 10, 10 * MINUTES)),
    CMP_ROW("write_timeout", DURATION, conf_limits, write_timeout_ms,
            "time in which a client has to take some of an answer", CMP_DEFAULT("10s"),
            CMP_RANGE(SECONDS / 10, 10 * MINUTES)),
    CMP_ROW("held_connection", SIZE, conf_limits, held_connection_bytes,
            "octets of unfinished requests and unread answers of one connection", CMP_DEFAULT("4M"),
            CMP_RANGE(64 * KIB, GIB)),
    CMP_ROW("held_source", SIZE, conf_limits, held_source_bytes,
            "the same of one source's connections; half of held at most", CMP_DEFAULT("8M"),
            CMP_RANGE(64 * KIB, 1024 * GIB)),
    CMP_ROW("held", SIZE, conf_limits, held_bytes, "the same of all connections",
            CMP_DEFAULT("32M"), CMP_RANGE(MIB, 1024 * GIB)),
    CMP_ROW("blocking_threads", INTEGER, conf_limits, blocking_threads,
            "threads for plugins that block; one instance gets three quarters of them at most",
            CMP_DEFAULT("16"), CMP_RANGE(1, 1024)),
    CMP_ROW("referrals", INTEGER, conf_limits, referrals,
            "referrals of registries that are remembered", CMP_DEFAULT("65536"),
            CMP_RANGE(16, 10000000)),
    CMP_ROW_GROUP("http2", conf_limits, http2, http2_rows,
                  "what one connection of HTTP/2 may ask of us beside requests"),
    CMP_OPTION_END,
};

CMP_OPTIONS(tls_rows, conf_tls) = {
    CMP_ROW("certificate", PATH, conf_tls, certificate,
            "PEM file with the certificate and its chain", CMP_REQUIRED),
    CMP_ROW("key", PATH, conf_tls, key, "PEM file with the private key", CMP_REQUIRED),
    CMP_ROW_ENUM("client_certificate", conf_tls, client_certificate, client_certificates,
                 "what a client has to show; optional: any certificate or none, for auth plugins "
                 "to judge",
                 CMP_DEFAULT("none")),
    CMP_ROW("client_ca", PATH, conf_tls, client_ca,
            "PEM file with whom a client's certificate has to be signed by to be good"),
    CMP_ROW("client_crl", PATH, conf_tls, client_crl,
            "PEM file with revocation lists of those, read again when it changes"),
    CMP_OPTION_END,
};

#define PATH_ROW(interface, word, path, https_only, anonymous, message, text)                      \
    CMP_ROW(word, STRING, conf_paths, of[CMP_INTERFACE_##interface], text, CMP_DEFAULT(path),      \
            CMP_RANGE(1, 256)),
CMP_OPTIONS(path_rows, conf_paths) = {INTERFACE_LIST(PATH_ROW) CMP_OPTION_END};

CMP_OPTIONS(balancers_rows, conf_balancers) = {
    CMP_ROW("from", CIDRS, conf_balancers, from, "their networks, which are believed",
            CMP_REQUIRED),
    CMP_ROW_ENUM("by", conf_balancers, by, balancers_by,
                 "how they tell who is behind: a PROXY header (version 1 or 2), or a header field",
                 CMP_DEFAULT("proxy")),
    CMP_OPTION_END,
};

/* Rates of an address are high: a carrier has thousands of handsets behind one. They stop a single
 * machine, not a crowd. What has no default here gets one by what is offered (conf_derive.c). */
CMP_OPTIONS(listener_rows, conf_listener) = {
    CMP_ROW("name", STRING, conf_listener, name,
            "for logs and metrics; admin is the name of the admin socket", CMP_REQUIRED,
            CMP_RANGE(1, NAME_MAX_SIZE)),
    CMP_ROW("bind", STRINGS, conf_listener, bind,
            "addresses, such as 0.0.0.0:8443, [::]:8443 or *:8443", CMP_REQUIRED),
    CMP_ROW_ENUMS("interfaces", conf_listener, interfaces, interface_words, "what is offered here",
                  CMP_REQUIRED),
    CMP_ROW("authenticate", STRINGS, conf_listener, authenticate,
            "auth plugins in the order in which they are asked; mc-3 and mc-6 need one"),
    CMP_ROW_ENUM("http2", conf_listener, http2, http2_modes,
                 "whether HTTP/2 is offered beside HTTP/1.1; auto: not where mc-1 is",
                 CMP_DEFAULT("auto")),
    CMP_ROW_GROUP("tls", conf_listener, tls, tls_rows,
                  "certificate; mc-3, mc-6 and codes need one"),
    CMP_ROW_GROUP("paths", conf_listener, paths, path_rows, "paths of the interfaces"),
    CMP_ROW("source_rate", RATE, conf_listener, source_rate, "mc-1: requests from one address",
            CMP_DEFAULT("500/s"), CMP_RANGE(1, INT64_C(3600) * 10000000)),
    CMP_ROW("source_burst", INTEGER, conf_listener, source_burst,
            "mc-1: of them, at once; the first ones of their connections have as many of their own",
            CMP_DEFAULT("1000"), CMP_RANGE(1, 1000000)),
    CMP_ROW("cors", STRINGS, conf_listener, cors,
            "mc-1: origins of web pages that may ask; *: all"),
    CMP_ROW("accept_language", BOOLEAN, conf_listener, accept_language,
            "mc-1: whether a request without language takes it from Accept-Language",
            CMP_DEFAULT("true")),
    CMP_ROW("health", BOOLEAN, conf_listener, health,
            "whether /live and /ready say here how cmpd is, to anybody who asks",
            CMP_DEFAULT("false")),
    CMP_ROW("metrics", BOOLEAN, conf_listener, metrics,
            "whether /metrics says here all that is counted, peers' names among it, to anybody who "
            "asks",
            CMP_DEFAULT("false")),
    CMP_ROW("receive_buffer", SIZE, conf_listener, receive_buffer_bytes,
            "octets of a connection that the kernel holds for us; none: 16K with mc-1, else 64K",
            CMP_RANGE(4 * KIB, 64 * MIB)),
    CMP_ROW("connections", INTEGER, conf_listener, connections,
            "of limits.connections, those that no other listener can take; none: an even part of "
            "half of them",
            CMP_RANGE(1, 10000000)),
    CMP_ROW("source_connections", INTEGER, conf_listener, source_connections,
            "connections of one address; none: half of limits.connections with mc-1, else an "
            "eighth",
            CMP_RANGE(1, 10000000)),
    CMP_ROW("source_connects", RATE, conf_listener, source_connects,
            "new connections of one address, beyond which they have to wait; none: 500/s with "
            "mc-1, else 200/s",
            CMP_RANGE(1, INT64_C(3600) * 1000000)),
    CMP_ROW_GROUP("balancers", conf_listener, balancers, balancers_rows,
                  "who brings connections of others here"),
    CMP_OPTION_END,
};

/* 99 hops, as `count` has two digits; 8 leaves room for a way twice as long as over parent,
 * registry, parent and child. */
CMP_OPTIONS(resolve_rows, conf_resolve) = {
    CMP_ROW("stores", STRINGS, conf_resolve, stores,
            "store plugins in the order in which they are asked", CMP_REQUIRED),
    CMP_ROW("routes", STRINGS, conf_resolve, routes,
            "route plugins in the order in which they are asked"),
    CMP_ROW("writable", STRING, conf_resolve, writable,
            "store that the interface codes writes to; none: the first that can be written",
            CMP_RANGE(1, NAME_MAX_SIZE)),
    CMP_ROW("max_hops", INTEGER, conf_resolve, max_hops, "CMPs that may take part in a request",
            CMP_DEFAULT("8"), CMP_RANGE(1, 99)),
    CMP_ROW("deadline", DURATION, conf_resolve, deadline_ms, "time for the answer to a request",
            CMP_DEFAULT("3s"), CMP_RANGE(SECONDS / 100, 5 * MINUTES)),
    CMP_ROW("ttl", INTEGER, conf_resolve, ttl_s,
            "seconds for which an answer may be kept, unless its record says", CMP_DEFAULT("300"),
            CMP_RANGE(0, 365 * DAYS / SECONDS)),
    CMP_OPTION_END,
};

CMP_OPTIONS(allow_rows, conf_allow) = {
    CMP_ROW_ENUMS("interfaces", conf_allow, interfaces, interface_words,
                  "where the peer may ask; handsets are no peers, so not mc-1",
                  CMP_DEFAULT("[mc-3, mc-6]")),
    CMP_ROW("prefixes", STRINGS, conf_allow, prefixes,
            "heads of the ICIs that it may ask for; none: all"),
    CMP_ROW("forward_to", STRINGS, conf_allow, forward_to, "peers that it may address; *: all"),
    CMP_OPTION_END,
};

CMP_OPTIONS(peer_tls_rows, conf_peer_tls) = {
    CMP_ROW(
        "ca", PATH, conf_peer_tls, ca,
        "PEM file with the CAs that may have signed the peer's certificate; none: the system's"),
    CMP_ROW("crl", PATH, conf_peer_tls, crl,
            "PEM file with revocation lists of those CAs, read again when it changes"),
    CMP_ROW("certificate", PATH, conf_peer_tls, certificate,
            "PEM file with our client certificate and its chain"),
    CMP_ROW("key", PATH, conf_peer_tls, key, "PEM file with its private key"),
    CMP_ROW("server_name", HOST, conf_peer_tls, server_name,
            "whom the peer's certificate must be for; none: the URL's host"),
    CMP_OPTION_END,
};

CMP_OPTIONS(release_rows, conf_release) = {
    CMP_ROW("withhold", STRINGS, conf_release, withhold,
            "user, language, cc, post, age, income, gender, contextual, or a contextual name"),
    CMP_OPTION_END,
};

/* Connections are for peers of HTTP/1.1, which answer one request at a time on each: HTTP/2 hardly
 * needs a second one. */
CMP_OPTIONS(peer_rows, conf_peer) = {
    CMP_ROW("name", STRING, conf_peer, name, "how keys, plugins and logs call it", CMP_REQUIRED,
            CMP_RANGE(1, NAME_MAX_SIZE)),
    CMP_ROW("host", HOST, conf_peer, host,
            "its host name, as it comes in addr; none when it only asks"),
    CMP_ROW("prefixes", STRINGS, conf_peer, prefixes, "its routing prefixes"),
    CMP_ROW_GROUP("allow", conf_peer, allow, allow_rows, "what it may do"),
    CMP_ROW("rate", RATE, conf_peer, rate, "requests that it may send; none: any number",
            CMP_RANGE(1, INT64_C(3600) * 10000000)),
    CMP_ROW("url", STRINGS, conf_peer, url,
            "https URLs at which it answers, in order of preference; none: it only asks"),
    CMP_ROW("sign_with", STRING, conf_peer, sign_with,
            "auth plugin that signs to it; none: unsigned, over a dedicated link",
            CMP_RANGE(1, NAME_MAX_SIZE)),
    CMP_ROW_ENUM("carriage", conf_peer, carriage, carriages, "how requests are carried to it",
                 CMP_DEFAULT("form")),
    CMP_ROW_GROUP("tls", conf_peer, tls, peer_tls_rows, "certificates on the way to it"),
    CMP_ROW("source", STRING, conf_peer, source, "local address to connect from", CMP_RANGE(2, 45)),
    CMP_ROW_GROUP("release", conf_peer, release, release_rows, "what it is told about the user"),
    CMP_ROW("origin_tid", BOOLEAN, conf_peer, origin_tid,
            "whether it is told the requestor's tid, as origin-tid", CMP_DEFAULT("false")),
    CMP_ROW("connections", INTEGER, conf_peer, connections, "connections of one worker to each URL",
            CMP_DEFAULT("8"), CMP_RANGE(1, 1024)),
    CMP_ROW("waiting", INTEGER, conf_peer, waiting,
            "requests of one worker that wait for a connection to each URL", CMP_DEFAULT("256"),
            CMP_RANGE(0, 100000)),
    CMP_ROW("connect_timeout", DURATION, conf_peer, connect_timeout_ms,
            "time for connecting and the TLS handshake", CMP_DEFAULT("1s"),
            CMP_RANGE(SECONDS / 100, MINUTES)),
    CMP_ROW("idle_timeout", DURATION, conf_peer, idle_timeout_ms,
            "how long an unused connection is kept", CMP_DEFAULT("30s"),
            CMP_RANGE(SECONDS / 10, HOURS)),
    CMP_ROW("resolve_interval", DURATION, conf_peer, resolve_interval_ms,
            "how long the looked-up addresses of a URL are used", CMP_DEFAULT("30s"),
            CMP_RANGE(SECONDS, DAYS)),
    CMP_OPTION_END,
};

/* A tenth of a second is what a person notices, and far more than any call of our own plugins
 * takes. Much longer than a deadline nobody waits any more. */
CMP_OPTIONS(watchdog_rows, conf_watchdog) = {
    CMP_ROW("stall", DURATION, conf_watchdog, stall_ms,
            "how long a plugin may hold a thread before the log names it", CMP_DEFAULT("100ms"),
            CMP_RANGE(10, MINUTES)),
    CMP_ROW("stuck_after", DURATION, conf_watchdog, stuck_after_ms,
            "how long until a thread is taken for stuck", CMP_DEFAULT("10s"),
            CMP_RANGE(SECONDS / 10, HOURS)),
    CMP_ROW_ENUM("when_stuck", conf_watchdog, when_stuck, when_stuck,
                 "withdraw: it gets no new connections until it moves again; abort: the process "
                 "ends with a core dump",
                 CMP_DEFAULT("withdraw")),
    CMP_OPTION_END,
};

CMP_OPTIONS(admin_rows, conf_admin) = {
    CMP_ROW("socket", PATH, conf_admin, socket, "unix socket that cmpctl talks to"),
    CMP_ROW(
        "operators", STRINGS, conf_admin, operators,
        "groups whose members may ask and change what it offers, beside root and cmpd's own user"),
    CMP_ROW("readers", STRINGS, conf_admin, readers, "groups whose members may only ask"),
    CMP_OPTION_END,
};

/* Nothing is due to who was not authenticated: a few of them show what is tried, and no flood of
 * them fills a disk. */
CMP_OPTIONS(journal_rows, conf_journal) = {
    CMP_ROW(
        "path", PATH, conf_journal, path,
        "folder of its files; none: there is no journal. Only its owner should be able to read"),
    CMP_ROW(
        "segment_size", SIZE, conf_journal, segment_bytes,
        "octets of a file, until the next one is begun, at most a quarter of size; none: 64M, or "
        "that quarter",
        CMP_RANGE(64 * KIB, 4 * GIB)),
    CMP_ROW("segment_age", DURATION, conf_journal, segment_age_ms,
            "how long a file is written to, until the next one is begun", CMP_DEFAULT("1h"),
            CMP_RANGE(SECONDS, 30 * DAYS)),
    CMP_ROW("keep", DURATION, conf_journal, keep_ms,
            "how long a file is kept when its last record was written", CMP_DEFAULT("90d"),
            CMP_RANGE(MINUTES, 3660 * DAYS)),
    CMP_ROW("size", SIZE, conf_journal, keep_bytes,
            "octets of all files, compressed ones as they are; beyond, the oldest go",
            CMP_DEFAULT("10G"), CMP_RANGE(MIB, 1024 * 1024 * GIB)),
    CMP_ROW_ENUM("fsync", conf_journal, fsync, fsyncs,
                 "when records are made sure to be on the disk; a crash of cmpd alone takes at "
                 "most those of the last 100 ms in any case",
                 CMP_DEFAULT("second")),
    CMP_ROW_ENUM("when_full", conf_journal, when_full, when_journal_full,
                 "drop: records that find no room are counted; refuse: requests get 503 before "
                 "anything is done for them",
                 CMP_DEFAULT("drop")),
    CMP_ROW("rejections", RATE, conf_journal, rejections,
            "requests that were not authenticated, of which a record is made; the others are "
            "counted",
            CMP_DEFAULT("10/s"), CMP_RANGE(3600, INT64_C(3600) * 100000)),
    CMP_ROW("rejections_size", SIZE, conf_journal, rejections_bytes,
            "octets of the files with those", CMP_DEFAULT("64M"), CMP_RANGE(256 * KIB, 64 * GIB)),
    CMP_ROW_ENUMS("pseudonyms", conf_journal, pseudonyms, personal,
                  "personal data of which a keyed pseudonym is kept; none: nothing of them is"),
    CMP_ROW("pseudonym_period", DURATION, conf_journal, pseudonym_period_ms,
            "how long one key serves for them", CMP_DEFAULT("1d"), CMP_RANGE(MINUTES, 366 * DAYS)),
    CMP_OPTION_END,
};

/* Not a part of conf_rows: `cache` stands in a store's section, whose other keys are the plugin's
 * (plugin/section.c). That there is none is believed for seconds only, for a code that is published
 * has to be found. */
const cmp_option conf_cache_rows[] = {
    CMP_ROW("size", SIZE, conf_cache, size_bytes, "memory of all workers together",
            CMP_DEFAULT("64M"), CMP_RANGE(64 * KIB, 1024 * GIB)),
    CMP_ROW("ttl", DURATION, conf_cache, ttl_ms, "how long a record is believed",
            CMP_DEFAULT("60s"), CMP_RANGE(1, 7 * DAYS)),
    CMP_ROW("negative_ttl", DURATION, conf_cache, negative_ttl_ms,
            "how long it is believed that there is none", CMP_DEFAULT("5s"), CMP_RANGE(0, HOURS)),
    CMP_ROW("serve_stale", DURATION, conf_cache, stale_ms,
            "how much longer a record is good while the store is unavailable", CMP_DEFAULT("1h"),
            CMP_RANGE(0, 30 * DAYS)),
    CMP_OPTION_END,
};

/* ---- what no row reads as a whole: sections of plugins ---- */

#define CACHE_HELP                                                                                 \
    {                                                                                              \
        .name = "cache", .type = CMP_OPTION_GROUP, .rows = conf_cache_rows,                        \
        .help = "of a store: keeps records in memory, and asks for each ICI once at a time"        \
    }

const cmp_option conf_store_rows[] = {CACHE_HELP, CMP_OPTION_END};

static const cmp_option section_help[] = {
    {.name = "use",
     .type = CMP_OPTION_STRING,
     .flags = CMP_OPTION_REQUIRED,
     .help = "the plugin; --help-plugin NAME lists its options, which stand beside this"},
    CACHE_HELP,
    CMP_OPTION_END,
};

static const cmp_option name_help[] = {
    {.name = "NAME", .type = CMP_OPTION_GROUP, .rows = section_help, .help = "one instance"},
    CMP_OPTION_END,
};

static const cmp_option plugins_help[] = {
    {.name = "plugins",
     .type = CMP_OPTION_GROUP,
     .rows = name_help,
     .help = "instances of plugins, each under a name of your choice"},
    CMP_OPTION_END,
};

void conf_print_help(FILE *to)
{
    schema_print_help(conf_rows, 0, to);
    schema_print_help(plugins_help, 0, to);
}

const cmp_option conf_rows[] = {
    CMP_ROW_GROUP("cmp", conf_top, cmp, own_rows, "who we are"),
    CMP_ROW("workers", INTEGER, conf_top, workers,
            "threads that serve requests; 0: one for each core", CMP_DEFAULT("0"),
            CMP_RANGE(0, 1024)),
    CMP_ROW("user", STRING, conf_top, user, "user to become after the sockets are open",
            CMP_RANGE(1, NAME_MAX_SIZE)),
    CMP_ROW("group", STRING, conf_top, group, "group to become; none: the user's",
            CMP_RANGE(1, NAME_MAX_SIZE)),
    CMP_ROW("plugin_path", STRINGS, conf_top, plugin_path,
            "folders searched for plugins before the built-in one"),
    CMP_ROW_ENUM("plugin_files", conf_top, plugin_files, plugin_trusts,
                 "guarded: a plugin's file and folder are root's or ours, and nobody else writes "
                 "there",
                 CMP_DEFAULT("guarded")),
    CMP_ROW_GROUP("log", conf_top, log, log_rows, "what is logged, and how"),
    CMP_ROW("keys", PATH, conf_top, keys, "the keyring's file"),
    CMP_ROW_GROUP("replay", conf_top, replay, replay_rows,
                  "memory of signed requests that were seen"),
    CMP_ROW_GROUP("limits", conf_top, limits, limits_rows, "how much of everything"),
    CMP_ROW_ROWS("listeners", conf_top, listeners, listener_rows, "where requests come in"),
    CMP_ROW_GROUP("resolve", conf_top, resolve, resolve_rows, "how an ICI is resolved",
                  CMP_REQUIRED),
    CMP_ROW_ROWS("peers", conf_top, peers, peer_rows,
                 "the other CMPs and registries; there are no others than these"),
    CMP_ROW_GROUP("watchdog", conf_top, watchdog, watchdog_rows,
                  "what is done about threads that do not move"),
    CMP_ROW("drain", DURATION, conf_top, drain_ms,
            "how long a stop waits for requests under way, and a drain for connections",
            CMP_DEFAULT("10s"), CMP_RANGE(0, HOURS)),
    CMP_ROW_GROUP("admin", conf_top, admin, admin_rows,
                  "how the running daemon is asked about itself"),
    CMP_ROW_GROUP("journal", conf_top, journal, journal_rows,
                  "a record of each transaction, on the disk"),
    CMP_ROW("include", STRINGS, conf_top, include,
            "folders whose *.yaml files are part of this configuration"),
    CMP_OPTION_END,
};
