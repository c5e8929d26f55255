/* SPDX-License-Identifier: Apache-2.0 */
/* See pipeline_rig.h. */
#include "pipeline_rig.h"

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/codes.h"
#include "pipeline/services.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static int scripted(rig_plugin *p, cmp_op op, const void *answer)
{
    p->asked++;
    if (p->look != NULL) {
        p->look(p, op);
    }
    switch (p->how) {
    case RIG_AT_ONCE:
    case RIG_BLOCKING:
        return p->verdict;
    case RIG_BLOCKING_COMPLETES:
        p->saw = p->host->txn_param(p->host, op, CMP_PARAM_ICI).at != NULL;
        p->host->complete(p->host, op, p->verdict, answer);
        return p->verdict;
    case RIG_INSIDE:
        p->host->complete(p->host, op, p->verdict, answer);
        return 0;
    case RIG_LATER:
        p->op = op;
        break;
    }
    return 0;
}

static cmp_auth_verdict rig_verify(void *self, void *state, cmp_op op, cmp_auth_answer *answer)
{
    (void)state;
    rig_plugin *p = self;
    *answer = p->auth;
    return (cmp_auth_verdict)scripted(p, op, &p->auth);
}

static cmp_store_verdict rig_lookup(void *self, void *state, cmp_str ici, cmp_op op,
                                    cmp_record *record)
{
    (void)state, (void)ici;
    rig_plugin *p = self;
    *record = p->record;
    return (cmp_store_verdict)scripted(p, op, &p->record);
}

static cmp_route_verdict rig_route(void *self, void *state, cmp_route_reason reason, cmp_str target,
                                   cmp_op op, cmp_route_answer *answer)
{
    (void)state;
    rig_plugin *p = self;
    *answer = p->route;
    p->reason = reason;
    p->target = target;
    return (cmp_route_verdict)scripted(p, op, &p->route);
}

static void rig_cancel(void *self, void *state, cmp_op op, void *data)
{
    (void)state, (void)op, (void)data;
    ((rig_plugin *)self)->cancelled++;
}

static void rig_turn_end(void *self, void *state)
{
    (void)state;
    ((rig_plugin *)self)->turn_ends++;
}

static void rig_prefetch(void *self, void *state, cmp_str ici)
{
    (void)state;
    ((rig_plugin *)self)->prefetched += ici.size > 0;
}

static const cmp_auth_ops auth_ops = {.size = sizeof(auth_ops),
                                      .verify = rig_verify,
                                      .cancel = rig_cancel};
static const cmp_store_ops store_ops = {.size = sizeof(store_ops),
                                        .lookup = rig_lookup,
                                        .cancel = rig_cancel,
                                        .prefetch = rig_prefetch,
                                        .turn_end = rig_turn_end};
static const cmp_route_ops route_ops = {.size = sizeof(route_ops),
                                        .route = rig_route,
                                        .cancel = rig_cancel};

/* ---- the front ---- */

static char *front_body_alloc(txn *t, size_t size)
{
    rig *r = t->front_data;
    if (size >= sizeof(r->body)) {
        abort();
    }
    return r->body;
}

static void front_send(txn *t, const txn_answer *a)
{
    rig *r = t->front_data;
    r->answers++;
    r->status = a->status;
    r->retry_after_s = a->retry_after_s;
    r->body[a->body_size] = '\0';
}

static void front_keep(txn *t)
{
    ((rig *)t->front_data)->kept++;
}

static const front_ops front = {.body_alloc = front_body_alloc,
                                .send = front_send,
                                .keep = front_keep};

/* ---- the rig ---- */

