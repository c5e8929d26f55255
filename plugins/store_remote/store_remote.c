/* store_remote: answers look-ups by asking another server over HTTPS (etc/openapi/codes.yaml).
 *
 * All look-ups of one turn of the loop go in one request. Connections, deadlines and the circuit
 * breaker are the host's. It is only read: what is to be written is written at the server, since
 * its API knows single records and no "all or nothing". */
#include "credential.h"
#include "lookups.h"
#include "memory.h"

static const cmp_option tls_rows[] = {
    {.name = "ca",
     .type = CMP_OPTION_PATH,
     .offset = offsetof(options, tls.ca) - offsetof(options, tls),
     .help = "PEM file with the CAs that may have signed the server's certificate; none: the "
             "system's"},
    {.name = "certificate",
     .type = CMP_OPTION_PATH,
     .offset = offsetof(options, tls.certificate) - offsetof(options, tls),
     .help = "PEM file with our client certificate and its chain"},
    {.name = "key",
     .type = CMP_OPTION_PATH,
     .offset = offsetof(options, tls.key) - offsetof(options, tls),
     .help = "PEM file with its private key"},
    {.name = "server_name",
     .type = CMP_OPTION_HOST,
     .offset = offsetof(options, tls.server_name) - offsetof(options, tls),
     .help = "whom the server's certificate must be for; none: the URL's host"},
    CMP_OPTION_END,
};

static const cmp_option rows[] = {
    {.name = "url",
     .type = CMP_OPTION_STRING,
     .flags = CMP_OPTION_REQUIRED,
     .offset = offsetof(options, url),
     .min = 9,
     .max = 2048,
     .help = "the server's API, such as https://codes.example.net:8444/codes/v1; what is to be "
             "written is written there"},
    {.name = "token",
     .type = CMP_OPTION_SECRET,
     .offset = offsetof(options, token),
     .help = "token that the server gave to us"},
    {.name = "token_file",
     .type = CMP_OPTION_PATH,
     .offset = offsetof(options, token_file),
     .help = "file that holds it, in place of token"},
    {.name = "peer",
     .type = CMP_OPTION_STRING,
     .offset = offsetof(options, peer),
     .min = 1,
     .max = 64,
     .help = "sign requests with the key that this peer gave to us, in place of a token"},
    {.name = "tls",
     .type = CMP_OPTION_GROUP,
     .offset = offsetof(options, tls),
     .rows = tls_rows,
     .help = "certificates on the way to the server"},
    {.name = "timeout",
     .type = CMP_OPTION_DURATION,
     .offset = offsetof(options, timeout_ms),
     .fallback = "500ms",
     .min = 5,
     .max = 60000,
     .help = "time for one request, connecting included"},
    {.name = "batch",
     .type = CMP_OPTION_INTEGER,
     .offset = offsetof(options, batch),
     .fallback = "64",
     .min = 1,
     .max = 256,
     .help = "ICIs of one request"},
    {.name = "waiting",
     .type = CMP_OPTION_INTEGER,
     .offset = offsetof(options, waiting),
     .fallback = "1024",
     .min = 1,
     .max = 1000000,
     .help = "look-ups of each worker that may be under way; more are refused"},
    {.name = "connections",
     .type = CMP_OPTION_INTEGER,
     .offset = offsetof(options, connections),
     .fallback = "2",
     .min = 1,
     .max = 64,
     .help = "connections of each worker"},
    {.name = "answer_size",
     .type = CMP_OPTION_SIZE,
     .offset = offsetof(options, answer_bytes),
     .fallback = "8M",
     .min = 64 * 1024,
     .max = 256 * 1024 * 1024,
     .help = "octets of one answer; more is no answer"},
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
    const int ways = (o->token != NULL) + (o->token_file != NULL) + (o->peer != NULL);
    if (ways > 1) {
        host->report(report, NULL, "token, token_file and peer exclude each other");
    } else if (ways == 0 && o->tls.certificate == NULL) {
        host->report(report, NULL,
                     "the server has to know us: give token, token_file, peer or a certificate");
    }
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
    char *url = memory_must(strdup(o->url));
    for (size_t size = strlen(url); size > 0 && url[size - 1] == '/'; size--) {
        url[size - 1] = '\0'; /* the paths behind it begin with one */
    }
    const cmp_origin_options settings = {.url = url,
                                         .server_name = o->tls.server_name,
                                         .ca = o->tls.ca,
                                         .certificate = o->tls.certificate,
                                         .key = o->tls.key,
                                         .connections_max = (unsigned)o->connections,
                                         .waiting_max = (unsigned)o->waiting,
                                         .connect_timeout_ms = (uint64_t)o->timeout_ms};
    r->origin = r->host->origin_open(r->host, &settings, error, sizeof(error));
    free(url);
    if (r->origin == NULL) {
        r->host->report(report, NULL, "%s", error);
    }
    return r->origin != NULL;
}

static void remote_destroy(void *instance)
{
    remote *r = instance;
    if (r->origin != NULL) {
        r->host->origin_close(r->origin);
    }
    credential_close(r);
    free(r);
}

static void *remote_create(const cmp_host *host, const void *opts, void *previous,
                           cmp_report *report)
{
    (void)previous;
    remote *r = memory_must(calloc(1, sizeof(*r)));
    r->host = host;
    r->options = opts;
    r->requests = host->counter(host, "requests", "requests sent to the server");
    r->lookups = host->counter(host, "lookups", "look-ups that the server was needed for");
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
    .options = rows,
    .options_size = sizeof(options),
    .check = remote_check,
    .create = remote_create,
    .worker_start = lookups_worker_start,
    .worker_stop = lookups_worker_stop,
    .destroy = remote_destroy,
    .ops.store = &ops,
};
