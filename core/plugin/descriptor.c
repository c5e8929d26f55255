/* SPDX-License-Identifier: Apache-2.0 */
/* In the order in which it is safe to read: first what says how the rest is laid out. */
#include "plugin/descriptor.h"

#include "plugin/abi.h"
#include "plugin/headers_check.h"
#include "plugin/rows_check.h"

#include <stdarg.h>
#include <stdio.h>

/* A mebibyte: the core allocates what a plugin says here, so a slip (a size taken from a pointer)
 * is noticed before. */
#define OPTIONS_SIZE_MAX ((size_t)1 << 20)
#define TEXT_SIZE_MAX    256

typedef struct reading {
    descriptor *d;
    const cmp_plugin *theirs;
    const abi_layout *layout; /* theirs, once their minor is known to be one that we have */
    char *error;
    size_t error_size;
} reading;

static bool wrong(const reading *r, const char *format, ...) CMP_PRINTF(2, 3);

static bool wrong(const reading *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->error, r->error_size, format, args);
    va_end(args);
    return false;
}

static const char *const kind_names[] = {
    [CMP_PLUGIN_AUTH] = "auth", [CMP_PLUGIN_STORE] = "store", [CMP_PLUGIN_ROUTE] = "route"};

const char *plugin_kind_name(cmp_plugin_kind kind)
{
    return kind >= CMP_PLUGIN_AUTH && kind <= CMP_PLUGIN_ROUTE ? kind_names[kind] : "unknown";
}

/* Until this is settled nothing but the sizes and numbers at its head may be read: where all else
 * lies depends on them. */
static bool read_version(reading *r)
{
    const cmp_plugin *p = r->theirs;
    if (p->abi_major != CMP_ABI_MAJOR) {
        return wrong(r, "plugin ABI is %u.%u, wanted %d.0 to %d.%d", p->abi_major, p->abi_minor,
                     CMP_ABI_MAJOR, CMP_ABI_MAJOR, CMP_ABI_MINOR);
    }
    if (p->abi_minor > CMP_ABI_MINOR) {
        return wrong(r,
                     "plugin ABI is %u.%u, newer than this host's, %d.%d: take a newer host, or "
                     "build the plugin with this one's headers",
                     p->abi_major, p->abi_minor, CMP_ABI_MAJOR, CMP_ABI_MINOR);
    }
    r->layout = abi_layout_of(p->abi_minor);
    const size_t wanted = r->layout->size[ABI_cmp_plugin];
    if (p->struct_size != wanted) {
        return wrong(r, "descriptor has %u octets, wanted %zu in ABI %u.%u",
                     (unsigned)p->struct_size, wanted, p->abi_major, p->abi_minor);
    }
    abi_read(r->layout, ABI_cmp_plugin, &r->d->plugin, p);
    return true;
}

static bool text_good(const char *text)
{
    const size_t size = text != NULL ? strnlen(text, TEXT_SIZE_MAX + 1) : 0;
    return size > 0 && size <= TEXT_SIZE_MAX && strchr(text, '\n') == NULL;
}

static bool check_texts(const reading *r)
{
    if (!text_good(r->d->plugin.version)) {
        return wrong(r, "descriptor lacks version, a line of text");
    }
    return text_good(r->d->plugin.summary) || wrong(r, "descriptor lacks summary, a line of text");
}

/* The file's name is what configurations say. One that calls itself otherwise was renamed, and its
 * messages would name a plugin that nobody has. Flags that we do not know may ask for something
 * that we would not do. */
static bool check_identity(const reading *r, const char *name)
{
    const cmp_plugin *p = &r->d->plugin;
    if (p->name == NULL || strcmp(p->name, name) != 0) {
        return wrong(r, "plugin calls itself \"%.64s\", wanted \"%s\"",
                     p->name != NULL ? p->name : "", name);
    }
    if (p->kind < CMP_PLUGIN_AUTH || p->kind > CMP_PLUGIN_ROUTE) {
        return wrong(r, "plugin kind is %d, wanted 1 (auth), 2 (store) or 3 (route)", (int)p->kind);
    }
    if ((p->flags & ~(uint32_t)CMP_PLUGIN_BLOCKING) != 0) {
        return wrong(r, "plugin flags 0x%x are none of ABI %u.%u", (unsigned)p->flags, p->abi_major,
                     p->abi_minor);
    }
    return true;
}

