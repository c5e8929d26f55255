/* SPDX-License-Identifier: Apache-2.0 */
/* The fake host of plugin tests: every service of struct cmp_host, on the test's own thread.
 * Nothing here knows the daemon; only records are read and written by the real functions. */
#include "fake_host.h"

#include "mc/record.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void die(const char *what, const char *text)
{
    fprintf(stderr, "fake host: %s: %s\n", what, text);
    abort();
}

static fake_host *host_of(const cmp_host *host)
{
    return host->core;
}

/* ---- texts ---- */

static void texts_add(fake_texts *t, const char *key, const char *format, va_list args)
{
    const char *colon = key != NULL ? ": " : "";
    const size_t room = sizeof(t->text) - t->used;
    int size = snprintf(t->text + t->used, room, "%s%s", key != NULL ? key : "", colon);
    if (size >= 0 && (size_t)size < room) {
        size += vsnprintf(t->text + t->used + size, room - (size_t)size, format, args);
    }
    if (size < 0 || (size_t)size + 1 >= room) {
        die("texts full", t->text);
    }
    t->used += (size_t)size;
    t->text[t->used++] = '\n';
    t->text[t->used] = '\0';
    t->count++;
}

static void texts_clear(fake_texts *t)
{
    t->used = 0;
    t->count = 0;
    t->text[0] = '\0';
}

static void fake_log(const cmp_host *host, cmp_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    texts_add(&host_of(host)->log[level], NULL, format, args);
    va_end(args);
}

static void fake_report(cmp_report *report, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    texts_add((fake_texts *)report, key, format, args);
    va_end(args);
}

void fake_host_expect_log(fake_host *f, cmp_log_level level, const char *part)
{
    if (strstr(f->log[level].text, part) == NULL) {
        fprintf(stderr, "logged at that level:\n%s", f->log[level].text);
        die("was not logged", part);
    }
    texts_clear(&f->log[level]);
}

bool fake_host_reported(const fake_host *f, const char *part)
{
    return strstr(f->report.text, part) != NULL;
}

void fake_host_report_clear(fake_host *f)
{
    texts_clear(&f->report);
}

/* ---- clock, random, counters ---- */

static int64_t fake_now_ms(const cmp_host *host)
{
    return host_of(host)->now_ms;
}

static void fake_random(const cmp_host *host, void *at, size_t size)
{
    uint8_t *to = at;
    for (size_t i = 0; i < size; i++) {
        uint64_t z = host_of(host)->random_state += 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        to[i] = (uint8_t)(z >> 32);
    }
}

static unsigned fake_counter_add(const cmp_host *host, const char *name, const char *help)
{
    fake_host *f = host_of(host);
    if (f->counter_count == FAKE_COUNTERS_MAX) {
        die("too many counters", name);
    }
    f->counters[f->counter_count] = (fake_counter){name, help, 0};
    return f->counter_count++;
}

static void fake_count(const cmp_host *host, unsigned counter, uint64_t add)
{
    if (counter >= host_of(host)->counter_count) {
        die("count", "no such counter");
    }
    host_of(host)->counters[counter].value += add;
}

static void fake_gauge_set(const cmp_host *host, unsigned gauge, int64_t value)
{
    fake_count(host, gauge, (uint64_t)value - host_of(host)->counters[gauge].value);
}

static void fake_gauge_add(const cmp_host *host, unsigned gauge, int64_t add)
{
    fake_count(host, gauge, (uint64_t)add);
}

static unsigned fake_histogram(const cmp_host *host, const char *name, const char *help,
                               const int64_t *bounds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && bounds[i] <= bounds[i - 1]) {
            die("histogram", "its bounds do not grow");
        }
    }
    return fake_counter_add(host, name, help);
}

static void fake_observe(const cmp_host *host, unsigned histogram, int64_t value)
{
    (void)value;
    fake_count(host, histogram, 1);
}