static void plugin_init(rig *r, size_t at, rig_plugin *p, cmp_plugin_kind kind, int verdict)
{
    p->descriptor.name = "scripted";
    p->descriptor.kind = kind;
    p->verdict = verdict;
    p->record = CMP_RECORD_INIT;
    p->route.record = &p->record;
    if (kind == CMP_PLUGIN_AUTH) {
        p->auth_ops = auth_ops;
        p->descriptor.ops.auth = &p->auth_ops;
    } else if (kind == CMP_PLUGIN_STORE) {
        p->descriptor.ops.store = &store_ops;
    } else {
        p->descriptor.ops.route = &route_ops;
    }
    r->instance_list[at] = &r->instances[at];
    r->instances[at] = (instance){.plugin = &p->descriptor,
                                  .running = running_owner_of(p->descriptor.name, "fake"),
                                  .name = "scripted",
                                  .self = p,
                                  .worker_state = calloc(1, sizeof(void *)),
                                  .loads = instance_loads_make(1),
                                  .site = &r->site};
    pipeline_services(&r->instances[at].host);
    r->instances[at].host.core = &r->instances[at];
    instance_count_begin(&r->instances[at]);
    p->host = &r->instances[at].host;
}

static void conf_init(rig *r)
{
    static const char *const own[] = {"1A0F1"};
    static const char *const theirs[] = {"2B001"};
    static const char *const forward_to[] = {"c"};
    r->peer_rows[0] =
        (conf_peer){.name = "b",
                    .allow = {.interfaces = ~UINT64_C(0), .forward_to = {forward_to, 1}}};
    r->peer_rows[1] = (conf_peer){.name = "c",
                                  .host = "c.example.net",
                                  .prefixes = {theirs, 1},
                                  .allow = {.interfaces = 0}};
    conf_top *top = &r->conf.top;
    top->log.requests = (conf_request_log){.level = CMP_LOG_INFO, .sample = 1};
    top->cmp = (conf_cmp){.host = "a.example.net", .prefixes = {own, 1}};
    top->peers = (cmp_rows){r->peer_rows, 2};
    top->limits.transactions = 100;
    top->limits.codes_list_bytes = 8192;
    top->resolve.max_hops = 8;
    top->resolve.deadline_ms = 60000;
    top->resolve.ttl_s = 300;
}

static void on_let_go(void *g)
{
    ((generation *)g)->tenures++; /* how often */
}

void rig_init(rig *r)
{
    memset(r, 0, sizeof(*r));
    conf_init(r);
    for (size_t i = 0; i < RIG_PLUGINS; i++) {
        plugin_init(r, i, &r->auth[i], CMP_PLUGIN_AUTH, CMP_AUTH_ACCEPT);
        plugin_init(r, RIG_PLUGINS + i, &r->stores[i], CMP_PLUGIN_STORE, CMP_STORE_ABSENT);
        plugin_init(r, 2 * RIG_PLUGINS + i, &r->routes[i], CMP_PLUGIN_ROUTE, CMP_ROUTE_DECLINE);
        r->auth[i].auth.peer = CMP_STR("b");
        r->auth_chain[i] = &r->instances[i];
        r->store_chain[i] = &r->instances[RIG_PLUGINS + i];
        r->route_chain[i] = &r->instances[2 * RIG_PLUGINS + i];
    }
    r->listener = (listener){.name = CMP_STR("peers"), .auth = {r->auth_chain, 1}};
    r->generation = (generation){.conf = &r->conf,
                                 .peers = peers_create(&r->conf.top),
                                 .instances = r->instance_list,
                                 .instance_count = 3 * RIG_PLUGINS,
                                 .stores = {r->store_chain, 1},
                                 .routes = {r->route_chain, 0},
                                 .ways = r->ways,
                                 .host = CMP_STR("a.example.net")};
    r->loop = loop_create();
    const replay_options options = {.window_ms = 60000,
                                    .size_bytes = 1 << 20,
                                    .quota_percent = 100};
    r->process = (process){.control = r->loop,
                           .let_go = on_let_go,
                           .replay = replay_create(&options),
                           .referrals = referrals_create(16),
                           .pool = pool_create(1, 4)};
    pthread_mutex_init(&r->generation.keyring_lock, NULL);
    worker_init(&r->worker, 0, r->loop, &r->process);
    worker_take(&r->worker, &r->generation);
}

