/* SPDX-License-Identifier: Apache-2.0 */
/* See h2_list.h. */
#include "http/h2_list.h"

#include "http/connection.h"

static h2o_linklist_t *all_of(server_worker *sw)
{
    return &sw->context.http2._conns;
}

/* It is the last one in the list now; where in it the list's part lies is libh2o's secret. Behind
 * those that this round has seen it waits for the next one. */
void h2_list_entered(connection *c)
{
    c->round = c->sw->rounds.number;
    c->sw->listed_at = (char *)all_of(c->sw)->prev - (char *)c->socket->data;
}

static connection *at(const server_worker *sw, const h2o_linklist_t *one)
{
    return connection_of((h2o_conn_t *)((char *)(uintptr_t)one - sw->listed_at));
}

/* Leaves what is in `set` alone in the list; `others` gets the rest. */
static void leave_alone(server_worker *sw, h2o_linklist_t *set, h2o_linklist_t *others)
{
    h2o_linklist_init_anchor(others);
    h2o_linklist_insert_list(others, all_of(sw));
    h2o_linklist_insert_list(all_of(sw), set);
}

/* ---- goodbye ---- */

void h2_list_goodbye(connection *c)
{
    server_worker *sw = c->sw;
    h2o_linklist_t set, others;
    if (c->told_ms != 0) {
        return;
    }
    c->told_ms = server_now_ms(sw);
    sw->rounds.acts++;
    h2o_linklist_t *one = (h2o_linklist_t *)((char *)c->socket->data + sw->listed_at);
    h2o_linklist_init_anchor(&set);
    h2o_linklist_unlink(one);
    h2o_linklist_insert(&set, one);
    leave_alone(sw, &set, &others);
    sw->context.http2._graceful_shutdown_timeout.cb = NULL; /* libh2o does it once only otherwise */
    sw->config.http2.callbacks.request_shutdown(&sw->context);
    h2o_timeout_unlink(&sw->context.http2._graceful_shutdown_timeout); /* see drain.c */
    h2o_linklist_insert_list(all_of(sw), &others);
}

/* ---- some of them ---- */

static size_t take(server_worker *sw, size_t most, h2o_linklist_t *set,
                   void (*begin)(connection *c))
{
    h2o_linklist_t *all = all_of(sw);
    size_t count = 0;
    h2o_linklist_init_anchor(set);
    while (!h2o_linklist_is_empty(all) && count < most) {
        h2o_linklist_t *one = all->next;
        connection *c = at(sw, one);
        if (c->round == sw->rounds.number) {
            break; /* and so were all behind it */
        }
        c->round = sw->rounds.number;
        begin(c);
        h2o_linklist_unlink(one);
        h2o_linklist_insert(set, one);
        count++;
    }
    return count;
}

size_t h2_list_some(server_worker *sw, size_t most, const h2_list_visit *v)
{
    h2o_linklist_t *all = all_of(sw), set, others;
    const size_t count = take(sw, most, &set, v->begin);
    if (count == 0) {
        return 0;
    }
    leave_alone(sw, &set, &others);
    sw->config.http2.callbacks.foreach_request(&sw->context, v->request, v->arg);
    for (h2o_linklist_t *one = all->next, *next; one != all; one = next) {
        next = one->next; /* a goodbye moves it to the front */
        v->end(at(sw, one), v->arg);
    }
    h2o_linklist_insert_list(&others, all);
    h2o_linklist_insert_list(all, &others);
    return count;
}