static void fake_health(const cmp_host *host, cmp_health health, const char *why)
{
    if ((health == CMP_HEALTH_OK) != (why == NULL)) {
        die("health", "why says what is wrong, and is NULL with OK");
    }
    fake_host *f = host_of(host);
    f->health = health;
    snprintf(f->why, sizeof(f->why), "%s", why != NULL ? why : "");
}

static void fake_command_done(const cmp_host *host, uint64_t id, bool good, const char *format, ...)
{
    fake_host *f = host_of(host);
    if (id != FAKE_COMMAND || f->command_state == FAKE_COMMAND_NONE) {
        die("command_done", "nobody waits for that id");
    }
    if (f->command_state != FAKE_COMMAND_PENDING) {
        die("command_done", "it was ended before");
    }
    va_list args;
    va_start(args, format);
    vsnprintf(f->told, sizeof(f->told), format, args);
    va_end(args);
    f->command_state = good ? FAKE_COMMAND_GOOD : FAKE_COMMAND_BAD;
}

uint64_t fake_host_command(fake_host *f)
{
    f->command_state = FAKE_COMMAND_PENDING;
    return FAKE_COMMAND;
}

uint64_t fake_host_counted(const fake_host *f, const char *name)
{
    for (unsigned i = 0; i < f->counter_count; i++) {
        if (strcmp(f->counters[i].name, name) == 0) {
            return f->counters[i].value;
        }
    }
    die("no such counter", name);
    return 0;
}

static bool fake_record_parse(const cmp_host *host, const char *json, size_t size,
                              void *(*alloc)(void *arg, size_t size), void *arg, cmp_str *ici,
                              cmp_record *record, char *error, size_t error_size)
{
    (void)host;
    return record_parse(json, size, alloc, arg, ici, record, error, error_size);
}

static size_t fake_record_write(const cmp_host *host, cmp_str ici, const cmp_record *record,
                                char *json, size_t room)
{
    (void)host;
    return record_write(ici, record, json, room);
}

static void changed_add(fake_texts *t, const char *format, ...) CMP_PRINTF(2, 3);
static void changed_add(fake_texts *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    texts_add(t, NULL, format, args);
    va_end(args);
}

static void fake_store_changed(const cmp_host *host, cmp_str ici)
{
    if (ici.at == NULL) {
        changed_add(&host_of(host)->changed, "*");
    } else {
        changed_add(&host_of(host)->changed, "%.*s", (int)ici.size, ici.at);
    }
}

/* ---- transactions and operations ---- */

/* A handle is the address of the operation and a number that no two of them have. */
cmp_op fake_op_begin(fake_op *o, cmp_plugin_kind kind, fake_txn *txn)
{
    static _Atomic uint32_t numbers;
    *o = (fake_op){.kind = kind, .txn = txn};
    o->op = (cmp_op){.slot = ++numbers, .generation = (uintptr_t)o};
    return o->op;
}

static fake_op *op_of(cmp_op op, const char *service)
{
    fake_op *o = (fake_op *)(uintptr_t)op.generation;
    if (o == NULL || o->op.slot != op.slot || o->completions > 0) {
        die(service, "the operation is over");
    }
    return o;
}

static cmp_str fake_txn_param(const cmp_host *host, cmp_op op, cmp_param param)
{
    (void)host;
    return op_of(op, "txn_param")->txn->params[param];
}

static const cmp_pair *fake_txn_contextual(const cmp_host *host, cmp_op op, size_t index)
{
    (void)host;
    const fake_txn *txn = op_of(op, "txn_contextual")->txn;
    return index < txn->contextual_count ? &txn->contextual[index] : NULL;
}

static const uint8_t *fake_txn_source_of(const cmp_host *host, cmp_op op)
{
    (void)host;
    return op_of(op, "txn_source")->txn->source;
}

