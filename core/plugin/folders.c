/* The list of plugin folders: what the operator says comes first, what is installed last. */
#include "plugin/folders.h"

#include <libgen.h>
#include <unistd.h>

#ifndef CMPD_PLUGIN_DIR
#define CMPD_PLUGIN_DIR "/usr/lib/cmpd/plugins"
#endif

/* So a build tree and an unpacked archive run as they are. The kernel says where the program is;
 * its own name may be anything. */
static const char *beside_program(kit_arena *a)
{
    char program[4096];
    const ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (size <= 0) {
        return NULL;
    }
    program[size] = '\0';
    return kit_arena_printf(a, "%s/plugins", dirname(program));
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
    const char *beside = beside_program(a);
    if (beside != NULL) {
        folders[count++] = beside;
    }
    folders[count] = CMPD_PLUGIN_DIR;
    return folders;
}
