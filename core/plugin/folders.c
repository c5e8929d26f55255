/* SPDX-License-Identifier: Apache-2.0 */
/* The list of plugin folders: what the operator says comes first, what is installed last. Both are
 * found from the program, so a build tree, an unpacked archive, and any prefix run as they are. */
#include "plugin/folders.h"

#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

/* Where the program lies: the kernel says it, its own name may be anything. NULL: not to be found
 * out. */
static const char *program_folder(char *path, size_t room)
{
    const ssize_t size = readlink("/proc/self/exe", path, room - 1);
    if (size <= 0) {
        return NULL;
    }
    path[size] = '\0';
    return dirname(path);
}

/* Without the detour through the program's folder: these names are shown. What is not there stays
 * as it is, and is nothing that could be searched. */
static const char *plain(kit_arena *a, const char *path)
{
    char *real = realpath(path, NULL);
    if (real == NULL) {
        return path;
    }
    const char *kept = kit_arena_printf(a, "%s", real);
    free(real);
    return kept;
}

const char **plugin_folders(kit_arena *a, const char *const *first, const cmp_strings *more)
{
    size_t count = 0;
    while (first != NULL && first[count] != NULL) {
        count++;
    }
    const size_t more_count = more != NULL ? more->count : 0;
    const char **folders = kit_arena_calloc(a, count + more_count + 3, sizeof(*folders));
    for (size_t i = 0; i < count; i++) {
        folders[i] = first[i];
    }
    for (size_t i = 0; i < more_count; i++) {
        folders[count++] = more->at[i];
    }
    char path[4096];
    const char *program = program_folder(path, sizeof(path));
    if (program != NULL) {
        folders[count++] = kit_arena_printf(a, "%s/plugins", program);
        folders[count++] = plain(a, kit_arena_printf(a, "%s/" CMPD_PLUGINS_FROM_PROGRAM, program));
    }
    return folders;
}