static cmp_str fake_txn_listener(const cmp_host *host, cmp_op op)
{
    (void)host;
    return op_of(op, "txn_listener")->txn->listener;
}

static cmp_interface fake_txn_interface(const cmp_host *host, cmp_op op)
{
    (void)host;
    return op_of(op, "txn_interface")->txn->interface;
}

static cmp_str fake_txn_peer(const cmp_host *host, cmp_op op)
{
    (void)host;
    return op_of(op, "txn_peer")->txn->peer;
}

static int64_t fake_txn_now_ms(const cmp_host *host, cmp_op op)
{
    (void)host;
    return op_of(op, "txn_now_ms")->txn->now_ms;
}

static cmp_str find_pair(const cmp_pair *pairs, size_t count, const char *name, size_t *at)
{
    for (*at = 0; *at < count; ++*at) {
        if (cmp_str_equal(pairs[*at].name, cmp_str_from(name))) {
            return pairs[*at].value;
        }
    }
    return CMP_NONE;
}

static cmp_str fake_txn_header(const cmp_host *host, cmp_op op, const char *name)
{
    const fake_txn *txn = op_of(op, "txn_header")->txn;
    const char *const *asked = host_of(host)->plugin->ops.auth->headers;
    while (asked != NULL && *asked != NULL && strcmp(*asked, name) != 0) {
        asked++;
    }
    if (asked == NULL || *asked == NULL) {
        die("txn_header: not asked for", name);
    }
    size_t at;
    return find_pair(txn->headers, txn->header_count, name, &at);
}

static const cmp_certificate *fake_txn_certificate(const cmp_host *host, cmp_op op)
{
    if ((host_of(host)->plugin->ops.auth->wants & CMP_AUTH_CERTIFICATE) == 0) {
        die("txn_certificate", "it does not say that it wants it");
    }
    return op_of(op, "txn_certificate")->txn->certificate;
}

static cmp_str fake_txn_consume(const cmp_host *host, cmp_op op, const char *name)
{
    (void)host;
    fake_txn *txn = op_of(op, "txn_consume")->txn;
    size_t at;
    const cmp_str value = find_pair(txn->contextual, txn->contextual_count, name, &at);
    txn->consumed |= at < txn->contextual_count ? UINT32_C(1) << at : 0;
    return value;
}

static void *fake_txn_alloc(const cmp_host *host, cmp_op op, size_t size)
{
    (void)host;
    return kit_arena_alloc(&op_of(op, "txn_alloc")->txn->memory, size);
}

static void fake_op_data(const cmp_host *host, cmp_op op, void *data)
{
    (void)host;
    op_of(op, "op_data")->data = data;
}

void fake_txn_init(fake_txn *txn, const fake_host *f)
{
    *txn = (fake_txn){.now_ms = f->now_ms, .listener = CMP_STR("peers")};
    kit_arena_init(&txn->memory, NULL, 0);
    fake_txn_source(txn, "127.0.0.1");
}

void fake_txn_dispose(fake_txn *txn)
{
    kit_arena_reset(&txn->memory);
}

void fake_txn_source(fake_txn *txn, const char *address)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    if (inet_pton(AF_INET6, address, txn->source) == 1) {
        return;
    }
    memcpy(txn->source, mapped, sizeof(mapped));
    if (inet_pton(AF_INET, address, txn->source + sizeof(mapped)) != 1) {
        die("no address", address);
    }
}

static void fake_complete(const cmp_host *host, cmp_op op, int verdict, const void *answer)
{
    (void)host;
    fake_op *o = op_of(op, "complete");
    o->completions++;
    o->verdict = verdict;
    if (answer == NULL) {
        return;
    }
    switch (o->kind) {
    case CMP_PLUGIN_AUTH:
        o->answer.auth = *(const cmp_auth_answer *)answer;
        break;
    case CMP_PLUGIN_STORE:
        o->answer.record = *(const cmp_record *)answer;
        break;
    case CMP_PLUGIN_ROUTE:
        o->answer.route = *(const cmp_route_answer *)answer;
        break;
    }
}

