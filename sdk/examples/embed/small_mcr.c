/* SPDX-License-Identifier: 0BSD */
/* A registry (MCR) in one file: answers MC-3-RESOLVE_ICI with a referral to the CMP whose prefix
 * heads the ICI, once auth_hmac has verified the signature.
 *
 *     small_mcr PORT CERTIFICATE KEY PLUGINS KEYRING PREFIX=HOST…
 *
 * 9.3.2 wants https, and 127.0.0.1 alone is listened on. The registry is in the first half; the
 * second one is as much HTTP/1.1 as it needs, one request at a time: a real one has a server. */
#include <cmp-embed/embed.h>

#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define REFERRAL_TTL_S 3600

static char **prefixes; /* PREFIX=HOST, ended by NULL */

/* The longest prefix that heads the ICI, or NULL. */
static const char *find(cmp_str ici)
{
    const char *found = NULL;
    size_t longest = 0;
    for (char **at = prefixes; *at != NULL; at++) {
        const size_t size = strcspn(*at, "=");
        if (size > longest && size <= ici.size && strncasecmp(*at, ici.at, size) == 0) {
            found = *at;
            longest = size;
        }
    }
    return found;
}

/* What the registry says: a status, and a body. */
static int registry(cmp_embed_worker *w, const cmp_embed_request *request, char *body, size_t room,
                    size_t *size)
{
    cmp_embed_answer a = CMP_EMBED_ANSWER;
    int status = cmp_embed_verify(w, request, &a);
    if (status == 200) {
        status = cmp_embed_validate(&a);
    }
    if (status != 200) {
        fprintf(stderr, "%d %s: %s\n", status, a.code, a.reason != NULL ? a.reason : "");
    } else {
        const char *found = find(cmp_embed_param(&a, CMP_PARAM_ICI));
        if (found != NULL) {
            const cmp_str prefix = {found, strcspn(found, "=")};
            *size = cmp_embed_referral(&a, prefix, cmp_str_from(found + prefix.size + 1),
                                       REFERRAL_TTL_S, body, room);
            cmp_embed_done(&a, 200);
            return 200;
        }
        status = cmp_embed_refuse(&a, "unknown_ici");
    }
    *size = cmp_embed_body(&a, body, room);
    cmp_embed_done(&a, status);
    return status;
}

/* ---- as much of HTTP as it needs ---- */

/* The head's end, or NULL. */
static char *head_end(char *text)
{
    char *end = strstr(text, "\r\n\r\n");
    return end != NULL ? end + 4 : NULL;
}

static size_t body_size(const char *head)
{
    const char *field = strcasestr(head, "\r\ncontent-length:");
    return field != NULL ? strtoul(field + sizeof("\r\ncontent-length:") - 1, NULL, 10) : 0;
}

/* Reads one request, head and body, and ends it with a NUL. NULL: it is none, or too large. */
static char *receive(BIO *connection, char *text, size_t room)
{
    size_t size = 0;
    for (char *body;;) {
        const int got = BIO_read(connection, text + size, (int)(room - 1 - size));
        if (got <= 0) {
            return NULL;
        }
        size += (size_t)got;
        text[size] = '\0';
        if ((body = head_end(text)) != NULL && size >= (size_t)(body - text) + body_size(text)) {
            return body;
        }
    }
}

static void serve(cmp_embed *e, cmp_embed_worker *w, BIO *connection)
{
    char text[16384], answer[8192];
    size_t size = 0;
    const char *body = receive(connection, text, sizeof(text));
    if (body == NULL) {
        return;
    }
    cmp_embed_request request = CMP_EMBED_REQUEST;
    const char *query = memchr(text, '?', strcspn(text, "\r"));
    if (strncmp(text, "GET ", 4) == 0 && query != NULL) {
        request.form = (cmp_str){query + 1, strcspn(query + 1, " \r")};
    } else if (strcasestr(text, "\r\ncontent-type: application/json") != NULL) {
        request.json = cmp_str_from(body);
    } else {
        request.form = cmp_str_from(body);
    }
    const int status = registry(w, &request, answer, sizeof(answer), &size);
    BIO_printf(connection, "HTTP/1.1 %d Told\r\nContent-Type: application/%s\r\n", status,
               status == 200 ? "json" : "problem+json");
    if (status == 401) {
        BIO_printf(connection, "WWW-Authenticate: %s\r\n",
                   cmp_embed_plugin(e)->ops.auth->challenge);
    } else if (status == 429 || status == 503) {
        BIO_printf(connection, "Retry-After: 5\r\n");
    }
    BIO_printf(connection, "Cache-Control: no-store\r\nConnection: close\r\n");
    BIO_printf(connection, "Content-Length: %zu\r\n\r\n%.*s", size, (int)size, answer);
}

static BIO *listen_at(const char *port, const char *certificate, const char *key)
{
    char address[64];
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    snprintf(address, sizeof(address), "127.0.0.1:%s", port);
    BIO *listening = BIO_new_accept(address);
    if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "%s, %s: no certificate and its key\n", certificate, key);
        exit(1);
    }
    BIO_set_accept_bios(listening, BIO_new_ssl(tls, 0));
    SSL_CTX_free(tls);
    BIO_set_bind_mode(listening, BIO_BIND_REUSEADDR);
    if (BIO_do_accept(listening) <= 0) { /* the first time it only binds */
        fprintf(stderr, "%s: cannot be listened on\n", address);
        exit(1);
    }
    return listening;
}

static volatile sig_atomic_t again, ended;

static void on_signal(int number)
{
    if (number == SIGHUP) {
        again = 1;
    } else {
        ended = 1;
    }
}

int main(int argc, char **argv)
{
    cmp_embed_error error;
    if (argc < 6) {
        fputs("small_mcr PORT CERTIFICATE KEY PLUGINS KEYRING PREFIX=HOST...\n", stderr);
        return 2;
    }
    prefixes = argv + 6;
    const cmp_embed_settings settings = {.size = sizeof(settings), .keyring = argv[5]};
    cmp_embed *e = cmp_embed_open(argv[4], "auth_hmac", NULL, &settings, &error);
    cmp_embed_worker *w = e != NULL ? cmp_embed_attach(e, &error) : NULL;
    if (w == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    /* Signals come while it waits, and nowhere else. */
    sigset_t ours, none;
    sigemptyset(&none);
    sigemptyset(&ours);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGTERM);
    sigprocmask(SIG_BLOCK, &ours, NULL);
    signal(SIGHUP, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGPIPE, SIG_IGN);
    BIO *listening = listen_at(argv[1], argv[2], argv[3]);
    struct pollfd waiting = {.fd = BIO_get_fd(listening, NULL), .events = POLLIN};
    fputs("ready\n", stderr);
    while (!ended) {
        if (ppoll(&waiting, 1, NULL, &none) > 0 && BIO_do_accept(listening) > 0) {
            BIO *connection = BIO_pop(listening);
            serve(e, w, connection);
            BIO_ssl_shutdown(connection);
            BIO_free_all(connection);
        }
        if (again) { /* SIGHUP: the keyring has changed */
            again = 0;
            fprintf(stderr, "%s\n",
                    cmp_embed_keyring(e, argv[5], &error) ? "the new keys are in use" : error.text);
        }
    }
    BIO_free_all(listening);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
    return 0;
}
