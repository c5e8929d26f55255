/* SPDX-License-Identifier: Apache-2.0 */
/* A trial of several workers at once, on threads of their own, by libcmp-embed's host:
 * libcmp-test's has one thread. */
#include "asking.h"
#include "trial.h"

#include <cmp-embed/embed.h>
#include <cmp-kit/memory.h>
#include <cmp-kit/uuid.h>

#include <pthread.h>
#include <stdlib.h>

#define WORKERS   4
#define QUESTIONS 500
#define BRIEF     20

typedef struct asker {
    pthread_t thread;
    cmp_embed *embed;
    const cmp_plugin *plugin;
    unsigned questions;
    unsigned unavailable; /* answers with 503 */
    bool refused;         /* it could not be attached */
} asker;

static int ask_one(const asker *a, cmp_embed_worker *w, unsigned number)
{
    static const cmp_str ici = CMP_STR("2B001-A-1");
    char tid[KIT_UUID_TEXT_SIZE];
    kit_uuid_v7_make(INT64_C(1700000000000) + number, tid);
    const cmp_pair params[] = {{CMP_STR("tid"), {tid, sizeof(tid)}}, {CMP_STR("ici"), ici}};
    cmp_embed_request request = CMP_EMBED_REQUEST;
    request.params = params;
    request.param_count = 2;
    request.requestor = CMP_STR("b");
    cmp_embed_answer answer = CMP_EMBED_ANSWER;
    switch (a->plugin->kind) {
    case CMP_PLUGIN_AUTH:
        request.requestor = CMP_NONE;
        return cmp_embed_verify(w, &request, &answer);
    case CMP_PLUGIN_STORE:
        return cmp_embed_lookup(w, ici, &request, &answer);
    case CMP_PLUGIN_ROUTE:
        break;
    }
    return cmp_embed_route(w, CMP_ROUTE_ABSENT, CMP_NONE, &request, &answer);
}

static void *run_asker(void *arg)
{
    asker *a = arg;
    cmp_embed_error error;
    cmp_embed_worker *w = cmp_embed_attach(a->embed, &error);
    a->refused = w == NULL;
    for (unsigned i = 0; w != NULL && i < a->questions; i++) {
        a->unavailable += ask_one(a, w, i) == 503;
    }
    cmp_embed_detach(&w);
    return NULL;
}

static void drop_line(void *arg, cmp_log_level level, const char *line)
{
    (void)arg, (void)level, (void)line;
}

static cmp_embed *open_it(const trial *tr, cmp_embed_error *error)
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
                                   .log = drop_line};
    const cmp_key key = asking_key(ASKING_KEY, CMP_KEY_ISSUED),
                  other = asking_key("from-b", CMP_KEY_RECEIVED);
    cmp_embed *e = cmp_embed_open(tr->folder, tr->plugin->name, tr->options, &settings, error);
    if (e != NULL && cmp_embed_key(e, &key, error) && cmp_embed_key(e, &other, error)) {
        return e;
    }
    cmp_embed_close(&e);
    return NULL;
}

static void ask_all(trial *tr, cmp_embed *e)
{
    asker all[WORKERS];
    bool good = true;
    unsigned asked = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        all[i] = (asker){.embed = e,
                         .plugin = cmp_embed_plugin(e),
                         .questions = tr->brief ? BRIEF : QUESTIONS};
        if (pthread_create(&all[i].thread, NULL, run_asker, &all[i]) != 0) {
            abort();
        }
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(all[i].thread, NULL);
        good = good && !all[i].refused;
        asked += all[i].questions;
    }
    if (good) {
        trial_say(tr, RULE_WORKERS, VERDICT_HELD, "%d workers at once ask %u questions", WORKERS,
                  asked);
    } else {
        trial_say(tr, RULE_WORKERS, VERDICT_BROKEN, "not every one of %d workers can be started",
                  WORKERS);
    }
}

void trial_workers(trial *tr)
{
    cmp_embed_error error;
    if ((tr->plugin->services & ~cmp_embed_services()) != 0) {
        trial_say(tr, RULE_WORKERS, VERDICT_NOTE,
                  "not tried: it needs HTTPS, which the host of several threads lacks");
        return;
    }
    cmp_embed *e = open_it(tr, &error);
    if (e == NULL) {
        trial_say(tr, RULE_WORKERS, VERDICT_NOT_SEEN, "%s", error.text);
        return;
    }
    ask_all(tr, e);
    cmp_embed_close(&e);
}
