/* SPDX-License-Identifier: Apache-2.0 */
/* See probes.h. Not a transaction: not counted, not logged. */
#include "http/probes.h"

#include "http/drain.h"
#include "http/entrance.h"
#include "http/metered.h"
#include "http/sweep.h"
#include "observe/health.h"
#include "observe/watchdog.h"

#include <jansson.h>
#include <stdlib.h>

static void answer(connection *c, h2o_req_t *req, bool good, json_t *body)
{
    static h2o_generator_t no_more = {NULL, NULL};
    char *text = json_dumps(body, JSON_COMPACT);
    h2o_iovec_t octets = h2o_strdup(&req->pool, text, SIZE_MAX);
    const bool is_head =
        h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
    free(text);
    json_decref(body);
    req->res.status = good ? 200 : 503;
    req->res.reason = good ? "OK" : "Service Unavailable";
    req->res.content_length = octets.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json"));
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CACHE_CONTROL, NULL,
                   H2O_STRLIT("no-store"));
    drain_answering(c, req);
    h2o_start_response(req, &no_more);
    h2o_send(req, &octets, is_head ? 0 : 1, H2O_SEND_STATE_FINAL);
    metered_sent(c);
    sweep_answered(c, octets.len);
}

/* `why` an instance gives may tell of its inside, and anybody may ask here: it is for the admin
 * socket. */
static void add_trouble(const char *name, cmp_health health, const char *why, void *arg)
{
    (void)why;
    if (health != CMP_HEALTH_OK) {
        json_object_set_new(arg, name, json_string(health_names[health]));
    }
}

/* Of the peers that have servers: how many have none that is used now. Their names are nobody's. */
static unsigned peers_down(const generation *g)
{
    unsigned count = 0;
    for (size_t i = 0; i < peers_count(g->peers); i++) {
        const way *w = &g->ways[i];
        size_t open = 0;
        for (size_t url = 0; url < w->url_count; url++) {
            open += origin_circuit(w->urls[url]) != CIRCUIT_CLOSED;
        }
        count += w->url_count > 0 && open == w->url_count;
    }
    return count;
}

static void add_stuck(const watched_state *s, void *arg)
{
    *(bool *)arg |= s->stuck;
}

static void answer_ready(connection *c, h2o_req_t *req)
{
    const server_worker *sw = c->sw;
    const bool draining = sw->drain.asked || entrance_ends(c->entrance);
    const unsigned down = peers_down(sw->worker->tenure->generation);
    bool stuck = false;
    json_t *troubles = json_object(), *body = json_object();
    health_each(add_trouble, troubles);
    if (sw->worker->process->watchdog != NULL) {
        watchdog_each(sw->worker->process->watchdog, add_stuck, &stuck);
    }
    json_object_set_new(body, "ready", json_boolean(!draining && !stuck));
    json_object_set_new(body, "draining", json_boolean(draining));
    json_object_set_new(body, "stuck", json_boolean(stuck));
    json_object_set_new(body, "degraded", json_boolean(json_object_size(troubles) > 0 || down > 0));
    json_object_set_new(body, "peers_down", json_integer(down));
    json_object_set_new(body, "plugins", troubles);
    answer(c, req, !draining && !stuck, body);
}

static bool is_path(const h2o_req_t *req, const char *path)
{
    return h2o_memis(req->path.base, req->path.len, path, strlen(path));
}

bool probes_answer(connection *c, h2o_req_t *req)
{
    const cmp_str method = {req->input.method.base, req->input.method.len};
    if (!cmp_str_equal(method, CMP_STR("GET")) && !cmp_str_equal(method, CMP_STR("HEAD"))) {
        return false;
    }
    const conf_listener *l = c->entrance->listener->conf;
    const server *s = c->sw->server;
    if (l->metrics && s->metrics != NULL && is_path(req, "/metrics")) {
        s->metrics(req, s->metrics_arg);
        return true;
    }
    if (!l->health) {
        return false;
    }
    if (is_path(req, "/live")) {
        json_t *body = json_object();
        json_object_set_new(body, "live", json_true());
        answer(c, req, true, body);
        return true;
    }
    if (is_path(req, "/ready")) {
        answer_ready(c, req);
        return true;
    }
    return false;
}