/* ---- timers ---- */

static cmp_timer *fake_timer_start(cmp_loop *loop, uint64_t delay_ms, void (*run)(void *arg),
                                   void *arg)
{
    fake_host *f = loop->owner;
    for (unsigned i = 0; i < FAKE_TIMERS_MAX; i++) {
        if (f->timers[i].run == NULL) {
            f->timers[i] =
                (cmp_timer){f, run, arg, f->now_ms + (int64_t)delay_ms, f->timer_order++};
            return &f->timers[i];
        }
    }
    die("timer_start", "too many timers");
    return NULL;
}

static void fake_timer_stop(cmp_timer *timer)
{
    if (timer->run == NULL) {
        die("timer_stop", "it has fired or was stopped");
    }
    timer->run = NULL;
}

/* The timer that fires next, if it is due at `until_ms`. */
static cmp_timer *timer_next(fake_host *f, int64_t until_ms)
{
    cmp_timer *next = NULL;
    for (unsigned i = 0; i < FAKE_TIMERS_MAX; i++) {
        cmp_timer *t = &f->timers[i];
        if (t->run == NULL || t->due_ms > until_ms) {
            continue;
        }
        if (next == NULL || t->due_ms < next->due_ms ||
            (t->due_ms == next->due_ms && t->order < next->order)) {
            next = t;
        }
    }
    return next;
}

void fake_host_advance(fake_host *f, int64_t ms)
{
    const int64_t until_ms = f->now_ms + ms;
    for (cmp_timer *t = timer_next(f, until_ms); t != NULL; t = timer_next(f, until_ms)) {
        void (*run)(void *arg) = t->run;
        if (t->due_ms > f->now_ms) {
            f->now_ms = t->due_ms;
        }
        t->run = NULL; /* free before the call: the callback may start it again */
        run(t->arg);
    }
    f->now_ms = until_ms;
}

unsigned fake_host_timers(const fake_host *f)
{
    unsigned count = 0;
    for (unsigned i = 0; i < FAKE_TIMERS_MAX; i++) {
        count += f->timers[i].run != NULL;
    }
    return count;
}

/* ---- watches and jobs ---- */

static cmp_watch *fake_watch_start(cmp_loop *loop, int fd, void (*run)(void *arg), void *arg)
{
    fake_host *f = loop->owner;
    for (unsigned i = 0; i < FAKE_WATCHES_MAX; i++) {
        if (f->watches[i].run == NULL) {
            f->watches[i] = (cmp_watch){.run = run, .arg = arg, .fd = fd};
            return &f->watches[i];
        }
    }
    die("watch_start", "too many watches");
    return NULL;
}

static void fake_watch_stop(cmp_watch *watch)
{
    if (watch->run == NULL) {
        die("watch_stop", "it was stopped");
    }
    watch->run = NULL;
}

static void fake_watch_write(cmp_watch *watch, void (*run)(void *arg))
{
    watch->run_write = run;
}

/* Either call may stop the watch, and start another one in its place. */
static void watch_ready(cmp_watch *watch, short events)
{
    void (*run_write)(void *arg) = watch->run_write;
    if (events & POLLNVAL) {
        die("watch", "its descriptor was closed");
    }
    if ((events & (POLLOUT | POLLERR | POLLHUP)) != 0 && run_write != NULL) {
        watch->run_write = NULL;
        run_write(watch->arg);
        return; /* what can be read will be seen at the next turn */
    }
    if ((events & (POLLIN | POLLERR | POLLHUP)) != 0) {
        watch->run(watch->arg);
    }
}

static void job_run(fake_host *f, const fake_job *job)
{
    if (job->run != NULL) {
        job->run(f->instance, f->worker, job->arg);
        return;
    }
    job->work(job->arg);
    job->done(job->arg);
}