/* ---- the functions of its kind ---- */

/* All vtables begin with their size, as the plugin was compiled. */
static bool read_ops(const reading *r, const void *theirs, abi_struct of, const char *type)
{
    if (theirs == NULL) {
        return wrong(r, "descriptor lacks ops, its %s functions",
                     plugin_kind_name(r->d->plugin.kind));
    }
    size_t size;
    memcpy(&size, theirs, sizeof(size));
    if (size != r->layout->size[of]) {
        return wrong(r, "%s has %zu octets, wanted %zu in ABI %u.%u", type, size,
                     r->layout->size[of], r->theirs->abi_major, r->theirs->abi_minor);
    }
    abi_read(r->layout, of, &r->d->ops, theirs);
    return true;
}

static bool lacks(const reading *r, const char *function)
{
    return wrong(r, "%s lacks %s", plugin_kind_name(r->d->plugin.kind), function);
}

/* What we do not know it would wait for in vain. */
static bool check_auth_ops(const reading *r)
{
    const cmp_auth_ops *ops = &r->d->ops.auth;
    if (ops->verify == NULL) {
        return lacks(r, "verify");
    }
    if ((ops->wants & ~(uint64_t)CMP_AUTH_CERTIFICATE) != 0) {
        return wrong(r, "auth wants 0x%llx, which is none of ABI %u.%u",
                     (unsigned long long)ops->wants, r->theirs->abi_major, r->theirs->abi_minor);
    }
    if (!headers_check_challenge(ops->challenge)) {
        return wrong(r, "auth has a challenge that is not 1 to %d octets of printable ASCII",
                     CMP_AUTH_CHALLENGE_MAX);
    }
    return headers_check_asked(ops->headers, r->error, r->error_size);
}

/* All of writing or none of it: an import would otherwise find out in its middle that it cannot be
 * undone. */
static bool check_store_ops(const reading *r)
{
    const cmp_store_ops *ops = &r->d->ops.store;
    if (ops->lookup == NULL) {
        return lacks(r, "lookup");
    }
    const struct {
        const char *name;
        bool there;
    } writing[] = {{"put", ops->put != NULL},
                   {"remove", ops->remove != NULL},
                   {"commit", ops->commit != NULL},
                   {"abort", ops->abort != NULL}};
    for (size_t i = 0; i < sizeof(writing) / sizeof(writing[0]); i++) {
        if (writing[i].there != (ops->begin != NULL)) {
            return wrong(r,
                         "store has %s without %s: what writes has begin, put, remove, commit "
                         "and abort",
                         ops->begin != NULL ? "begin" : writing[i].name,
                         ops->begin != NULL ? writing[i].name : "begin");
        }
    }
    return true;
}

/* From here on the descriptor points to our copies: the plugin's own tables may be shorter than
 * what we read. */
static bool read_kind(const reading *r)
{
    cmp_plugin *p = &r->d->plugin;
    switch (p->kind) {
    case CMP_PLUGIN_AUTH:
        if (!read_ops(r, p->ops.auth, ABI_cmp_auth_ops, "cmp_auth_ops")) {
            return false;
        }
        p->ops.auth = &r->d->ops.auth;
        return check_auth_ops(r);
    case CMP_PLUGIN_STORE:
        if (!read_ops(r, p->ops.store, ABI_cmp_store_ops, "cmp_store_ops")) {
            return false;
        }
        p->ops.store = &r->d->ops.store;
        return check_store_ops(r);
    case CMP_PLUGIN_ROUTE:
        break;
    }
    if (!read_ops(r, p->ops.route, ABI_cmp_route_ops, "cmp_route_ops")) {
        return false;
    }
    p->ops.route = &r->d->ops.route;
    return r->d->ops.route.route != NULL || lacks(r, "route");
}

/* ---- life, services, options ---- */

/* When it is loaded, not when it calls: there what is missing would be a jump to nowhere. */
static bool check_services(const reading *r, uint32_t services)
{
    const uint32_t needed = r->d->plugin.services;
    return (needed & ~services) == 0 ||
           wrong(r, "plugin needs services 0x%x, this host offers 0x%x", (unsigned)needed,
                 (unsigned)services);
}

