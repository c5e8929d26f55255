/* SPDX-License-Identifier: Apache-2.0 */
/* See process_use.h. */
#include "daemon/process_use.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* A number of octets, or the word max. */
static double read_limit(const char *path)
{
    char line[64] = "";
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        (void)!fgets(line, sizeof(line), f);
        fclose(f);
    }
    return line[0] >= '0' && line[0] <= '9' ? (double)strtoull(line, NULL, 10) : INFINITY;
}

double process_group_limit_bytes(const char *root, const char *path)
{
    char at[PATH_MAX];
    const size_t top = strlen(root);
    size_t end = top + strlen(path);
    double least = INFINITY;
    if (end + sizeof("/memory.max") > sizeof(at)) {
        return least;
    }
    snprintf(at, sizeof(at), "%s%s", root, path);
    for (;;) {
        snprintf(at + end, sizeof(at) - end, "/memory.max");
        const double limit = read_limit(at);
        least = limit < least ? limit : least;
        if (end <= top) {
            return least;
        }
        do {
            end--;
        } while (end > top && at[end] != '/');
    }
}

/* The line of version 2 has no name: "0::/system.slice/cmpd.service". */
static double groups_limit(void)
{
    char line[PATH_MAX];
    double limit = INFINITY;
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (f == NULL) {
        return limit;
    }
    while (fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "0::", 3) == 0) {
            line[strcspn(line, "\n")] = '\0';
            limit = process_group_limit_bytes("/sys/fs/cgroup", line + 3);
        }
    }
    fclose(f);
    return limit;
}

double process_memory_limit_bytes(void)
{
    const double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    const double groups = groups_limit();
    return groups < machine ? groups : machine;
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
