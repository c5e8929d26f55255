/* SPDX-License-Identifier: Apache-2.0 */
/* See export.h. */
#include "ctl/export.h"

#include "ctl/output.h"

#include <unistd.h>

/* A bar would stand between the records on one terminal. */
bool export_begin(export *e, const char *path, const char *what, bool quiet)
{
    *e = (export){.path = path != NULL ? path : "-"};
    e->file = newfile_open(e->path);
    if (e->file == NULL) {
        return false;
    }
    e->to = newfile_stream(e->file);
    const bool to_stdout = e->to == stdout;
    e->quiet = quiet || to_stdout;
    progress_begin(&e->progress, "exported", 0, quiet || (to_stdout && isatty(STDOUT_FILENO)));
    e->progress.what = what;
    return true;
}

int export_end(export *e, bool good)
{
    progress_clear(&e->progress);
    if (!good) {
        newfile_discard(&e->file);
        return EXIT_CANNOT;
    }
    if (!newfile_commit(&e->file)) {
        return EXIT_CANNOT;
    }
    if (!e->quiet) {
        char text[PROGRESS_TEXT_SIZE];
        progress_summary(&e->progress, e->count, text);
        printf("%s: %s\n", e->path, text);
    }
    return EXIT_GOOD;
}
