/* SPDX-License-Identifier: Apache-2.0 */
/* How large each struct is that crosses the border to plugins, in each minor of the ABI.
 *
 * A plugin was compiled with the structs of the minor that its descriptor names, for good. Minors
 * only append, so what it lacks is read as zero, and what is written for it ends where its struct
 * does. What the host allocates and a plugin is only shown may be larger than it knows, save for
 * arrays, whose members lie as far apart as the plugin thinks. tests/abi/ keeps the headers of each
 * minor; the figures here are held against them. */
#pragma once

#include <cmp/plugin.h>

/* The structs that may grow. All others are named in <cmp/plugin.h>. */
#define ABI_LIST(X)                                                                                \
    X(cmp_plugin)                                                                                  \
    X(cmp_auth_ops)                                                                                \
    X(cmp_store_ops)                                                                               \
    X(cmp_route_ops)                                                                               \
    X(cmp_option)                                                                                  \
    X(cmp_command)                                                                                 \
    X(cmp_host)                                                                                    \
    X(cmp_auth_answer)                                                                             \
    X(cmp_certificate)                                                                             \
    X(cmp_outgoing)                                                                                \
    X(cmp_signature)                                                                               \
    X(cmp_record)                                                                                  \
    X(cmp_variant)                                                                                 \
    X(cmp_route_answer)                                                                            \
    X(cmp_key)                                                                                     \
    X(cmp_peer)                                                                                    \
    X(cmp_origin_options)                                                                          \
    X(cmp_https_request)                                                                           \
    X(cmp_https_answer)

typedef enum abi_struct {
#define NAME(name) ABI_##name,
    ABI_LIST(NAME)
#undef NAME
        ABI_STRUCTS
} abi_struct;

/* Octets of each struct in one minor; 0: it has none of them. */
typedef struct abi_layout {
    size_t size[ABI_STRUCTS];
} abi_layout;

/* Of a minor that is not newer than ours. Static. */
const abi_layout *abi_layout_of(unsigned minor);

/* The same, or NULL when nothing has to be translated: that minor is ours, or lays out as ours does
 * whatever is not the host's alone, as cmp_host is. */
const abi_layout *abi_older(unsigned minor);

/* Copies a struct of theirs to one of ours; what theirs does not have becomes zero. Here and below,
 * NULL for theirs means that it is as ours. */
void abi_read(const abi_layout *theirs, abi_struct of, void *to, const void *from);

/* Copies a struct of ours to one of theirs, as far as theirs goes. */
void abi_write(const abi_layout *theirs, abi_struct of, void *to, const void *from);
