/* How large each struct is that crosses the border to plugins, in each minor of the ABI.
 *
 * A plugin was compiled with the structs of the minor that its descriptor names, for good. Minors
 * only append, so what it lacks is read as zero, and what is written for it ends where its struct
 * does. tests/abi/ keeps the headers of each minor; the figures here are held against them. */
#pragma once

#include <cmp/plugin.h>

#define ABI_LIST(X)                                                                                \
    X(cmp_plugin)                                                                                  \
    X(cmp_auth_ops)                                                                                \
    X(cmp_store_ops)                                                                               \
    X(cmp_route_ops)                                                                               \
    X(cmp_option)

typedef enum abi_struct {
#define NAME(name) ABI_##name,
    ABI_LIST(NAME)
#undef NAME
        ABI_STRUCTS
} abi_struct;

/* Octets of the struct in that minor, which is not newer than ours. */
size_t abi_size(unsigned minor, abi_struct of);

/* Copies a struct of that minor to one of ours; what the minor does not have becomes zero. */
void abi_read(unsigned minor, abi_struct of, void *to, const void *from);