static void job_add(fake_host *f, fake_job job)
{
    if (!f->deferred) {
        job_run(f, &job);
        return;
    }
    if (f->job_count == FAKE_JOBS_MAX) {
        die("jobs", "too many");
    }
    f->jobs[f->job_count++] = job;
}

static bool fake_offload(const cmp_host *host, cmp_loop *loop, void (*work)(void *arg),
                         void (*done)(void *arg), void *arg)
{
    (void)loop;
    if (host_of(host)->pool_full) {
        return false;
    }
    job_add(host_of(host), (fake_job){.work = work, .done = done, .arg = arg});
    return true;
}

static unsigned fake_workers_call(const cmp_host *host,
                                  void (*run)(void *instance, void *worker, void *arg), void *arg)
{
    if (!host_of(host)->worker_running) {
        return 0;
    }
    job_add(host_of(host), (fake_job){.run = run, .arg = arg});
    return 1;
}

static void jobs_run(fake_host *f)
{
    while (f->job_count > 0) {
        const fake_job job = f->jobs[0];
        f->job_count--;
        memmove(f->jobs, f->jobs + 1, f->job_count * sizeof(f->jobs[0]));
        job_run(f, &job);
    }
}

void fake_host_run(fake_host *f, int wait_ms)
{
    struct pollfd polled[FAKE_WATCHES_MAX];
    jobs_run(f);
    for (unsigned i = 0; i < FAKE_WATCHES_MAX; i++) {
        const cmp_watch *w = &f->watches[i];
        polled[i] = (struct pollfd){
            .fd = w->run != NULL ? w->fd : -1,
            .events = (short)(w->run_write != NULL ? POLLIN | POLLOUT : POLLIN),
        };
    }
    if (poll(polled, FAKE_WATCHES_MAX, wait_ms) <= 0) {
        return;
    }
    for (unsigned i = 0; i < FAKE_WATCHES_MAX; i++) {
        if (polled[i].revents != 0 && f->watches[i].run != NULL &&
            f->watches[i].fd == polled[i].fd) {
            watch_ready(&f->watches[i], polled[i].revents);
        }
    }
}

/* ---- https ---- */

static cmp_origin *fake_origin_open(const cmp_host *host, const cmp_origin_options *options,
                                    char *error, size_t error_size)
{
    fake_host *f = host_of(host);
    if (f->origin_error != NULL) {
        snprintf(error, error_size, "%s", f->origin_error);
        return NULL;
    }
    if (f->origin.url != NULL) {
        die("origin_open", "one is open already");
    }
    f->origin = (struct cmp_origin){f, strdup(options->url), *options};
    return &f->origin;
}

static void fake_origin_close(cmp_origin *origin)
{
    if (origin->url == NULL || origin->owner->call_count > 0) {
        die("origin_close", origin->url == NULL ? "it is closed" : "a request is under way");
    }
    free(origin->url);
    origin->url = NULL;
}

static cmp_call *fake_https_start(const cmp_host *host, cmp_loop *loop, cmp_origin *origin,
                                  const cmp_https_request *request,
                                  void (*done)(void *arg, const cmp_https_answer *answer),
                                  void *arg)
{
    (void)loop;
    fake_host *f = host_of(host);
    if (origin->url == NULL || request->header_count > FAKE_HEADERS_MAX) {
        die("https_start", "no server, or too many headers");
    }
    cmp_call *c = f->calls;
    while (c < f->calls + FAKE_CALLS_MAX && c->done != NULL) {
        c++;
    }
    if (c == f->calls + FAKE_CALLS_MAX) {
        die("https_start", "too many requests");
    }
    *c = (cmp_call){.owner = f, .done = done, .arg = arg, .request = *request};
    kit_arena_init(&c->memory, NULL, 0);
    cmp_https_request *r = &c->request;
    cmp_str *const texts[] = {&r->path, &r->content_type, &r->body, &r->accept, &r->authorization};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = kit_arena_copy(&c->memory, *texts[i]);
    }
    for (size_t i = 0; i < r->header_count; i++) {
        c->headers[i] = (cmp_pair){kit_arena_copy(&c->memory, request->headers[i].name),
                                   kit_arena_copy(&c->memory, request->headers[i].value)};
    }
    r->headers = c->headers;
    f->call_order[f->call_count++] = c;
    return c;
}

