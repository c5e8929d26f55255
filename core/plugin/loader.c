/* libltdl loading with local symbols, and the checks of the ABI (include/cmp/plugin.h). */
#include "plugin/loader.h"

#include <cmp-kit/memory.h>

#include <dirent.h>
#include <errno.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUFFIX ".so"

typedef struct library library;
struct library {
    library *next;
    lt_dlhandle handle;
    const cmp_plugin *plugin;
};

struct loader {
    char **folders; /* ended by NULL */
    uint32_t services;
    library *libraries;
};

static const char *const kind_names[] = {
    [CMP_PLUGIN_AUTH] = "auth", [CMP_PLUGIN_STORE] = "store", [CMP_PLUGIN_ROUTE] = "route"};

const char *plugin_kind_name(cmp_plugin_kind kind)
{
    return kind >= CMP_PLUGIN_AUTH && kind <= CMP_PLUGIN_ROUTE ? kind_names[kind] : "unknown";
}

loader *loader_create(const char *const *folders, uint32_t services)
{
    loader *l = kit_calloc(1, sizeof(*l));
    size_t count = 0;
    while (folders[count] != NULL) {
        count++;
    }
    l->folders = kit_calloc(count + 1, sizeof(*l->folders));
    for (size_t i = 0; i < count; i++) {
        l->folders[i] = kit_strdup(folders[i]);
    }
    l->services = services;
    lt_dlinit();
    return l;
}

void loader_destroy(loader **l_ref)
{
    loader *l = *l_ref;
    if (l == NULL) {
        return;
    }
    for (library *lib = l->libraries, *next; lib != NULL; lib = next) {
        next = lib->next;
        lt_dlclose(lib->handle);
        free(lib);
    }
    lt_dlexit();
    for (char **folder = l->folders; *folder != NULL; folder++) {
        free(*folder);
    }
    free(l->folders);
    free(l);
    *l_ref = NULL;
}

static bool kind_has_ops(const cmp_plugin *p)
{
    switch (p->kind) {
    case CMP_PLUGIN_AUTH:
        return p->ops.auth != NULL && p->ops.auth->size == sizeof(cmp_auth_ops) &&
               p->ops.auth->verify != NULL;
    case CMP_PLUGIN_STORE:
        return p->ops.store != NULL && p->ops.store->size == sizeof(cmp_store_ops) &&
               p->ops.store->lookup != NULL;
    case CMP_PLUGIN_ROUTE:
        return p->ops.route != NULL && p->ops.route->size == sizeof(cmp_route_ops) &&
               p->ops.route->route != NULL;
    }
    return false;
}

bool plugin_serves(const cmp_plugin *p)
{
    return p->create != NULL && p->destroy != NULL && kind_has_ops(p);
}

/* In the order in which it is safe to read: first what says how the rest is laid out. */
static bool fits(const loader *l, const cmp_plugin *p, const char *name, char *error, size_t size)
{
    if (p->abi_major != CMP_ABI_MAJOR || p->abi_minor > CMP_ABI_MINOR) {
        snprintf(error, size, "plugin ABI is %u.%u, wanted %d.0 to %d.%d", p->abi_major,
                 p->abi_minor, CMP_ABI_MAJOR, CMP_ABI_MAJOR, CMP_ABI_MINOR);
    } else if (p->struct_size != sizeof(cmp_plugin)) {
        snprintf(error, size, "descriptor has %u octets, wanted %zu", (unsigned)p->struct_size,
                 sizeof(cmp_plugin));
    } else if (p->name == NULL || strcmp(p->name, name) != 0) {
        snprintf(error, size, "plugin calls itself \"%s\", wanted \"%s\"",
                 p->name != NULL ? p->name : "", name);
    } else if (p->kind < CMP_PLUGIN_AUTH || p->kind > CMP_PLUGIN_ROUTE) {
        snprintf(error, size, "plugin kind is %d, wanted 1 (auth), 2 (store) or 3 (route)",
                 (int)p->kind);
    } else if (p->version == NULL || p->summary == NULL ||
               (p->choose == NULL && !plugin_serves(p))) {
        snprintf(error, size,
                 "descriptor lacks version, summary, create, destroy or the %s functions",
                 plugin_kind_name(p->kind));
    } else if ((p->services & ~l->services) != 0) {
        snprintf(error, size, "plugin needs services 0x%x, this host offers 0x%x",
                 (unsigned)p->services, (unsigned)l->services);
    } else {
        return true;
    }
    return false;
}

