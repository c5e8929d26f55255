/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's descriptor, read by its own sizes and checked, before anybody calls into it. */
#pragma once

#include <cmp-kit/arena.h>

#include <cmp/plugin.h>

/* The host's copy, in the layout of this host's minor. */
typedef struct descriptor {
    cmp_plugin plugin;
    union {
        cmp_auth_ops auth;
        cmp_store_ops store;
        cmp_route_ops route;
    } ops;            /* plugin.ops points here */
    kit_arena memory; /* of rows that had to be copied */
} descriptor;

/* Reads what the library exports; `name` is what the file calls it, `services` what this host
 * offers. Texts and functions stay the library's. False with the one thing that is wrong in
 * `error`; descriptor_dispose is to be called in either case. */
bool descriptor_read(descriptor *d, const cmp_plugin *theirs, const char *name, uint32_t services,
                     char *error, size_t error_size);
void descriptor_dispose(descriptor *d);

/* Reads what a plugin's `choose` said serves an instance (cmp_plugin.choose): version, name and
 * kind are those of `chooser`. As descriptor_read. */
bool descriptor_read_chosen(descriptor *d, const cmp_plugin *theirs, const cmp_plugin *chooser,
                            char *error, size_t error_size);

/* auth, store or route. Static. */
const char *plugin_kind_name(cmp_plugin_kind kind);
