/* SPDX-License-Identifier: Apache-2.0 */
/* See asking.h. */
#include "asking.h"

#include "base/clock.h"
#include "test/test.h"

#include <cmp-kit/memory.h>
#include <cmp-kit/uuid.h>

#include <stdio.h>
#include <stdlib.h>

#define TURNS_MAX   400
#define TURN_MS     25
#define PATIENCE_MS 5 /* for real descriptors */

const cmp_https_answer asking_empty = {.result = CMP_HTTPS_ANSWERED,
                                       .status = 200,
                                       .content_type = {"application/json", 16},
                                       .body = {"{}", 2}};

cmp_key asking_key(const char *id, cmp_key_use use)
{
    return (cmp_key){.id = cmp_str_from(id),
                     .peer = CMP_STR("b"),
                     .use = use,
                     .secret = (const uint8_t *)ASKING_SECRET,
                     .secret_size = strlen(ASKING_SECRET),
                     .hash = CMP_HASH_SHA256,
                     .not_before_ms = INT64_MIN,
                     .not_after_ms = INT64_MAX};
}

/* ---- the questions ---- */

size_t asking_sign(cmp_str tid, cmp_str ici, char text[KIT_SIGNATURE_TEXT_MAX])
{
    uint8_t mac[KIT_SIGNATURE_MAC_MAX];
    kit_signature_state *state =
        kit_signature_state_create(CMP_HASH_SHA256, (const uint8_t *)ASKING_SECRET,
                                   strlen(ASKING_SECRET));
    if (state == NULL || !kit_signature_compute(state, tid, ici, mac)) {
        abort(); /* OpenSSL has no SHA-256 */
    }
    kit_signature_state_destroy(&state);
    return kit_signature_encode(mac, CMP_HASH_SHA256, CMP_ENCODING_HEX, text);
}

static void fill_bare(cmp_test_txn *x, cmp_str tid, cmp_str ici)
{
    cmp_test_param_str(x, CMP_PARAM_TID, tid);
    cmp_test_param_str(x, CMP_PARAM_ICI, ici);
}

static void fill_signed(cmp_test_txn *x, cmp_str tid, cmp_str ici)
{
    char text[KIT_SIGNATURE_TEXT_MAX];
    fill_bare(x, tid, ici);
    cmp_test_param(x, CMP_PARAM_APIKEYID, ASKING_KEY);
    cmp_test_param_str(x, CMP_PARAM_SIGNATURE, (cmp_str){text, asking_sign(tid, ici, text)});
}

static void fill_wrongly_signed(cmp_test_txn *x, cmp_str tid, cmp_str ici)
{
    fill_signed(x, tid, ici);
    cmp_test_param(x, CMP_PARAM_SIGNATURE,
                   "00000000000000000000000000000000000000000000000000000000000000ff");
}

static void fill_of_a_stranger(cmp_test_txn *x, cmp_str tid, cmp_str ici)
{
    fill_signed(x, tid, ici);
    cmp_test_param(x, CMP_PARAM_APIKEYID, "nobodys");
}

static const cmp_auth_ops *auth_of(const cmp_test_txn *x)
{
    const cmp_plugin *plugin = x->test->host->plugin;
    return plugin->kind == CMP_PLUGIN_AUTH ? plugin->ops.auth : NULL;
}

const char *asking_header(const char *name)
{
    return strcmp(name, "authorization") == 0 ? "Bearer 2YotnFZFEjr1zCsicMWpAA"
                                              : "2YotnFZFEjr1zCsicMWpAA";
}

/* Those that the plugin wants to see: it is shown no others. `value` NULL: what is usual. */
static void set_headers(cmp_test_txn *x, const char *value)
{
    const cmp_auth_ops *ops = auth_of(x);
    for (const char *const *name = ops != NULL ? ops->headers : NULL; name != NULL && *name != NULL;
         name++) {
        cmp_test_header(x, *name, value != NULL ? value : asking_header(*name));
    }
}

static void show_certificate(cmp_test_txn *x)
{
    static const cmp_pair names[] = {{{"dns", 3}, {"b.example.net", 13}}};
    static const cmp_certificate shown = {.fingerprint = {1},
                                          .verified = true,
                                          .subject = {"CN=b", 4},
                                          .names = names,
                                          .name_count = 1};
    cmp_test_certificate(x, &shown);
}

static void fill_with_headers(cmp_test_txn *x, cmp_str tid, cmp_str ici)
{
    fill_bare(x, tid, ici);
    set_headers(x, NULL);
    show_certificate(x);
    cmp_test_source(x, "2001:db8::7");
}

