/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: its wall clock goes wrong by as many seconds as stand in the file that
 * SET_CLOCK names, from the moment when they stand there. Other clocks are right. Whether somebody
 * keeps it right is what CLOCK_KEPT says (0, 1), or is not to be known (-). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static long offset_s(void)
{
    const char *path = getenv("SET_CLOCK");
    char text[32] = "";
    const int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return 0;
    }
    const ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    return size > 0 ? strtol(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t which, struct timespec *now)
{
    const int result = (int)syscall(SYS_clock_gettime, which, now);
    if (which == CLOCK_REALTIME) {
        now->tv_sec += offset_s();
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec real;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &real);
    *now = (struct timeval){.tv_sec = real.tv_sec, .tv_usec = real.tv_nsec / 1000};
    return 0;
}

int adjtimex(struct timex *state)
{
    const char *kept = getenv("CLOCK_KEPT");
    if (kept != NULL && *kept == '-') {
        errno = EPERM;
        return -1;
    }
    *state = (struct timex){.status = kept != NULL && *kept == '1' ? 0 : STA_UNSYNC};
    return state->status == 0 ? TIME_OK : TIME_ERROR;
}
