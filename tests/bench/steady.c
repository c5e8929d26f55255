/* Partners that ask at a steady rate, over a few h2 connections, whatever else happens: each
 * request is signed, and its time counts from when it was due, so that a server that stalls is not
 * let off.
 *
 *     steady --port N --key ID --secret HEX --ici ICI [--rate N] [--connections N] [--source
 * ADDRESS]
 *
 * A line on standard input ends a phase, whose figures are then written as a line of JSON; the end
 * of standard input ends the program. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MS             UINT64_C(1000000)
#define SECONDS_MAX    600u
#define SLOT_MS        100u /* the grain in which recovery is told */
#define SLOTS_MAX      (SECONDS_MAX * 1000 / SLOT_MS)
#define GOOD_MS        25u /* a request that is answered later than this is not as good as before */
#define GOOD_SLOTS     3u  /* in a row are needed to say that all is well again */
#define GIVE_UP_MS     1000u
#define RECONNECT_MS   50u
#define STREAMS_MAX    100u
#define LATENCIES_MAX  ((size_t)1 << 22)
#define CONNECTION_MAX 64u

typedef struct connection connection;

typedef struct request {
    connection *on; /* NULL: not in use */
    uint64_t due_ns;
    int status;
} request;

struct connection {
    int fd; /* -1: none */
    bool ready, wants_write;
    SSL *ssl;
    nghttp2_session *session;
    uint64_t again_ns; /* when it is to be opened again */
    uint64_t until_ns; /* gets no more requests from then on */
    unsigned under_way;
    request requests[STREAMS_MAX];
};

typedef struct phase {
    unsigned number;
    uint64_t began_ns;
    uint64_t due, answered, refused, failed;
    size_t latency_count;
} phase;

/* Requests by when they were due: how many, and how many were answered in GOOD_MS. */
static struct slot {
    unsigned due, good;
} slots[SLOTS_MAX];

static struct options {
    const char *source, *key, *ici;
    uint16_t port;
    unsigned rate, connections, lifetime_ms;
    uint8_t secret[128];
    size_t secret_size;
} options = {.rate = 2000, .connections = 4};

static SSL_CTX *tls;
static int epoll_fd;
static uint64_t began_ns, asked;
static connection connections[CONNECTION_MAX];
static phase now_in;
static uint32_t *latencies_us;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

static uint64_t due_ns(uint64_t number)
{
    return began_ns + number * 1000 * MS / options.rate;
}

static struct slot *slot_at(uint64_t ns)
{
    const uint64_t slot = (ns - began_ns) / (SLOT_MS * MS);
    return &slots[slot < SLOTS_MAX ? slot : SLOTS_MAX - 1];
}

/* ---- requests ---- */

static void request_over(request *r, bool answered)
{
    const uint64_t took_ns = now_ns() - r->due_ns;
    r->on->under_way--;
    if (!answered) {
        now_in.failed++;
    } else if (r->status != 200) {
        now_in.refused++;
    } else {
        now_in.answered++;
        slot_at(r->due_ns)->good += took_ns <= GOOD_MS * MS;
        if (now_in.latency_count < LATENCIES_MAX) {
            latencies_us[now_in.latency_count++] = (uint32_t)(took_ns / 1000);
        }
    }
    r->on = NULL;
}

static void write_hex(const uint8_t *octets, size_t size, char *to)
{
    for (size_t i = 0; i < size; i++) {
        snprintf(to + 2 * i, 3, "%02x", octets[i]);
    }
}

static void write_target(char *to, size_t room)
{
    char tid[64], text[320], mac_text[65];
    uint8_t mac[32];
    snprintf(tid, sizeof(tid), "%08x-0000-7000-8000-%012lx", (unsigned)getpid(), asked);
    const int size = snprintf(text, sizeof(text), "%s%s", tid, options.ici);
    HMAC(EVP_sha256(), options.secret, (int)options.secret_size, (const uint8_t *)text,
         (size_t)size, mac, NULL);
    write_hex(mac, sizeof(mac), mac_text);
    snprintf(to, room, "/mc-3/resolve-ici?tid=%s&ici=%s&user=user-1&apikeyid=%s&signature=%s", tid,
             options.ici, options.key, mac_text);
}

static nghttp2_nv pair(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0};
}

static void ask(connection *c, uint64_t due)
{
    char target[1024];
    write_target(target, sizeof(target));
    const nghttp2_nv pairs[] = {pair(":method", "GET"), pair(":scheme", "https"),
                                pair(":authority", "localhost"), pair(":path", target)};
    request *r = c->requests;
    while (r->on != NULL) {
        r++; /* under_way < STREAMS_MAX */
    }
    *r = (request){.on = c, .due_ns = due};
    c->under_way++;
    if (nghttp2_submit_request(c->session, NULL, pairs, 4, NULL, r) < 0) {
        request_over(r, false);
    }
}

