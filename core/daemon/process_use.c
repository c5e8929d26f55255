/* SPDX-License-Identifier: Apache-2.0 */
/* See process_use.h. */
#include "daemon/process_use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double process_resident_bytes(void)
{
    char line[128];
    unsigned long resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f != NULL) {
        const char *second = fgets(line, sizeof(line), f) != NULL ? strchr(line, ' ') : NULL;
        resident = second != NULL ? strtoul(second, NULL, 10) : 0;
        fclose(f);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

double process_cpu_seconds(void)
{
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