static void fill_of_a_handset(cmp_test_txn *x, cmp_str tid, cmp_str ici)
{
    fill_bare(x, tid, ici);
    cmp_test_interface(x, CMP_INTERFACE_MC1);
    cmp_test_param(x, CMP_PARAM_USER, "tel:+15550100");
    cmp_test_param(x, CMP_PARAM_LANGUAGE, "en");
    cmp_test_param(x, CMP_PARAM_CC, "DE");
    cmp_test_param(x, CMP_PARAM_AGE, "30");
    cmp_test_contextual(x, "campaign", "spring");
}

static void (*const usual[])(cmp_test_txn *x, cmp_str tid,
                             cmp_str ici) = {fill_signed,         fill_bare,
                                             fill_wrongly_signed, fill_of_a_stranger,
                                             fill_with_headers,   fill_of_a_handset};

/* What hostile questions are full of: long, and octets that are no text. */
static cmp_str filled(char *room, size_t size, int with)
{
    for (size_t i = 0; i < size; i++) {
        room[i] = (char)(with >= 0 ? with : (int)(i * 37 + 128));
    }
    return (cmp_str){room, size};
}

#define LONG ((size_t)8192)

static void fill_all(cmp_test_txn *x, cmp_str value)
{
    for (cmp_param p = CMP_PARAM_USER; p < CMP_PARAM_MAX; p++) {
        cmp_test_param_str(x, p, value);
    }
}

static void hostile_long(cmp_test_txn *x, char *room)
{
    cmp_test_param_str(x, CMP_PARAM_TID, filled(room, 128, '~'));
    cmp_test_param_str(x, CMP_PARAM_ICI, filled(room, 256, '!'));
    fill_all(x, filled(room, LONG, 'a'));
    room[60] = '\0';
    for (unsigned i = 0; i < 32; i++) {
        cmp_test_contextual(x, room, "value");
    }
}

static void hostile_octets(cmp_test_txn *x, char *room)
{
    fill_bare(x, CMP_STR("t"), CMP_STR("i"));
    fill_all(x, filled(room, LONG, -1));
}

static void hostile_empty(cmp_test_txn *x, char *room)
{
    (void)room;
    fill_bare(x, CMP_STR("t"), CMP_STR("i"));
    fill_all(x, CMP_STR(""));
}

static void hostile_nuls(cmp_test_txn *x, char *room)
{
    fill_bare(x, CMP_STR("t"), CMP_STR("i"));
    fill_all(x, filled(room, 300, '\0'));
}

static void hostile_signature(cmp_test_txn *x, char *room)
{
    fill_bare(x, CMP_STR("t"), CMP_STR("i"));
    cmp_test_param(x, CMP_PARAM_APIKEYID, ASKING_KEY);
    cmp_test_param_str(x, CMP_PARAM_SIGNATURE, filled(room, 64, 'g'));
}

static void hostile_headers(cmp_test_txn *x, char *room)
{
    fill_bare(x, CMP_STR("../../etc/passwd"), CMP_STR("';DROP~TABLE"));
    filled(room, LONG, 'B');
    room[LONG - 1] = '\0';
    set_headers(x, room);
    cmp_test_param(x, CMP_PARAM_ADDR, room);
}

static void (*const hostile[])(cmp_test_txn *x, char *room) = {hostile_long,      hostile_octets,
                                                               hostile_empty,     hostile_nuls,
                                                               hostile_signature, hostile_headers};

#define USUAL   (sizeof(usual) / sizeof(usual[0]))
#define HOSTILE (sizeof(hostile) / sizeof(hostile[0]))

/* ---- for each kind ---- */

/* Each question is put in each of these ways. */
typedef struct way {
    const char *name;
    cmp_route_reason reason;
    const char *target;
} way;

static const way auth_ways[] = {{.name = "verify"}, {.name = "sign"}};
static const way store_ways[] = {{.name = "lookup"}};
static const way route_ways[] = {{"route", CMP_ROUTE_ADDRESSED, "b.example.net"},
                                 {"route", CMP_ROUTE_TRANSFERRED, "other.example.net"},
                                 {"route", CMP_ROUTE_ABSENT, NULL}};

static const way *ways_of(const cmp_plugin *plugin, size_t *count)
{
    switch (plugin->kind) {
    case CMP_PLUGIN_AUTH:
        *count = plugin->ops.auth->sign != NULL ? 2 : 1;
        return auth_ways;
    case CMP_PLUGIN_STORE:
        break;
    case CMP_PLUGIN_ROUTE:
        *count = 3;
        return route_ways;
    }
    *count = 1;
    return store_ways;
}

size_t asking_usual(const cmp_plugin *plugin)
{
    size_t count;
    ways_of(plugin, &count);
    return count * USUAL;
}

size_t asking_hostile(const cmp_plugin *plugin)
{
    size_t count;
    ways_of(plugin, &count);
    return count * HOSTILE;
}

bool asking_signs(const cmp_plugin *plugin, size_t question)
{
    size_t count;
    const way *ways = ways_of(plugin, &count);
    return &ways[question % count] == &auth_ways[1];
}

