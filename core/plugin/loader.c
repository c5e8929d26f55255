/* SPDX-License-Identifier: Apache-2.0 */
/* Finds plugins in folders, and keeps those that are loaded. */
#include "plugin/loader.h"

#include <cmp-kit/memory.h>

#include <dirent.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUFFIX ".so"

struct loader {
    char **folders; /* ended by NULL */
    uint32_t services;
    library_trust trust;
    library **libraries;
    size_t library_count;
};

loader *loader_create(const char *const *folders, uint32_t services, library_trust trust)
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
    l->trust = trust;
    lt_dlinit();
    return l;
}

/* In the opposite order, and after every instance: their code goes with it. */
void loader_destroy(loader **l_ref)
{
    loader *l = *l_ref;
    if (l == NULL) {
        return;
    }
    for (size_t i = l->library_count; i-- > 0;) {
        library_close(&l->libraries[i]);
    }
    free(l->libraries);
    lt_dlexit();
    for (char **folder = l->folders; *folder != NULL; folder++) {
        free(*folder);
    }
    free(l->folders);
    free(l);
    *l_ref = NULL;
}

/* Never closed before the loader is: what was once loaded can be asked for by others. */
static const cmp_plugin *load_file(loader *l, const char *name, const char *path, char *error,
                                   size_t error_size)
{
    library *lib = library_open(path, name, l->services, l->trust, error, error_size);
    if (lib == NULL) {
        return NULL;
    }
    l->libraries = kit_realloc(l->libraries, (l->library_count + 1) * sizeof(library *));
    l->libraries[l->library_count++] = lib;
    return library_plugin(lib);
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

/* The first file of that name is the one that is meant. When it is refused no other folder is
 * tried: an operator's own build must not be replaced by an older one in silence. */
const cmp_plugin *loader_load(loader *l, const char *name, char *error, size_t error_size)
{
    for (size_t i = 0; i < l->library_count; i++) {
        const cmp_plugin *plugin = library_plugin(l->libraries[i]);
        if (strcmp(plugin->name, name) == 0) {
            return plugin;
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

void loader_changed_each(const loader *l, void (*visit)(const char *path, void *arg), void *arg)
{
    for (size_t i = 0; i < l->library_count; i++) {
        const char *path = library_changed(l->libraries[i]);
        if (path != NULL) {
            visit(path, arg);
        }
    }
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
