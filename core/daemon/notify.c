/* SPDX-License-Identifier: Apache-2.0 */
/* See notify.h. A datagram is too little to link libsystemd for. */
#include "daemon/notify.h"

#include "base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 1

static bool silent; /* another process speaks for the service */

/* A path, or with `@` in front a name in the abstract space, which has a NUL there and none at its
 * end. False when it is neither. */
static bool address_of(const char *name, struct sockaddr_un *address, socklen_t *size)
{
    const size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(address->sun_path)) {
        errno = EINVAL;
        return false;
    }
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (name[0] == '@') {
        address->sun_path[0] = '\0';
    } else {
        *size += 1;
    }
    return true;
}

static bool send_to(const char *name, const char *message)
{
    struct sockaddr_un address;
    socklen_t size;
    if (!address_of(name, &address, &size)) {
        return false;
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    const ssize_t sent =
        sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
    const int error = errno;
    close(fd);
    errno = error;
    return sent >= 0;
}

/* A manager that hears nothing ends a service that is well, so that is worth a line. */
static void say(const char *message)
{
    const char *name = getenv("NOTIFY_SOCKET");
    if (silent || name == NULL || name[0] == '\0') {
        return;
    }
    if (!send_to(name, message)) {
        log_warning("daemon", "the service manager cannot be told \"%.*s\" at %s: %s",
                    (int)strcspn(message, "\n"), message, name, strerror(errno));
    }
}

void notify_ready(void)
{
    say("READY=1");
}

/* With the time, or systemd could not tell this reload from the one before. */
void notify_reloading(void)
{
    struct timespec now;
    char message[64];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(message, sizeof(message), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    say(message);
}

void notify_stopping(void)
{
    say("STOPPING=1");
}

void notify_status(const char *text)
{
    char message[256];
    snprintf(message, sizeof(message), "STATUS=%.*s", (int)strcspn(text, "\n"), text);
    say(message);
}

void notify_main_pid(pid_t pid)
{
    char message[32];
    snprintf(message, sizeof(message), "MAINPID=%d", (int)pid);
    silent = false;
    say(message);
    silent = pid != getpid();
}
