/* SPDX-License-Identifier: Apache-2.0 */
/* See static_look.h. Step by step what library_open does at once, so that each fault is told as
 * what it is. */
#include "static_look.h"

#include "elf_look.h"
#include "minor.h"
#include "plugin/library.h"
#include "plugin/probe.h"

#include <dlfcn.h>
#include <libgen.h>
#include <stdlib.h>

/* A plugin may need any service of a full host; one that needs more needs a newer one. */
#define ALL_SERVICES                                                                               \
    (CMP_SERVICE_LOOP | CMP_SERVICE_OFFLOAD | CMP_SERVICE_KEYRING | CMP_SERVICE_PEERS |            \
     CMP_SERVICE_HTTPS)

typedef struct opening {
    const char *path, *name;
    char *error;
    size_t error_size;
} opening;

static bool bind_all(void *arg)
{
    const opening *o = arg;
    void *handle = dlopen(o->path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        snprintf(o->error, o->error_size, "%s", dlerror());
        return false;
    }
    dlclose(handle);
    return true;
}

/* The dynamic linker says it in English whatever the locale is. */
static rule rule_of_linker(const char *message)
{
    return strstr(message, "cannot open shared object file") != NULL ? RULE_NEEDS : RULE_SYMBOLS;
}

static bool look_at_file(const char *path, findings *f)
{
    char error[512];
    const bool good = library_file_good(path, LIBRARY_GUARDED, error, sizeof(error));
    if (good) {
        findings_held(f, RULE_FILE, "a regular file that only its owner can change");
    } else {
        findings_broken(f, RULE_FILE, "%s", error);
    }
    return good;
}

static bool look_at_loading(opening *o, findings *f)
{
    char why[128];
    switch (probe_run(bind_all, o, o->error, o->error_size, why, sizeof(why))) {
    case PROBE_GOOD:
        findings_held(f, RULE_LOADING, "it is loaded and closed in a child");
        findings_held(f, RULE_SYMBOLS, "all are there");
        return true;
    case PROBE_BAD:
        findings_broken(f, rule_of_linker(o->error), "%s", o->error);
        return false;
    case PROBE_DIED:
        findings_broken(f, RULE_LOADING, "loading it %s", why);
        return false;
    }
    return false;
}

/* What it calls is seen in trials. */
static void look_at_minor(const cmp_plugin *p, findings *f)
{
    const unsigned tables = minor_of_tables(p);
    if (tables < p->abi_minor) {
        findings_held(f, RULE_MINOR, "built for ABI %u.%u; its tables need %u.%u", p->abi_major,
                      p->abi_minor, p->abi_major, tables);
    } else {
        findings_held(f, RULE_MINOR, "ABI %u.%u, which it needs", p->abi_major, p->abi_minor);
    }
}

/* What comes before the first colon and a space is the path, which the findings' head has said. */
static const char *without_path(const char *message, const char *path)
{
    const size_t size = strlen(path);
    const bool repeats = strncmp(message, path, size) == 0 && message[size] == ':';
    return repeats ? message + size + strlen(": ") : message;
}

static bool look_at_descriptor(const opening *o, findings *f)
{
    library *lib =
        library_open(o->path, o->name, ALL_SERVICES, LIBRARY_ANY, o->error, o->error_size);
    if (lib == NULL) {
        findings_broken(f, RULE_DESCRIPTOR, "%s", without_path(o->error, o->path));
        return false;
    }
    const cmp_plugin *p = library_plugin(lib);
    findings_held(f, RULE_DESCRIPTOR, "%s %s, %s%s: %s", p->name, p->version,
                  plugin_kind_name(p->kind),
                  (p->flags & CMP_PLUGIN_BLOCKING) != 0 ? ", blocking" : "", p->summary);
    look_at_minor(p, f);
    library_close(&lib);
    return true;
}

bool static_look(const char *path, findings *f)
{
    char error[2048] = "", copy[4096];
    snprintf(copy, sizeof(copy), "%s", path);
    char *name = basename(copy);
    char *suffix = strrchr(name, '.');
    if (suffix != NULL) {
        *suffix = '\0';
    }
    opening o = {path, name, error, sizeof(error)};
    const bool file = look_at_file(path, f);
    return elf_look(path, f) && look_at_loading(&o, f) && look_at_descriptor(&o, f) && file;
}
