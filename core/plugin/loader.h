/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and loads plugin libraries, and refuses what does not fit. Control thread only. */
#pragma once

#include "plugin/library.h"

typedef struct loader loader;

/* `folders` are searched in order (ended by NULL; copied). `services` is what this host offers,
 * `trust` whose files it loads. */
loader *loader_create(const char *const *folders, uint32_t services, library_trust trust);

/* Unloads all libraries: no instance may be left. */
void loader_destroy(loader **l);

/* Loads a plugin by name, or returns it when it is loaded already. NULL with *error filled: it
 * names the file, what was wanted and what was found. */
CMP_MUST_USE const cmp_plugin *loader_load(loader *l, const char *name, char *error,
                                           size_t error_size);

/* Visits the files of loaded plugins that are others now than were loaded. */
void loader_changed_each(const loader *l, void (*visit)(const char *path, void *arg), void *arg);

/* Names of all plugins in the folders, each once, sorted; ended by NULL. Free with
 * loader_names_free. */
char **loader_names(const loader *l);
void loader_names_free(char ***names);