static void call_end(cmp_call *call)
{
    fake_host *f = call->owner;
    unsigned at = 0;
    while (at < f->call_count && f->call_order[at] != call) {
        at++;
    }
    if (at == f->call_count) {
        die("https", "the request has ended already");
    }
    f->call_count--;
    memmove(&f->call_order[at], &f->call_order[at + 1],
            (f->call_count - at) * sizeof(f->call_order[0]));
    kit_arena_reset(&call->memory);
    call->done = NULL;
}

void fake_host_answer(fake_host *f, const cmp_https_answer *answer)
{
    if (f->call_count == 0) {
        die("answer", "no request is under way");
    }
    cmp_call *call = f->call_order[0];
    void (*done)(void *arg, const cmp_https_answer *answer) = call->done;
    void *arg = call->arg;
    call_end(call); /* the plugin may start the next one from within */
    done(arg, answer);
}

/* ---- keys and peers ---- */

/* A key is gone when its visit is over: what a plugin keeps of it, it has to have copied. */
static void show_key(const cmp_key *key, void (*visit)(const cmp_key *key, void *arg), void *arg)
{
    const size_t size = key->id.size + key->peer.size + key->secret_size;
    char *octets = kit_alloc(size);
    cmp_key shown = *key;
    shown.id.at = memcpy(octets, key->id.at, key->id.size);
    shown.peer.at = memcpy(octets + key->id.size, key->peer.at, key->peer.size);
    shown.secret = (uint8_t *)octets + key->id.size + key->peer.size;
    if (key->secret_size > 0) {
        memcpy(octets + key->id.size + key->peer.size, key->secret, key->secret_size);
    }
    visit(&shown, arg);
    explicit_bzero(octets, size);
    free(octets);
}

static void fake_key_each(const cmp_host *host, cmp_key_use use,
                          void (*visit)(const cmp_key *key, void *arg), void *arg)
{
    const fake_host *f = host_of(host);
    for (size_t i = 0; i < f->key_count; i++) {
        if (f->keys[i].use == use) {
            show_key(&f->keys[i], visit, arg);
        }
    }
}

static bool fake_peer_find(const cmp_host *host, cmp_str name, cmp_peer *peer)
{
    const fake_host *f = host_of(host);
    for (size_t i = 0; i < f->peer_count; i++) {
        if (cmp_str_equal(f->peers[i].name, name)) {
            *peer = f->peers[i];
            return true;
        }
    }
    return false;
}

static void fake_peer_each(const cmp_host *host, void (*visit)(const cmp_peer *peer, void *arg),
                           void *arg)
{
    const fake_host *f = host_of(host);
    for (size_t i = 0; i < f->peer_count; i++) {
        visit(&f->peers[i], arg);
    }
}

/* ---- the host's life ---- */

