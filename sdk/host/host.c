/* SPDX-License-Identifier: Apache-2.0 */
/* See host.h: the life of a plugin in a host that is no daemon. */
#include "host/host.h"

#include "conf/schema.h"

#include <cmp-kit/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* What messages call the text that options are read from. */
#define OPTIONS_NAME "options"

static void drop_plugin(host *h)
{
    if (h->own != NULL) {
        descriptor_dispose(h->own);
        free(h->own);
        h->own = NULL;
    }
    loader_destroy(&h->loader);
}

void host_dispose(host *h)
{
    host_keys_unref(&h->keys);
    host_loop_dispose(&h->control);
    host_metrics_dispose(&h->metrics);
    descriptor_dispose(&h->chosen);
    drop_plugin(h);
    kit_arena_reset(&h->memory);
    pthread_mutex_destroy(&h->lock);
}

/* ---- the plugin ---- */

static void took(host *h, const cmp_plugin *plugin)
{
    h->loaded = h->plugin = plugin;
    h->older = abi_older(plugin->abi_minor);
}

bool host_take(host *h, const cmp_plugin *plugin, char *error, size_t error_size)
{
    drop_plugin(h);
    h->own = kit_calloc(1, sizeof(*h->own));
    if (!descriptor_read(h->own, plugin, plugin->name != NULL ? plugin->name : "",
                         h->table.services, error, error_size)) {
        return false;
    }
    took(h, &h->own->plugin);
    return true;
}

bool host_load(host *h, const char *folder, const char *name, library_trust trust, char *error,
               size_t error_size)
{
    drop_plugin(h);
    h->loader = loader_create((const char *const[]){folder, NULL}, h->table.services, trust);
    const cmp_plugin *plugin = loader_load(h->loader, name, error, error_size);
    if (plugin != NULL) {
        took(h, plugin);
    }
    return plugin != NULL;
}

void host_take_from(host *h, const host *other)
{
    took(h, other->loaded);
}

void host_hand_over(host *from, host *to)
{
    to->own = from->own;
    to->loader = from->loader;
    from->own = NULL;
    from->loader = NULL;
}

/* ---- options ---- */

/* The reader of configurations reads files. */
static yaml_file *read_text(const host *h, const char *text, cmp_report *report)
{
    const cmp_str all = cmp_str_from(text != NULL ? text : "");
    const int fd = memfd_create(OPTIONS_NAME, MFD_CLOEXEC);
    yaml_file *file = NULL;
    if (fd < 0 || write(fd, all.at, all.size) != (ssize_t)all.size || lseek(fd, 0, SEEK_SET) != 0) {
        report_add(report, (conf_place){.file = OPTIONS_NAME}, NULL, "there is no room to read it");
    } else if (strcmp(h->table.folder, ".") == 0) {
        file = yaml_read(OPTIONS_NAME, fd, false, report);
    } else {
        file = yaml_read(kit_arena_printf(&report->memory, "%s/" OPTIONS_NAME, h->table.folder), fd,
                         false, report);
    }
    if (fd >= 0) {
        close(fd);
    }
    return file;
}

/* One octet more than the options need, so that a pointer to none is never NULL. */
bool host_fill(host *h, const char *text, cmp_report *report)
{
    static const cmp_option none[] = {CMP_OPTION_END};
    yaml_file *file = read_text(h, text, report);
    if (file == NULL) {
        return false;
    }
    h->options = kit_arena_calloc(&h->memory, 1, h->loaded->options_size + 1);
    const bool good =
        schema_fill(h->loaded->options != NULL ? h->loaded->options : none, file, yaml_root(file),
                    OPTIONS_NAME, NULL, &h->memory, h->options, report);
    yaml_close(&file);
    return good;
}

/* ---- its life ---- */

static conf_place place_nowhere(void *arg, const char *key)
{
    (void)arg, (void)key;
    return (conf_place){.file = NULL};
}

static const cmp_plugin *choose(host *h, const void *options, cmp_report *report)
{
    const cmp_plugin *chosen = h->loaded->choose(&h->table, options, report);
    char why[512];
    if (chosen == NULL) {
        return NULL;
    }
    descriptor_dispose(&h->chosen);
    if (!descriptor_read_chosen(&h->chosen, chosen, h->loaded, why, sizeof(why))) {
        report_in_scope(report, NULL, "plugin %s chose a descriptor that does not fit: %s",
                        h->loaded->name, why);
        return NULL;
    }
    return &h->chosen.plugin;
}

static void create(host *h, const void *options, void *previous, cmp_report *report)
{
    const size_t errors = report->count;
    h->plugin = h->loaded->choose != NULL ? choose(h, options, report) : h->loaded;
    if (h->plugin != NULL && h->plugin->check != NULL) {
        h->plugin->check(&h->table, options, report);
    }
    if (h->plugin != NULL && report->count == errors) {
        h->instance = h->plugin->create(&h->table, options, previous, report);
    }
    if (h->instance == NULL && report->count == errors) {
        report_in_scope(report, NULL, "plugin %s could not be started and did not say why",
                        h->loaded->name);
    }
}

bool host_create(host *h, const void *options, void *previous, cmp_report *report)
{
    const conf_scope scope = {.place_of = place_nowhere, .path = OPTIONS_NAME};
    report->scope = &scope;
    create(h, options != NULL ? options : h->options, previous, report);
    report->scope = NULL;
    if (h->instance == NULL) {
        host_metrics_clear(&h->metrics);
    }
    return h->instance != NULL;
}

void host_start(host *h)
{
    if (h->plugin->start != NULL) {
        h->plugin->start(h->instance, &h->control);
    }
}

void host_destroy(host *h)
{
    if (h->instance != NULL) {
        h->plugin->destroy(h->instance);
        h->instance = NULL;
        host_metrics_clear(&h->metrics);
    }
    if (h->options != NULL && h->loaded->options != NULL) {
        schema_wipe(h->loaded->options, h->options);
    }
    h->options = NULL;
}

/* ---- keys ---- */

/* The old ones are wiped when the plugin has been told, and whoever looks at them now has done so.
 */
void host_set_keys(host *h, host_keys *keys)
{
    pthread_mutex_lock(&h->lock);
    host_keys *old = h->keys;
    h->keys = keys;
    pthread_mutex_unlock(&h->lock);
    if (h->instance != NULL && h->plugin->keys_changed != NULL) {
        h->plugin->keys_changed(h->instance);
    }
    host_keys_unref(&old);
}