static lt_dlhandle open_local(const char *path)
{
    lt_dladvise advise;
    if (lt_dladvise_init(&advise) != 0) {
        return NULL;
    }
    lt_dladvise_local(&advise);
    lt_dlhandle handle = lt_dlopenadvise(path, advise);
    lt_dladvise_destroy(&advise);
    return handle;
}

static const cmp_plugin *load_file(loader *l, const char *name, const char *path, char *error,
                                   size_t error_size)
{
    lt_dlhandle handle = open_local(path);
    if (handle == NULL) {
        snprintf(error, error_size, "%s: cannot be loaded: %s", path, lt_dlerror());
        return NULL;
    }
    const cmp_plugin *plugin = lt_dlsym(handle, CMP_PLUGIN_SYMBOL);
    char why[256];
    if (plugin == NULL) {
        snprintf(error, error_size, "%s: is no cmpd plugin: symbol %s not found", path,
                 CMP_PLUGIN_SYMBOL);
    } else if (!fits(l, plugin, name, why, sizeof(why))) {
        snprintf(error, error_size, "%s: refused: %s", path, why);
    } else {
        library *lib = kit_alloc(sizeof(*lib));
        *lib = (library){.next = l->libraries, .handle = handle, .plugin = plugin};
        l->libraries = lib;
        return plugin;
    }
    lt_dlclose(handle);
    return NULL;
}

static void say_where_searched(const loader *l, const char *name, char *error, size_t error_size)
{
    int used = snprintf(error, error_size, "no %s%s in", name, SUFFIX);
    for (char **folder = l->folders; *folder != NULL; folder++) {
        if (used > 0 && (size_t)used < error_size) {
            used += snprintf(error + used, error_size - (size_t)used, "%s %s",
                             folder == l->folders ? "" : ",", *folder);
        }
    }
}

const cmp_plugin *loader_load(loader *l, const char *name, char *error, size_t error_size)
{
    for (const library *lib = l->libraries; lib != NULL; lib = lib->next) {
        if (strcmp(lib->plugin->name, name) == 0) {
            return lib->plugin;
        }
    }
    if (strchr(name, '/') == NULL && name[0] != '.') {
        for (char **folder = l->folders; *folder != NULL; folder++) {
            char path[4096];
            const int size = snprintf(path, sizeof(path), "%s/%s" SUFFIX, *folder, name);
            if (size > 0 && (size_t)size < sizeof(path) && access(path, F_OK) == 0) {
                return load_file(l, name, path, error, error_size);
            }
        }
    }
    say_where_searched(l, name, error, error_size);
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the plugin names of one folder; double ones are dropped after sorting. */
static size_t folder_names(const char *folder, char ***names, size_t count)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return count;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        const size_t size = strlen(entry->d_name);
        if (size > strlen(SUFFIX) && strcmp(entry->d_name + size - strlen(SUFFIX), SUFFIX) == 0) {
            *names = kit_realloc(*names, (count + 2) * sizeof(**names));
            (*names)[count] = kit_strdup(entry->d_name);
            (*names)[count++][size - strlen(SUFFIX)] = '\0';
        }
    }
    closedir(dir);
    return count;
}

char **loader_names(const loader *l)
{
    char **names = kit_calloc(1, sizeof(*names));
    size_t count = 0, kept = 0;
    for (char **folder = l->folders; *folder != NULL; folder++) {
        count = folder_names(*folder, &names, count);
    }
    qsort(names, count, sizeof(*names), by_text);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && strcmp(names[kept - 1], names[i]) == 0) {
            free(names[i]);
        } else {
            names[kept++] = names[i];
        }
    }
    names[kept] = NULL;
    return names;
}

void loader_names_free(char ***names)
{
    for (char **name = *names; *name != NULL; name++) {
        free(*name);
    }
    free(*names);
    *names = NULL;
}