void asking_name(const cmp_plugin *plugin, size_t question, char name[ASKING_NAME_SIZE])
{
    size_t count;
    const way *ways = ways_of(plugin, &count);
    const bool bad = question >= count * USUAL;
    snprintf(name, ASKING_NAME_SIZE, "%s, %squestion %zu", ways[question % count].name,
             bad ? "hostile " : "", (question - (bad ? count * USUAL : 0)) / count + 1);
}

static cmp_test_op *put(asking *a, const way *w)
{
    const cmp_str ici = a->txn->request.message.params[CMP_PARAM_ICI];
    char text[300];
    snprintf(text, sizeof(text), "%.*s", (int)ici.size, ici.at);
    switch (a->plugin->kind) {
    case CMP_PLUGIN_AUTH:
        return w == auth_ways
                   ? cmp_test_verify(a->t, a->txn)
                   : cmp_test_sign(a->t, "b", "0190b1d6-0000-7000-8000-000000000000", text);
    case CMP_PLUGIN_STORE:
        break;
    case CMP_PLUGIN_ROUTE:
        cmp_test_requestor(a->txn, "b");
        return cmp_test_route(a->t, w->reason, w->target, a->txn);
    }
    cmp_test_requestor(a->txn, "b");
    return cmp_test_lookup(a->t, text, a->txn);
}

/* How long the plugin had the worker since then: not what ran elsewhere meanwhile. */
typedef struct span {
    int64_t began_us, away_us;
} span;

static span span_begin(const cmp_test *t)
{
    return (span){clock_monotonic_us(), t->away_us};
}

static void span_end(asking *a, span s)
{
    const int64_t us = clock_monotonic_us() - s.began_us - (a->t->away_us - s.away_us);
    a->held_us = us > a->held_us ? us : a->held_us;
}

asking asking_begin(cmp_test *t, const cmp_plugin *plugin, size_t question)
{
    size_t count;
    const way *ways = ways_of(plugin, &count);
    const size_t fill = question / count;
    asking a = {.t = t, .plugin = plugin, .txn = cmp_test_txn_create(t)};
    char tid[KIT_UUID_TEXT_SIZE];
    asking_name(plugin, question, a.name);
    kit_uuid_v7_make(cmp_test_now_ms(t), tid);
    if (fill < USUAL) {
        usual[fill](a.txn, (cmp_str){tid, sizeof(tid)}, CMP_STR("2B001-A-1"));
    } else {
        char *room = kit_alloc(LONG);
        hostile[fill - USUAL](a.txn, room);
        free(room);
    }
    const span s = span_begin(t);
    a.op = put(&a, &ways[question % count]);
    span_end(&a, s);
    return a;
}

asking asking_lookup(cmp_test *t, const cmp_plugin *plugin, const char *ici)
{
    return (
        asking){.t = t, .plugin = plugin, .name = "a look-up", .op = cmp_test_lookup(t, ici, NULL)};
}

/* ---- to its answer ---- */

/* Its octets are gone when the plugin's function returns, as with any host. */
static void give(cmp_test *t, const cmp_https_answer *answer)
{
    cmp_https_answer lent = *answer;
    const size_t size = answer->body.size;
    char *body = kit_alloc(size + 1);
    if (size > 0) {
        memcpy(body, answer->body.at, size);
        lent.body.at = body;
    }
    cmp_test_answer(t, &lent);
    memset(body, 0xAA, size);
    free(body);
}

void asking_turn(asking *a, const cmp_https_answer *answer)
{
    const span s = span_begin(a->t);
    if (cmp_test_requests(a->t) > 0) {
        a->asked_a_server = true;
        give(a->t, answer);
    } else {
        cmp_test_run(a->t, cmp_test_watches(a->t) > 0 ? PATIENCE_MS : 0);
        cmp_test_advance(a->t, TURN_MS);
    }
    span_end(a, s);
}

bool asking_drive(asking *a, const cmp_https_answer *answer)
{
    for (unsigned turns = 0; cmp_test_verdict(a->op) == HOST_PENDING && turns < TURNS_MAX;
         turns++) {
        asking_turn(a, answer);
    }
    return cmp_test_verdict(a->op) != HOST_PENDING;
}

bool asking_cancel(asking *a, const cmp_https_answer *answer)
{
    if (cmp_test_verdict(a->op) == HOST_PENDING) {
        const span s = span_begin(a->t);
        cmp_test_cancel(a->op);
        span_end(a, s);
    }
    return asking_drive(a, answer);
}

void asking_forget_log(cmp_test *t)
{
    for (unsigned level = 0; level < LEVELS; level++) {
        texts_clear(&t->log[level]);
    }
}

void asking_end(asking *a)
{
    cmp_test_end(&a->op);
    cmp_test_txn_destroy(&a->txn);
    asking_forget_log(a->t);
}
