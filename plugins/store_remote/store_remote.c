/* SPDX-License-Identifier: Apache-2.0 */
/* store_remote: answers look-ups by asking another server over HTTPS (etc/openapi/codes.yaml).
 *
 * All look-ups of one turn of the loop go in one request. Connections, deadlines and the circuit
 * breaker are the host's. It is only read: what is to be written is written at the server, since
 * its API knows single records and no "all or nothing". */
#include "credential.h"
#include "lookups.h"

#include <cmp-kit/memory.h>

#include <stdlib.h>

CMP_OPTIONS(tls_rows, tls_options) = {
    CMP_ROW("ca", PATH, tls_options, ca,
            "PEM file with the CAs that may have signed the server's certificate; none: the "
            "system's"),
    CMP_ROW("crl", PATH, tls_options, crl,
            "PEM file with revocation lists of those CAs, read again when it changes"),
    CMP_ROW("certificate", PATH, tls_options, certificate,
            "PEM file with our client certificate and its chain"),
    CMP_ROW("key", PATH, tls_options, key, "PEM file with its private key"),
    CMP_ROW("server_name", HOST, tls_options, server_name,
            "whom the server's certificate must be for; none: the URL's host"),
    CMP_OPTION_END,
};

CMP_OPTIONS(rows, options) = {
    CMP_ROW("url", STRING, options, url,
            "the server's API, such as https://codes.example.net:8444/codes/v1; what is to be "
            "written is written there",
            CMP_REQUIRED, CMP_RANGE(9, 2048)),
    CMP_ROW("token", SECRET, options, token, "token that the server gave to us"),
    CMP_ROW("peer", STRING, options, peer,
            "sign requests with the key that this peer gave to us, in place of a token",
            CMP_RANGE(1, 64)),
    CMP_ROW_GROUP("tls", options, tls, tls_rows, "certificates on the way to the server"),
    CMP_ROW("timeout", DURATION, options, timeout_ms, "time for one request, connecting included",
            CMP_DEFAULT("500ms"), CMP_RANGE(5, 60000)),
    CMP_ROW("batch", INTEGER, options, batch, "ICIs of one request", CMP_DEFAULT("64"),
            CMP_RANGE(1, 256)),
    CMP_ROW("waiting", INTEGER, options, waiting,
            "look-ups of each worker that may be under way; more are refused", CMP_DEFAULT("1024"),
            CMP_RANGE(1, 1000000)),
    CMP_ROW("connections", INTEGER, options, connections, "connections of each worker",
            CMP_DEFAULT("2"), CMP_RANGE(1, 64)),
    CMP_ROW("answer_size", SIZE, options, answer_bytes, "octets of one answer; more is no answer",
            CMP_DEFAULT("8M"), CMP_RANGE(64 * 1024, 256 * 1024 * 1024)),
    CMP_OPTION_END,
};

static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = lookups_lookup,
    .cancel = lookups_cancel,
    .turn_end = lookups_turn_end,
};

/* ---- the instance ---- */

static void remote_check(const cmp_host *host, const void *opts, cmp_report *report)
{
    const options *o = opts;
    cmp_peer peer;
    const int ways = (o->token != NULL) + (o->peer != NULL);
    if (ways > 1) {
        host->report(report, NULL, "token and peer exclude each other");
    } else if (ways == 0 && o->tls.certificate == NULL) {
        host->report(report, NULL, "the server has to know us: give token, peer or a certificate");
    }
    /* Whether that peer has given us a key is seen at each request: keys come and expire. */
    if (o->peer != NULL && !host->peer_find(host, cmp_str_from(o->peer), &peer)) {
        host->report(report, "peer", "there is no peer \"%s\"", o->peer);
    }
    if ((o->tls.certificate == NULL) != (o->tls.key == NULL)) {
        host->report(report, "tls", "a client certificate and its key are given together");
    }
}

static bool open_origin(remote *r, cmp_report *report)
{
    const options *o = r->options;
    char error[512];
    char *url = kit_strdup(o->url);
    for (size_t size = strlen(url); size > 0 && url[size - 1] == '/'; size--) {
        url[size - 1] = '\0'; /* the paths behind it begin with one */
    }
    const cmp_origin_options settings = {.url = url,
                                         .server_name = o->tls.server_name,
                                         .ca = o->tls.ca,
                                         .crl = o->tls.crl,
                                         .certificate = o->tls.certificate,
                                         .key = o->tls.key,
                                         .connections_max = (unsigned)o->connections,
                                         .waiting_max = (unsigned)o->waiting,
                                         .connect_timeout_ms = (uint64_t)o->timeout_ms};
    r->origin = r->host->origin_open(r->host, &settings, error, sizeof(error));
    free(url); /* copied */
    if (r->origin == NULL) {
        r->host->report(report, NULL, "%s", error);
    }
    return r->origin != NULL;
}

static void remote_destroy(void *instance)
{
    remote *r = instance;
    /* No request is under way: worker_stop has cancelled them. */
    if (r->origin != NULL) {
        r->host->origin_close(r->origin);
    }
    credential_close(r);
    kit_trouble_dispose(&r->failures);
    free(r);
}

static const int64_t batch_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128};

static void *remote_create(const cmp_host *host, const void *opts, void *previous,
                           cmp_report *report)
{
    (void)previous;
    remote *r = kit_calloc(1, sizeof(*r));
    r->host = host;
    r->options = opts;
    kit_trouble_init(&r->failures);
    r->requests = host->counter(host, "requests", "requests sent to the server");
    r->lookups = host->counter(host, "lookups", "look-ups that the server was needed for");
    r->under_way = host->gauge(host, "under_way", "look-ups that wait for the server");
    r->in_a_request = host->histogram(host, "in_a_request", "look-ups that one request asks for",
                                      batch_bounds, sizeof(batch_bounds) / sizeof(batch_bounds[0]));
    r->failed = host->counter(host, "lookups_failed", "look-ups that it did not answer");
    if (!credential_open(r, report) || !open_origin(r, report)) {
        remote_destroy(r);
        return NULL;
    }
    return r;
}

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_remote",
    .kind = CMP_PLUGIN_STORE,
    .services = CMP_SERVICE_LOOP | CMP_SERVICE_HTTPS | CMP_SERVICE_KEYRING | CMP_SERVICE_PEERS,
    .version = "1.0",
    .summary = "codes from another server over HTTPS, several look-ups in one request",
    CMP_PLUGIN_OPTIONS(rows),
    .check = remote_check,
    .create = remote_create,
    .worker_start = lookups_worker_start,
    .worker_stop = lookups_worker_stop,
    .keys_changed = lookups_keys_changed,
    .destroy = remote_destroy,
    .ops.store = &ops,
};