void rig_use(rig *r, size_t auths, size_t stores, size_t routes)
{
    r->listener.auth.count = auths;
    r->generation.stores.count = stores;
    r->generation.routes.count = routes;
    rig_plugin *const all[] = {r->auth, r->stores, r->routes};
    for (size_t kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < RIG_PLUGINS; i++) {
            const bool blocks = all[kind][i].how >= RIG_BLOCKING;
            all[kind][i].descriptor.flags = blocks ? CMP_PLUGIN_BLOCKING : 0;
        }
    }
}

void rig_dispose(rig *r)
{
    pool_destroy(&r->process.pool, 5000);
    loop_run_posted(r->loop);
    if (worker_under_way(&r->worker) != 0) {
        abort(); /* a transaction was left behind */
    }
    worker_let_go(&r->worker);
    worker_disconnect(&r->worker);
    txn_free_idle(&r->worker);
    worker_dispose(&r->worker);
    loop_destroy(&r->loop);
    replay_destroy(&r->process.replay);
    referrals_destroy(&r->process.referrals);
    peers_unref(&r->generation.peers);
    for (size_t i = 0; i < sizeof(r->instances) / sizeof(r->instances[0]); i++) {
        peers_unref(&r->instances[i].peers);
        free(r->instances[i].worker_state);
        free(r->instances[i].loads);
    }
}

int rig_set_up(void **state)
{
    log_setup(CMP_LOG_ERROR, LOG_TEXT);
    rig_init(*state);
    return 0;
}

int rig_tear_down(void **state)
{
    rig_dispose(*state);
    return 0;
}

void rig_ask(rig *r, const char *text)
{
    rig_send(r, CARRIAGE_FORM, cmp_str_from(text));
}

static txn *rig_open(rig *r)
{
    txn *t = pipeline_open(&r->worker, r->worker.tenure, &r->listener);
    t->front = &front;
    t->front_data = r;
    t->request.now_ms = clock_now_ms();
    t->begun_us = clock_monotonic_us();
    t->request.headers = r->headers;
    t->request.header_count = r->header_count;
    t->request.certificate = r->certificate;
    r->last = t;
    return t;
}

void rig_send(rig *r, carriage how, cmp_str text)
{
    txn *t = rig_open(r);
    t->carriage = how;
    t->text = text;
    pipeline_run(t);
}

void rig_send_list(rig *r, cmp_str bearer, cmp_str body)
{
    txn *t = rig_open(r);
    t->purpose = PURPOSE_CODES;
    t->request.interface = CMP_INTERFACE_CODES;
    t->request.message.params[CMP_PARAM_TID] = CMP_STR("t-1");
    t->codes = kit_arena_calloc(&t->memory, 1, sizeof(*t->codes));
    t->codes->operation = CODES_LOOKUP;
    t->codes->bearer = bearer;
    t->text = body;
    pipeline_run(t);
}

void rig_expect(const rig *r, int status, const char *part)
{
    if (r->status != status || strstr(r->body, part) == NULL) {
        fail_msg("got %d %s, wanted %d with %s", r->status, r->body, status, part);
    }
}

void rig_complete(rig_plugin *p)
{
    const cmp_op op = p->op;
    p->op = CMP_OP_NONE;
    const void *answer = p->descriptor.kind == CMP_PLUGIN_AUTH    ? (const void *)&p->auth
                         : p->descriptor.kind == CMP_PLUGIN_STORE ? (const void *)&p->record
                                                                  : (const void *)&p->route;
    p->host->complete(p->host, op, p->verdict, answer);
}

void rig_wait_answer(rig *r)
{
    const unsigned before = r->answers;
    while (r->answers == before) {
        loop_turn(r->loop);
    }
}

unsigned rig_executed(const rig *r)
{
    unsigned asked = 0;
    for (size_t i = 0; i < RIG_PLUGINS; i++) {
        asked += r->stores[i].asked + r->routes[i].asked;
    }
    return asked;
}
