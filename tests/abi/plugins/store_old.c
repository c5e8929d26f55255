/* SPDX-License-Identifier: Apache-2.0 */
/* Records from its options, and all the ways in which records cross the border: returned, completed
 * later, written and parsed, the same on a thread of the pool, fetched from a server, scanned. */
#include "old.h"

static const char *const how_names[] = {"at_once", "later", "parsed", "blocking", "fetched", NULL};
typedef enum how { AT_ONCE, LATER, PARSED, BLOCKING, FETCHED } how;

typedef struct old_code {
    const char *ici, *content;
    cmp_rows variants;
} old_code;

typedef struct old_server {
    const char *url, *ca, *token;
} old_server;

typedef struct store_options {
    int how;
    cmp_rows codes;
    old_server server;
} store_options;

CMP_OPTIONS(code_rows, old_code) = {
    CMP_ROW("ici", STRING, old_code, ici, "the ICI", CMP_REQUIRED),
    CMP_ROW("content", STRING, old_code, content, "what it stands for", CMP_REQUIRED),
    CMP_ROW_ROWS("variants", old_code, variants, old_variant_rows, "for some only"),
    CMP_OPTION_END,
};

CMP_OPTIONS(server_rows, old_server) = {
    CMP_ROW("url", STRING, old_server, url, "where records are fetched",
            CMP_DEFAULT("https://localhost/")),
    CMP_ROW("ca", PATH, old_server, ca, "who vouches for it"),
    CMP_ROW("token", SECRET, old_server, token, "what it asks for"),
    CMP_OPTION_END,
};

CMP_OPTIONS(option_rows, store_options) = {
    CMP_ROW_ENUM("how", store_options, how, how_names, "how it answers", CMP_DEFAULT("at_once")),
    CMP_ROW_ROWS("codes", store_options, codes, code_rows, "what it knows"),
    CMP_ROW_GROUP("server", store_options, server, server_rows, "who knows it"),
    CMP_OPTION_END,
};

typedef struct store {
    const cmp_host *host;
    const store_options *options;
    cmp_record *records; /* of options->codes */
    cmp_origin *origin;
    char *authorization;
} store;

typedef struct worker {
    const store *store;
    cmp_loop *loop;
} worker;

typedef struct pending {
    const store *store;
    cmp_op op;
    const cmp_record *record;
    cmp_timer *timer;
    cmp_call *call;
} pending;

/* ---- the instance ---- */

static void store_destroy(void *instance)
{
    store *s = instance;
    for (size_t i = 0; i < s->options->codes.count; i++) {
        old_record_free(&s->records[i]);
    }
    if (s->origin != NULL) {
        s->host->origin_close(s->origin);
    }
    free(s->records);
    free(s->authorization);
    free(s);
}

static void *store_create(const cmp_host *host, const void *options, void *previous,
                          cmp_report *report)
{
    (void)previous;
    store *s = old_alloc(1, sizeof(*s));
    *s = (store){.host = host, .options = options};
    const cmp_rows *codes = &s->options->codes;
    s->records = old_alloc(codes->count + 1, sizeof(*s->records));
    for (size_t i = 0; i < codes->count; i++) {
        const old_code *code = &((const old_code *)codes->at)[i];
        s->records[i] = old_record(code->content, &code->variants);
    }
    char error[256];
    const old_server *server = &s->options->server;
    const cmp_origin_options origin = {.url = server->url, .ca = server->ca};
    s->origin = host->origin_open(host, &origin, error, sizeof(error));
    if (s->origin == NULL) {
        host->report(report, "server", "%s", error);
        store_destroy(s);
        return NULL;
    }
    const char *token = server->token != NULL ? server->token : "";
    s->authorization = old_alloc(1, strlen("Bearer ") + strlen(token) + 1);
    strcat(strcpy(s->authorization, "Bearer "), token);
    return s;
}

static void *store_worker_start(void *instance, cmp_loop *loop)
{
    worker *w = old_alloc(1, sizeof(*w));
    *w = (worker){instance, loop};
    return w;
}

static void store_worker_stop(void *instance, void *state)
{
    (void)instance;
    free(state);
}

/* ---- records as text ---- */

typedef struct memory {
    const cmp_host *host;
    cmp_op op;
} memory;

static void *memory_alloc(void *arg, size_t size)
{
    const memory *m = arg;
    return m->host->txn_alloc(m->host, m->op, size);
}

static bool parse(const store *s, cmp_op op, cmp_str text, cmp_record *record)
{
    memory m = {s->host, op};
    cmp_str ici;
    char error[256];
    const bool good = s->host->record_parse(s->host, text.at, text.size, memory_alloc, &m, &ici,
                                            record, error, sizeof(error));
    if (!good) {
        s->host->log(s->host, CMP_LOG_ERROR, "not parsed: %s", error);
    }
    return good;
}

static cmp_store_verdict written_and_parsed(const store *s, cmp_op op, cmp_str ici,
                                            const cmp_record *from, cmp_record *record)
{
    char text[4096];
    const size_t size = s->host->record_write(s->host, ici, from, text, sizeof(text));
    cmp_record parsed; /* the host fills it in, and must stop where it ends */
    if (size > sizeof(text) || !parse(s, op, (cmp_str){text, size}, &parsed)) {
        return CMP_STORE_UNAVAILABLE;
    }
    *record = parsed;
    return CMP_STORE_FOUND;
}