void fake_host_init(fake_host *f)
{
    memset(f, 0, sizeof(*f));
    f->now_ms = 1700000000000;
    f->loop.owner = f;
    f->table = (cmp_host){
        .size = sizeof(cmp_host),
        .core = f,
        .services = CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD | CMP_SERVICE_KEYRING |
                    CMP_SERVICE_PEERS | CMP_SERVICE_HTTPS,
        .log = fake_log,
        .now_ms = fake_now_ms,
        .random = fake_random,
        .report = fake_report,
        .counter = fake_counter_add,
        .count = fake_count,
        .gauge = fake_counter_add,
        .gauge_set = fake_gauge_set,
        .gauge_add = fake_gauge_add,
        .histogram = fake_histogram,
        .observe = fake_observe,
        .health = fake_health,
        .record_parse = fake_record_parse,
        .record_write = fake_record_write,
        .store_changed = fake_store_changed,
        .txn_param = fake_txn_param,
        .txn_contextual = fake_txn_contextual,
        .txn_source = fake_txn_source_of,
        .txn_listener = fake_txn_listener,
        .txn_interface = fake_txn_interface,
        .txn_peer = fake_txn_peer,
        .txn_now_ms = fake_txn_now_ms,
        .txn_header = fake_txn_header,
        .txn_certificate = fake_txn_certificate,
        .txn_consume = fake_txn_consume,
        .txn_alloc = fake_txn_alloc,
        .op_data = fake_op_data,
        .complete = fake_complete,
        .timer_start = fake_timer_start,
        .timer_stop = fake_timer_stop,
        .watch_start = fake_watch_start,
        .watch_stop = fake_watch_stop,
        .watch_write = fake_watch_write,
        .workers_call = fake_workers_call,
        .offload = fake_offload,
        .command_done = fake_command_done,
        .origin_open = fake_origin_open,
        .origin_close = fake_origin_close,
        .https_start = fake_https_start,
        .https_cancel = call_end,
        .key_each = fake_key_each,
        .peer_find = fake_peer_find,
        .peer_each = fake_peer_each,
        .folder = ".",
    };
}

void fake_host_dispose(fake_host *f)
{
    if (f->log[CMP_LOG_ERROR].count > 0 || f->log[CMP_LOG_WARNING].count > 0) {
        die("logged and not expected", f->log[CMP_LOG_ERROR].count > 0
                                           ? f->log[CMP_LOG_ERROR].text
                                           : f->log[CMP_LOG_WARNING].text);
    }
    for (unsigned i = 0; i < FAKE_WATCHES_MAX; i++) {
        if (f->watches[i].run != NULL) {
            die("left behind", "a watch");
        }
    }
    if (f->origin.url != NULL || f->call_count > 0) {
        die("left behind", "a server or a request");
    }
    if (fake_host_timers(f) > 0 || f->job_count > 0) {
        die("left behind", "a timer or a job");
    }
}

void *fake_host_open(fake_host *f, const cmp_plugin *plugin, const void *options)
{
    if (plugin->choose != NULL) {
        plugin = plugin->choose(&f->table, options, fake_report_of(f));
        if (plugin == NULL) {
            return NULL;
        }
    }
    f->plugin = plugin;
    if (plugin->check != NULL) {
        plugin->check(&f->table, options, fake_report_of(f));
        if (f->report.count > 0) {
            return NULL;
        }
    }
    f->instance = plugin->create(&f->table, options, NULL, fake_report_of(f));
    if (f->instance == NULL) {
        if (f->report.count == 0) {
            die("create", "failed and did not say why");
        }
        f->counter_count = 0;
        return NULL;
    }
    if (f->table.purpose == CMP_PURPOSE_CHECK) {
        return f->instance;
    }
    if (plugin->start != NULL) {
        plugin->start(f->instance, &f->loop);
    }
    if (plugin->worker_start != NULL && (plugin->flags & CMP_PLUGIN_BLOCKING) == 0) {
        f->worker = plugin->worker_start(f->instance, &f->loop);
    }
    f->worker_running = true;
    return f->instance;
}

void fake_host_close(fake_host *f)
{
    if (f->instance == NULL) {
        return;
    }
    jobs_run(f);
    if (f->worker_running && f->plugin->worker_stop != NULL &&
        (f->plugin->flags & CMP_PLUGIN_BLOCKING) == 0) {
        f->plugin->worker_stop(f->instance, f->worker);
    }
    f->worker_running = false;
    f->worker = NULL;
    f->plugin->destroy(f->instance);
    f->instance = NULL;
}
