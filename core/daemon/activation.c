/* SPDX-License-Identifier: Apache-2.0 */
/* See activation.h. */
#include "daemon/activation.h"

#include <cmp-kit/text.h>

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_FD  3
#define COUNT_MAX 4096 /* more are no list of listeners */
#define NAME_SIZE 256  /* systemd's longest has 255 octets */

static const conf_place place = {.file = "LISTEN_FDS"};

static bool number_of(const char *variable, int64_t max, int64_t *number)
{
    const char *text = getenv(variable);
    return text != NULL && kit_number_parse(cmp_str_from(text), 1, max, number);
}

/* The name of the next one, without its colon; "" when there is none. */
static void name_next(const char **names, char name[NAME_SIZE])
{
    const size_t size = strcspn(*names, ":");
    snprintf(name, NAME_SIZE, "%.*s", (int)size, *names);
    *names += (*names)[size] == ':' ? size + 1 : size;
}

static void take_all(inherited *in, int count, cmp_report *report)
{
    const char *names = getenv("LISTEN_FDNAMES");
    names = names != NULL ? names : "";
    for (int fd = FIRST_FD; fd < FIRST_FD + count; fd++) {
        char name[NAME_SIZE], error[128];
        name_next(&names, name);
        if (!inherited_add(in, fd, name, NULL, error, sizeof(error))) {
            report_add(report, place, NULL, "descriptor %d%s%s%s: %s", fd,
                       *name != '\0' ? " (" : "", name, *name != '\0' ? ")" : "", error);
        }
    }
}

/* Variables that are another process's were inherited by mistake: they are nobody's business. */
void activation_take(inherited *in, cmp_report *report)
{
    int64_t pid = 0, count = 0;
    if (number_of("LISTEN_PID", INT_MAX, &pid) && pid == getpid()) {
        if (number_of("LISTEN_FDS", COUNT_MAX, &count)) {
            take_all(in, (int)count, report);
        } else {
            report_add(report, place, NULL, "\"%s\" is no number of descriptors from 1 to %d",
                       getenv("LISTEN_FDS") != NULL ? getenv("LISTEN_FDS") : "", COUNT_MAX);
        }
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}