/* ---- look-ups ---- */

static void on_timer(void *arg)
{
    const pending p = *(pending *)arg;
    free(arg);
    const cmp_record record = *p.record;
    cmp_store_complete(p.store->host, p.op, CMP_STORE_FOUND, &record);
}

static void on_answer(void *arg, const cmp_https_answer *answer)
{
    const pending p = *(pending *)arg;
    free(arg);
    cmp_record record;
    const bool good = answer->result == CMP_HTTPS_ANSWERED && answer->status == 200 &&
                      parse(p.store, p.op, answer->body, &record);
    cmp_store_complete(p.store->host, p.op, good ? CMP_STORE_FOUND : CMP_STORE_UNAVAILABLE,
                       good ? &record : NULL);
}

static void fetch(const worker *w, pending *p, cmp_str ici)
{
    char path[256] = "/";
    memcpy(path + 1, ici.at, ici.size < sizeof(path) - 1 ? ici.size : 0);
    const cmp_pair more = {CMP_STR("x-old"), CMP_STR("yes")};
    const cmp_https_request request = {.method = "GET",
                                       .path = {path, ici.size + 1},
                                       .accept = CMP_STR("application/json"),
                                       .authorization = cmp_str_from(w->store->authorization),
                                       .headers = &more,
                                       .header_count = 1,
                                       .timeout_ms = 5000,
                                       .answer_max = 65536};
    p->call = w->store->host->https_start(w->store->host, w->loop, w->store->origin, &request,
                                          on_answer, p);
}

static cmp_store_verdict store_lookup(void *instance, void *state, cmp_str ici, cmp_op op,
                                      cmp_record *record)
{
    const store *s = instance;
    const worker *w = state;
    const old_code *codes = s->options->codes.at;
    size_t at = 0;
    while (at < s->options->codes.count && !cmp_str_equal(ici, cmp_str_from(codes[at].ici))) {
        at++;
    }
    if (at == s->options->codes.count && s->options->how != FETCHED) {
        return CMP_STORE_ABSENT;
    }
    if (s->options->how == AT_ONCE) {
        *record = s->records[at];
        return CMP_STORE_FOUND;
    }
    if (s->options->how == PARSED || s->options->how == BLOCKING) {
        return written_and_parsed(s, op, ici, &s->records[at], record);
    }
    pending *p = old_alloc(1, sizeof(*p));
    *p = (pending){.store = s, .op = op, .record = &s->records[at]};
    s->host->op_data(s->host, op, p);
    if (s->options->how == LATER) {
        p->timer = s->host->timer_start(w->loop, 1, on_timer, p);
    } else {
        fetch(w, p, ici);
    }
    return CMP_STORE_PENDING;
}

static void store_cancel(void *instance, void *state, cmp_op op, void *data)
{
    (void)state;
    const store *s = instance;
    const pending p = *(pending *)data;
    free(data);
    if (p.call != NULL) {
        s->host->https_cancel(p.call);
    } else {
        s->host->timer_stop(p.timer);
    }
    cmp_store_complete(s->host, op, CMP_STORE_UNAVAILABLE, NULL);
}

static bool store_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg, char *error,
                       size_t error_size)
{
    (void)after, (void)error, (void)error_size;
    const store *s = instance;
    const old_code *codes = s->options->codes.at;
    for (size_t i = 0; i < s->options->codes.count; i++) {
        const cmp_record record = s->records[i];
        if (!visit(cmp_str_from(codes[i].ici), &record, arg)) {
            break;
        }
    }
    return true;
}

/* ---- commands ---- */

static void store_command(void *instance, const char *name, cmp_str argument, uint64_t id)
{
    const store *s = instance;
    if (strcmp(name, "say") == 0) {
        s->host->command_done(s->host, id, true, "%.*s", (int)argument.size, argument.at);
    } else {
        s->host->command_done(s->host, id, false, "%zu codes", s->options->codes.count);
    }
}

static const cmp_command commands[] = {
    {.name = "say", .argument = "WORDS", .help = "says them"},
    {.name = "count", .help = "complains of how much there is"},
    CMP_COMMAND_END,
};

static const cmp_store_ops ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = store_lookup,
    .cancel = store_cancel,
    .scan = store_scan,
};

#define DESCRIBED                                                                                  \
    CMP_PLUGIN_ABI, .name = "store_old", .kind = CMP_PLUGIN_STORE, .version = "1",                 \
                    .services = CMP_SERVICE_LOOP | CMP_SERVICE_HTTPS,                              \
                    .summary = "Records from its options", CMP_PLUGIN_OPTIONS(option_rows)
#define LIVES                                                                                      \
    .create = store_create, .worker_start = store_worker_start, .worker_stop = store_worker_stop,  \
    .destroy = store_destroy, .ops.store = &ops, .command = store_command

static const cmp_plugin plain = {DESCRIBED, LIVES};
static const cmp_plugin blocking = {DESCRIBED, LIVES, .flags = CMP_PLUGIN_BLOCKING};

static const cmp_plugin *store_choose(const cmp_host *host, const void *options, cmp_report *report)
{
    (void)host, (void)report;
    return ((const store_options *)options)->how == BLOCKING ? &blocking : &plain;
}

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {DESCRIBED, .choose = store_choose,
                                                     .commands = commands};
