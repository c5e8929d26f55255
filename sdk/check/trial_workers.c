/* SPDX-License-Identifier: Apache-2.0 */
/* A trial of several workers at once, on threads of their own, while keys change on another, by
 * libcmp-embed's host: libcmp-test's has one thread. */
#include "asking.h"
#include "embed/embed.h"
#include "servers.h"
#include "trial.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/uuid.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define WORKERS   4
#define QUESTIONS 500
#define CHANGES   20 /* of keys, while all workers ask */
#define BRIEF     20 /* questions, and a change */

/* What all threads share. */
typedef struct crowd {
    cmp_embed *embed;
    const cmp_plugin *plugin;
    unsigned questions, changes; /* at least so many, of each worker and of the keys */
    atomic_uint changed, running;
} crowd;

typedef struct asker {
    pthread_t thread;
    crowd *crowd;
    unsigned asked, unavailable; /* of these were answered with 503 */
    bool refused;                /* it could not be attached */
} asker;

/* ---- one question ---- */

/* What is put to the plugin, with room for it. */
typedef struct form {
    cmp_embed_request request;
    char tid[KIT_UUID_TEXT_SIZE], signature[KIT_SIGNATURE_TEXT_MAX];
    cmp_pair params[4], headers[CMP_AUTH_HEADERS_MAX];
} form;

static const cmp_str ici = CMP_STR("2B001-A-1");

static void add_param(form *f, cmp_str name, cmp_str value)
{
    f->params[f->request.param_count++] = (cmp_pair){name, value};
}

static void fill(form *f, unsigned number)
{
    const cmp_str tid = {f->tid, sizeof(f->tid)};
    f->request = CMP_EMBED_REQUEST;
    f->request.params = f->params;
    f->request.headers = f->headers;
    kit_uuid_v7_make(INT64_C(1700000000000) + number, f->tid);
    add_param(f, CMP_STR("tid"), tid);
    add_param(f, CMP_STR("ici"), ici);
}

static void fill_signed(form *f, unsigned number)
{
    fill(f, number);
    const size_t size = asking_sign(f->params[0].value, ici, f->signature);
    add_param(f, CMP_STR("apikeyid"), CMP_STR(ASKING_KEY));
    add_param(f, CMP_STR("signature"), (cmp_str){f->signature, size});
}

static void fill_with_headers(form *f, unsigned number, const char *const *names)
{
    fill(f, number);
    for (; names != NULL && *names != NULL; names++) {
        f->headers[f->request.header_count++] =
            (cmp_pair){cmp_str_from(*names), cmp_str_from(asking_header(*names))};
    }
}

/* In turn: to sign, and what comes without a proof, with header fields, and signed. */
static int ask_auth(const cmp_auth_ops *ops, cmp_embed_worker *w, unsigned number)
{
    form f;
    cmp_embed_answer answer = CMP_EMBED_ANSWER;
    if (number % 4 == 0 && ops->sign != NULL) {
        fill(&f, number);
        const cmp_outgoing outgoing = {.peer = CMP_STR("b"),
                                       .tid = {f.tid, sizeof(f.tid)},
                                       .ici = ici};
        return cmp_embed_sign(w, &outgoing, &answer);
    }
    if (number % 4 == 1) {
        fill(&f, number);
    } else if (number % 4 == 2) {
        fill_with_headers(&f, number, ops->headers);
    } else {
        fill_signed(&f, number);
    }
    return cmp_embed_verify(w, &f.request, &answer);
}

static int ask_route(cmp_embed_worker *w, const form *f, unsigned number)
{
    cmp_embed_answer answer = CMP_EMBED_ANSWER;
    const cmp_route_reason reason = (cmp_route_reason)(number % 3);
    const cmp_str target = reason == CMP_ROUTE_ABSENT ? CMP_NONE : CMP_STR("b.example.net");
    return cmp_embed_route(w, reason, target, &f->request, &answer);
}

static int ask_one(const cmp_plugin *plugin, cmp_embed_worker *w, unsigned number)
{
    form f;
    cmp_embed_answer answer = CMP_EMBED_ANSWER;
    if (plugin->kind == CMP_PLUGIN_AUTH) {
        return ask_auth(plugin->ops.auth, w, number);
    }
    fill(&f, number);
    f.request.requestor = CMP_STR("b");
    return plugin->kind == CMP_PLUGIN_STORE ? cmp_embed_lookup(w, ici, &f.request, &answer)
                                            : ask_route(w, &f, number);
}

/* ---- all of them ---- */