static bool check_life(const reading *r, const cmp_command *commands)
{
    const cmp_plugin *p = &r->d->plugin;
    if (p->create == NULL || p->destroy == NULL) {
        return wrong(r, "descriptor lacks %s", p->create == NULL ? "create" : "destroy");
    }
    if (commands != NULL && p->command == NULL) {
        return wrong(r, "descriptor has commands without command");
    }
    if (p->worker_start == NULL && p->worker_stop != NULL) {
        return wrong(r, "descriptor has worker_stop without worker_start");
    }
    return true;
}

/* A table of an older minor in our layout: a row begins with its name, and the last has none. */
static void *copy_rows(kit_arena *memory, const abi_layout *older, abi_struct of, size_t size,
                       const void *theirs, size_t *count)
{
    const size_t stride = older->size[of];
    const char *from = theirs, *name;
    *count = 0;
    do {
        memcpy(&name, from + (*count)++ * stride, sizeof(name));
    } while (name != NULL && *count <= ROWS_CHECK_MAX);
    char *rows = kit_arena_calloc(memory, *count, size);
    for (size_t i = 0; i < *count; i++) {
        abi_read(older, of, rows + i * size, from + i * stride);
    }
    return rows;
}

/* With the tables inside it. */
static const cmp_option *read_rows(kit_arena *memory, const abi_layout *older,
                                   const cmp_option *theirs, unsigned depth)
{
    if (theirs == NULL || depth > ROWS_CHECK_DEPTH) {
        return theirs; /* nothing to do, or to be refused */
    }
    size_t count;
    cmp_option *rows = copy_rows(memory, older, ABI_cmp_option, sizeof(*rows), theirs, &count);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].type == CMP_OPTION_ROWS || rows[i].type == CMP_OPTION_GROUP) {
            rows[i].rows = read_rows(memory, older, rows[i].rows, depth + 1);
        }
    }
    return rows;
}

static bool check_options(const reading *r)
{
    static const char *const hosts[] = {"use", "cache", "instance", NULL};
    cmp_plugin *p = &r->d->plugin;
    if (p->options_size > OPTIONS_SIZE_MAX) {
        return wrong(r, "options_size is %zu, wanted at most %zu", p->options_size,
                     OPTIONS_SIZE_MAX);
    }
    const abi_layout *older = abi_older(p->abi_minor);
    if (older != NULL) {
        p->options = read_rows(&r->d->memory, older, p->options, 0);
    }
    return p->options == NULL ||
           rows_check(p->options, p->options_size, hosts, r->error, r->error_size);
}

static bool check_commands(const reading *r)
{
    cmp_plugin *p = &r->d->plugin;
    const abi_layout *older = abi_older(p->abi_minor);
    if (older != NULL && p->commands != NULL) {
        size_t count;
        p->commands = copy_rows(&r->d->memory, older, ABI_cmp_command, sizeof(cmp_command),
                                p->commands, &count);
    }
    return rows_check_commands(p->commands, r->error, r->error_size);
}

bool descriptor_read(descriptor *d, const cmp_plugin *theirs, const char *name, uint32_t services,
                     char *error, size_t error_size)
{
    *d = (descriptor){.plugin = {.struct_size = 0}};
    kit_arena_init(&d->memory, NULL, 0);
    reading r = {.d = d, .theirs = theirs, .error = error, .error_size = error_size};
    /* One that chooses need not serve itself. */
    return read_version(&r) && check_identity(&r, name) && check_texts(&r) &&
           (d->plugin.choose != NULL || (read_kind(&r) && check_life(&r, d->plugin.commands))) &&
           check_services(&r, services) && check_options(&r) && check_commands(&r);
}

/* Chosen ones come at any time after loading, from the plugin's own code: they are looked at as
 * closely as what was loaded. Options, commands and services were the chooser's to say. */
bool descriptor_read_chosen(descriptor *d, const cmp_plugin *theirs, const cmp_plugin *chooser,
                            char *error, size_t error_size)
{
    *d = (descriptor){.plugin = {.struct_size = 0}};
    kit_arena_init(&d->memory, NULL, 0);
    reading r = {.d = d, .theirs = theirs, .error = error, .error_size = error_size};
    return read_version(&r) && check_identity(&r, chooser->name) &&
           (d->plugin.kind == chooser->kind || wrong(&r, "it is of another kind")) &&
           (d->plugin.abi_minor == chooser->abi_minor || wrong(&r, "it is of another ABI")) &&
           read_kind(&r) && check_life(&r, chooser->commands);
}

void descriptor_dispose(descriptor *d)
{
    kit_arena_reset(&d->memory);
}
