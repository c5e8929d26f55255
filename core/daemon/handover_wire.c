/* SPDX-License-Identifier: Apache-2.0 */
/* See handover_wire.h. A message is its kind in one octet, and its words with their NULs. */
#include "daemon/handover_wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORD_MAX ((HANDOVER_SIZE_MAX - 1) / HANDOVER_WORDS_MAX)

typedef union descriptor_room {
    char octets[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
} descriptor_room;

static void attach(struct msghdr *to, descriptor_room *room, int fd)
{
    to->msg_control = room->octets;
    to->msg_controllen = sizeof(room->octets);
    struct cmsghdr *c = CMSG_FIRSTHDR(to);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
}

bool handover_send(int socket, handover_kind kind, const char *const *words, size_t count, int fd)
{
    char octets[HANDOVER_SIZE_MAX] = {(char)kind};
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        const char *word = words[i] != NULL ? words[i] : "";
        const size_t length = strnlen(word, WORD_MAX - 1);
        memcpy(octets + size, word, length);
        size += length;
        octets[size++] = '\0';
    }
    struct iovec part = {octets, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    descriptor_room room = {.octets = {0}};
    if (fd >= 0) {
        attach(&message, &room, fd);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)size;
}

static int descriptor_of(struct msghdr *message)
{
    int fd = -1;
    const struct cmsghdr *c = CMSG_FIRSTHDR(message);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    }
    return fd;
}

/* Words that are missing are "", and so is what stands behind the last NUL. */
static void find_words(handover_message *m, size_t size)
{
    size_t at = 1;
    for (size_t i = 0; i < HANDOVER_WORDS_MAX; i++) {
        const char *end = memchr(m->octets + at, '\0', size - at);
        m->words[i] = end != NULL ? m->octets + at : "";
        at = end != NULL ? (size_t)(end - m->octets) + 1 : size;
    }
}

handover_received handover_receive(int socket, handover_message *m)
{
    struct iovec part = {m->octets, sizeof(m->octets)};
    descriptor_room room = {.octets = {0}};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = room.octets,
                             .msg_controllen = sizeof(room.octets)};
    ssize_t size;
    do {
        size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0 && errno == EAGAIN) {
        return HANDOVER_NOTHING;
    }
    m->fd = size >= 0 ? descriptor_of(&message) : -1;
    if (size <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        if (m->fd >= 0) {
            close(m->fd);
        }
        return HANDOVER_CLOSED;
    }
    m->kind = (handover_kind)m->octets[0];
    find_words(m, (size_t)size);
    return HANDOVER_RECEIVED;
}
