/* SPDX-License-Identifier: Apache-2.0 */
/* See listeners.h. */
#include "admin/listeners.h"

static void add_listener(const gate_state *s, void *arg)
{
    json_t *l = json_object();
    json_object_set_new(l, "listener", json_string(s->listener));
    json_object_set_new(l, "share", json_integer(s->share));
    for (size_t i = 0; i < GATE_STAGES; i++) {
        json_object_set_new(l, gate_stage_names[i], json_integer(s->stages[i]));
    }
    json_array_append_new(arg, l);
}

json_t *listeners_json(gates *all)
{
    json_t *listeners = json_array();
    gates_each(all, add_listener, listeners);
    return listeners;
}
