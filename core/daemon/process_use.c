/* SPDX-License-Identifier: Apache-2.0 */
/* See process_use.h. */
#include "daemon/process_use.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* One of the numbers of pages that it tells. */
static double pages(unsigned at)
{
    char line[128] = "";
    char *number = line;
    unsigned long count = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f != NULL) {
        number = fgets(line, sizeof(line), f) != NULL ? line : NULL;
        fclose(f);
    }
    for (unsigned i = 0; number != NULL && i <= at; i++) {
        count = strtoul(number, &number, 10);
    }
    return (double)count * (double)sysconf(_SC_PAGESIZE);
}

double process_virtual_bytes(void)
{
    return pages(0);
}

double process_resident_bytes(void)
{
    return pages(1);
}

/* Without the two that every folder has, and the one that it is read by. */
unsigned process_descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return 0;
    }
    while (readdir(folder) != NULL) { /* NOLINT(concurrency-mt-unsafe): nobody else has it */
        count++;
    }
    closedir(folder);
    return count > 3 ? count - 3 : 0;
}

double process_cpu_seconds(void)
{
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