static connection *free_connection(void)
{
    static unsigned next;
    for (unsigned i = 0; i < options.connections; i++) {
        connection *c = &connections[next++ % options.connections];
        if (c->ready && c->under_way < STREAMS_MAX && now_ns() < c->until_ns) {
            return c;
        }
    }
    return NULL;
}

/* All that is due goes out, or waits for a connection; not for ever. */
static void ask_what_is_due(void)
{
    for (uint64_t now = now_ns(), due; (due = due_ns(asked)) <= now; asked++) {
        connection *c = free_connection();
        if (c != NULL) {
            ask(c, due);
        } else if (now - due > GIVE_UP_MS * MS) {
            now_in.failed++;
        } else {
            return;
        }
        now_in.due++;
        slot_at(due)->due++;
    }
}

/* ---- connections ---- */

static void connection_close(connection *c)
{
    for (size_t i = 0; i < STREAMS_MAX; i++) {
        if (c->requests[i].on != NULL) {
            request_over(&c->requests[i], false);
        }
    }
    nghttp2_session_del(c->session);
    SSL_free(c->ssl);
    close(c->fd);
    *c = (connection){.fd = -1, .again_ns = now_ns() + RECONNECT_MS * MS};
}

static bool would_block(const connection *c, int result)
{
    const int error = SSL_get_error(c->ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void arm(connection *c, bool wants_write)
{
    if (c->wants_write != wants_write) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        event.events |= wants_write ? (uint32_t)EPOLLOUT : 0u;
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
        c->wants_write = wants_write;
    }
}

static void connection_send(connection *c)
{
    ERR_clear_error();
    const int result = nghttp2_session_send(c->session);
    if (result != 0) {
        connection_close(c);
    }
}

static void connection_receive(connection *c)
{
    static uint8_t octets[65536];
    for (;;) {
        ERR_clear_error();
        const int got = SSL_read(c->ssl, octets, sizeof(octets));
        if (got <= 0) {
            if (!would_block(c, got)) {
                connection_close(c);
                return;
            }
            break;
        }
        if (nghttp2_session_mem_recv(c->session, octets, (size_t)got) < 0) {
            connection_close(c);
            return;
        }
    }
    if (!nghttp2_session_want_read(c->session)) {
        connection_close(c); /* GOAWAY, and all is answered */
    }
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *octets, size_t size, int flags,
                       void *arg)
{
    (void)session, (void)flags;
    connection *c = arg;
    const int sent = SSL_write(c->ssl, octets, (int)size);
    if (sent > 0) {
        arm(c, false);
        return sent;
    }
    if (!would_block(c, sent)) {
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    arm(c, true);
    return NGHTTP2_ERR_WOULDBLOCK;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t size, uint8_t flags, void *arg)
{
    (void)flags, (void)arg, (void)size;
    request *r = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (r != NULL && name_size == 7 && memcmp(name, ":status", 7) == 0) {
        r->status = (int)strtol((const char *)value, NULL, 10);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *arg)
{
    (void)arg;
    request *r = nghttp2_session_get_stream_user_data(session, stream);
    if (r != NULL) {
        nghttp2_session_set_stream_user_data(session, stream, NULL);
        request_over(r, error == 0);
    }
    return 0;
}

static void on_ready(connection *c)
{
    static nghttp2_session_callbacks *callbacks;
    if (callbacks == NULL) {
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    }
    if (nghttp2_session_client_new(&c->session, callbacks, c) != 0) {
        errx(1, "out of memory");
    }
    nghttp2_submit_settings(c->session, 0, NULL, 0);
    c->ready = true;
    /* Not all at the same time. */
    const uint64_t index = (uint64_t)(c - connections), count = options.connections;
    c->until_ns = options.lifetime_ms == 0
                      ? UINT64_MAX
                      : now_ns() + options.lifetime_ms * MS * (count + index) / count;
    connection_send(c);
}

static void connection_open(connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(options.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
                       from = {.sin_family = AF_INET};
    const int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (options.source != NULL && (inet_pton(AF_INET, options.source, &from.sin_addr) != 1 ||
                                   bind(c->fd, (struct sockaddr *)&from, sizeof(from)) != 0)) {
        err(2, "--source %s", options.source);
    }
    c->ssl = SSL_new(tls);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set_connect_state(c->ssl);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    c->wants_write = true;
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) {
        connection_close(c);
    }
}

static void on_event(connection *c, uint32_t events)
{
    if (c->ready) {
        if ((events & ~(uint32_t)EPOLLOUT) != 0) {
            connection_receive(c);
        }
    } else {
        ERR_clear_error();
        const int result = SSL_do_handshake(c->ssl);
        if (result == 1) {
            on_ready(c);
        } else if (!would_block(c, result)) {
            connection_close(c);
        } else {
            arm(c, SSL_get_error(c->ssl, result) == SSL_ERROR_WANT_WRITE);
        }
    }
}

/* ---- phases ---- */

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double quantile_ms(double q)
{
    const size_t count = now_in.latency_count;
    return count == 0 ? 0 : latencies_us[(size_t)(q * (double)(count - 1))] / 1000.0;
}

/* Milliseconds from the phase's begin to the first of some slots in a row in which 95 of 100 were
 * answered in good time; -1: there were none. */
static long recovered_ms(uint64_t now)
{
    const uint64_t first = (now_in.began_ns - began_ns) / (SLOT_MS * MS);
    const uint64_t last = (now - GOOD_MS * MS - began_ns) / (SLOT_MS * MS);
    unsigned in_a_row = 0;
    for (uint64_t i = first; i < last && i < SLOTS_MAX; i++) {
        in_a_row = slots[i].due > 0 && slots[i].good * 100 >= slots[i].due * 95 ? in_a_row + 1 : 0;
        if (in_a_row == GOOD_SLOTS) {
            return (long)((i + 1 - GOOD_SLOTS - first) * SLOT_MS);
        }
    }
    return -1;
}

static void phase_report(void)
{
    const uint64_t now = now_ns();
    const double seconds = (double)(now - now_in.began_ns) / 1e9;
    qsort(latencies_us, now_in.latency_count, sizeof(*latencies_us), compare);
    printf("{\"phase\": %u, \"seconds\": %.3f, \"rate\": %.1f, \"due\": %lu, \"answered\": %lu, "
           "\"refused\": %lu, \"failed\": %lu, \"p50_ms\": %.2f, \"p99_ms\": %.2f, "
           "\"max_ms\": %.2f, \"recovered_ms\": %ld}\n",
           now_in.number, seconds, (double)now_in.answered / seconds, now_in.due, now_in.answered,
           now_in.refused, now_in.failed, quantile_ms(.5), quantile_ms(.99), quantile_ms(1),
           recovered_ms(now));
    fflush(stdout);
    now_in = (phase){.number = now_in.number + 1, .began_ns = now};
}

/* False: there will be no more phases. */
static bool read_orders(void)
{
    char text[64];
    const ssize_t size = read(STDIN_FILENO, text, sizeof(text));
    for (ssize_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            phase_report();
        }
    }
    return size > 0 || (size < 0 && errno == EAGAIN);
}

/* Sends what is to be sent, and leaves those whose time is over. */
static void look_after(connection *c)
{
    if (c->ready && nghttp2_session_want_write(c->session)) {
        connection_send(c);
    }
    if (c->ready && c->under_way == 0 && now_ns() >= c->until_ns) {
        connection_close(c);
        c->again_ns = 0;
    }
    if (c->fd < 0 && now_ns() >= c->again_ns) {
        connection_open(c);
    }
}

static void run(void)
{
    struct epoll_event events[CONNECTION_MAX];
    began_ns = now_ns();
    now_in.began_ns = began_ns;
    while (read_orders() && now_ns() - began_ns < SECONDS_MAX * 1000 * MS) {
        const int count = epoll_wait(epoll_fd, events, CONNECTION_MAX, 1);
        for (int i = 0; i < count; i++) {
            on_event(events[i].data.ptr, events[i].events);
        }
        ask_what_is_due();
        for (unsigned i = 0; i < options.connections; i++) {
            look_after(&connections[i]);
        }
    }
}

static void take_secret(const char *text)
{
    while (options.secret_size < sizeof(options.secret) &&
           sscanf(text + 2 * options.secret_size, "%2hhx", &options.secret[options.secret_size]) ==
               1) {
        options.secret_size++;
    }
}

static void take_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"key", required_argument, NULL, 'k'},
        {"secret", required_argument, NULL, 'x'},
        {"ici", required_argument, NULL, 'i'},
        {"rate", required_argument, NULL, 'r'},
        {"connections", required_argument, NULL, 'c'},
        {"source", required_argument, NULL, 's'},
        {"lifetime", required_argument, NULL, 'l'},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'p':
            options.port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 'k':
            options.key = optarg;
            break;
        case 'x':
            take_secret(optarg);
            break;
        case 'i':
            options.ici = optarg;
            break;
        case 'r':
            options.rate = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            options.connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            options.source = optarg;
            break;
        case 'l':
            options.lifetime_ms = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    }
    if (options.port == 0 || options.key == NULL || options.ici == NULL || options.rate == 0 ||
        options.secret_size == 0 || options.connections - 1 >= CONNECTION_MAX) {
        errx(2, "see the head of steady.c");
    }
}

int main(int argc, char **argv)
{
    static const unsigned char h2[] = "\2h2";
    take_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_alpn_protos(tls, h2, sizeof(h2) - 1);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    latencies_us = malloc(LATENCIES_MAX * sizeof(*latencies_us));
    if (latencies_us == NULL || epoll_fd < 0) {
        err(1, "steady");
    }
    for (unsigned i = 0; i < options.connections; i++) {
        connections[i].fd = -1;
    }
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    run();
    return 0;
}
