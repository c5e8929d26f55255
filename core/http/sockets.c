/* See sockets.h. */
#include "http/sockets.h"

#include "base/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

/* Splits "1.2.3.4:port", "[v6]:port" and "*:port" (both families; the caller asks for it as [::]).
 */
static bool address_parse(const char *text, struct sockaddr_storage *address, socklen_t *size)
{
    char host[256];
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host)) {
        return false;
    }
    const size_t host_size = (size_t)(colon - text);
    memcpy(host, text, host_size);
    host[host_size] = '\0';
    char *name = host;
    if (strcmp(host, "*") == 0) {
        strcpy(host, "::");
    } else if (host[0] == '[' && host_size > 2 && host[host_size - 1] == ']') {
        host[host_size - 1] = '\0';
        name++;
    }
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(name, colon + 1, &hints, &found) != 0) {
        return false;
    }
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* Accepted sockets inherit these; the buffer has to be set before their windows are negotiated. */
static void set_inherited(int fd, int receive_buffer)
{
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
}

static int socket_bind(const struct sockaddr_storage *address, socklen_t size, bool both_families,
                       int receive_buffer)
{
    const int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const int on = 1, v6_only = !both_families;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    set_inherited(fd, receive_buffer);
    if (address->ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    }
    if (bind(fd, (const struct sockaddr *)address, size) != 0 || listen(fd, BACKLOG) != 0) {
        const int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* The kernel takes less without a word, and shows twice what it took. */
static void warn_when_smaller(int fd, const conf_listener *l)
{
    int taken = 0;
    socklen_t size = sizeof(taken);
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &taken, &size) == 0 &&
        taken / 2 < l->receive_buffer_bytes) {
        log_warning("http",
                    "listener %s: the kernel allows a receive_buffer of %d octets only, not "
                    "%lld; see net.core.rmem_max",
                    l->name, taken / 2, (long long)l->receive_buffer_bytes);
    }
}

static void log_bound(const char *listener, const struct sockaddr_storage *address)
{
    char host[INET6_ADDRSTRLEN] = "", port[16] = "";
    getnameinfo((const struct sockaddr *)address, sizeof(*address), host, sizeof(host), port,
                sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    log_notice("http", "listener %s at %s port %s", listener, host, port);
}

/* Another process on the same port would silently share it, thanks to SO_REUSEPORT. */
static bool is_taken(const struct sockaddr_storage *address, socklen_t size, bool both_families)
{
    const int on = 1, v6_only = !both_families;
    const int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    }
    const bool taken = bind(fd, (const struct sockaddr *)address, size) != 0 && errno == EADDRINUSE;
    close(fd);
    return taken;
}

/* Binds one address once for each worker; the first may choose the port for all. */
static bool bind_for_all(sockets *s, size_t i, const char *text, const conf_listener *l)
{
    struct sockaddr_storage address = {0};
    socklen_t size = 0;
    const bool both_families = text[0] == '*';
    if (!address_parse(text, &address, &size)) {
        errno = EINVAL;
        return false;
    }
    if (is_taken(&address, size, both_families)) {
        errno = EADDRINUSE;
        return false;
    }
    for (unsigned worker = 0; worker < s->workers; worker++) {
        const int fd = socket_bind(&address, size, both_families, (int)l->receive_buffer_bytes);
        if (fd < 0) {
            return false;
        }
        s->at[worker * s->count + i] = fd;
        getsockname(fd, (struct sockaddr *)&address, &size);
    }
    warn_when_smaller(s->at[i], l);
    log_bound(l->name, &address);
    return true;
}

bool sockets_open(sockets *s, const conf *c, unsigned workers, cmp_report *report)
{
    const conf_listener *all = c->top.listeners.at;
    *s = (sockets){.workers = workers};
    for (size_t l = 0; l < c->top.listeners.count; l++) {
        s->count += all[l].bind.count;
    }
    s->at = kit_alloc(workers * s->count * sizeof(*s->at));
    s->listener = kit_calloc(s->count, sizeof(*s->listener));
    memset(s->at, -1, workers * s->count * sizeof(*s->at));
    const size_t errors = report->count;
    size_t i = 0;
    for (size_t l = 0; l < c->top.listeners.count; l++) {
        for (size_t b = 0; b < all[l].bind.count; b++, i++) {
            s->listener[i] = l;
            if (!bind_for_all(s, i, all[l].bind.at[b], &all[l])) {
                char key[64];
                snprintf(key, sizeof(key), "listeners[%zu].bind", l);
                report_add(report, conf_place_of(c, key), key, "cannot bind %s: %s",
                           all[l].bind.at[b], strerror(errno));
            }
        }
    }
    return report->count == errors;
}

void sockets_close(sockets *s)
{
    for (size_t i = 0; i < s->workers * s->count; i++) {
        if (s->at[i] >= 0) {
            close(s->at[i]);
        }
    }
    free(s->at);
    free(s->listener);
    *s = (sockets){0};
}