static void *run_asker(void *arg)
{
    asker *a = arg;
    crowd *c = a->crowd;
    cmp_embed_error error;
    cmp_embed_worker *w = cmp_embed_attach(c->embed, &error);
    a->refused = w == NULL;
    while (w != NULL && (a->asked < c->questions || c->changed < c->changes)) {
        a->unavailable += ask_one(c->plugin, w, a->asked++) == 503;
    }
    cmp_embed_detach(&w);
    c->running--;
    return NULL;
}

/* On the control thread: takes the key away, and gives it back. */
static void change_keys(crowd *c)
{
    cmp_embed_error error;
    const cmp_key key = asking_key(ASKING_KEY, CMP_KEY_ISSUED);
    while (c->running > 0) {
        if (!cmp_embed_key_remove(c->embed, CMP_KEY_ISSUED, ASKING_KEY, NULL) ||
            !cmp_embed_key(c->embed, &key, &error)) {
            abort(); /* it was there, and is one */
        }
        c->changed++;
        cmp_embed_control_turn(c->embed, 1);
    }
}

static void drop_line(void *arg, cmp_log_level level, const char *line)
{
    (void)arg, (void)level, (void)line;
}

static void on_misuse(host *h, const char *service, const char *how)
{
    const trial *tr = ((const cmp_embed *)h->owner)->settings.arg;
    trial_say(tr, RULE_WORKERS, VERDICT_BROKEN, "%s: %s", service, how);
    _exit(TRIAL_GIVEN_UP);
}

static void extend(host *h)
{
    h->misuse = on_misuse;
    servers_services(h);
}

static cmp_embed *open_it(trial *tr, cmp_embed_error *error)
{
    static const char *const prefixes[] = {"2B001"};
    const cmp_peer peers[] = {{.name = CMP_STR("b"),
                               .host = CMP_STR("b.example.net"),
                               .prefixes = prefixes,
                               .prefix_count = 1},
                              {.name = CMP_STR("registry"), .host = CMP_STR("mcr.example.net")}};
    cmp_embed_settings settings = {.size = sizeof(settings),
                                   .flags = CMP_EMBED_NO_REPLAY | CMP_EMBED_ANY_FILE,
                                   .folder = tr->options_folder,
                                   .peers = peers,
                                   .peer_count = 2,
                                   .log = drop_line,
                                   .arg = tr};
    const cmp_key key = asking_key(ASKING_KEY, CMP_KEY_ISSUED),
                  other = asking_key("from-b", CMP_KEY_RECEIVED);
    cmp_embed *e = embed_open(tr->folder, tr->plugin->name, tr->options, &settings, extend, error);
    if (e != NULL && cmp_embed_key(e, &key, error) && cmp_embed_key(e, &other, error)) {
        return e;
    }
    cmp_embed_close(&e);
    return NULL;
}

static void judge(const trial *tr, const asker *all)
{
    const bool asks = (tr->plugin->services & CMP_SERVICE_HTTPS) != 0;
    bool good = true;
    unsigned asked = 0, unavailable = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        good = good && !all[i].refused;
        asked += all[i].asked;
        unavailable += all[i].unavailable;
    }
    if (!good) {
        trial_say(tr, RULE_WORKERS, VERDICT_BROKEN, "not every one of %d workers can be started",
                  WORKERS);
    } else if (unavailable > 0 && !asks) {
        trial_say(tr, RULE_WORKERS, VERDICT_NOTE,
                  "of %u questions that %d workers ask at once, %u are answered with 503", asked,
                  WORKERS, unavailable);
    } else {
        trial_say(tr, RULE_WORKERS, VERDICT_HELD,
                  "%d workers at once ask %u questions, while keys change%s", WORKERS, asked,
                  asks ? " (servers answer with an empty object)" : "");
    }
}

static void ask_all(trial *tr, cmp_embed *e)
{
    asker all[WORKERS];
    crowd c = {.embed = e,
               .plugin = cmp_embed_plugin(e),
               .questions = tr->brief ? BRIEF : QUESTIONS,
               .changes = tr->brief ? 1 : CHANGES,
               .running = WORKERS};
    for (unsigned i = 0; i < WORKERS; i++) {
        all[i] = (asker){.crowd = &c};
        if (pthread_create(&all[i].thread, NULL, run_asker, &all[i]) != 0) {
            abort();
        }
    }
    change_keys(&c);
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(all[i].thread, NULL);
    }
    judge(tr, all);
}

void trial_workers(trial *tr)
{
    cmp_embed_error error;
    cmp_embed *e = open_it(tr, &error);
    if (e == NULL) {
        trial_say(tr, RULE_WORKERS, VERDICT_NOT_SEEN, "%s", error.text);
        return;
    }
    ask_all(tr, e);
    cmp_embed_close(&e);
}
