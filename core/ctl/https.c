/* SPDX-License-Identifier: Apache-2.0 */
/* 9.3.2: all communication is https. There is no option to leave verification out: what works here
 * has to work between two CMPs. */
#include "ctl/https.h"

#include "base/interface.h"
#include "ctl/output.h"

#include <cmp-kit/memory.h>

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

/* Of our own daemon more: a thousand peers have many metrics. */
#define BODY_MAX       ((size_t)1 << 20)
#define ADMIN_BODY_MAX ((size_t)1 << 28)

static const char not_https[] = "CMPs speak https only (9.3.2): https://host[:port]";

/* ---- the address ---- */

/* Sets path and query; what is wrong, or NULL. A query in the URL could hold `tid` or `signature` a
 * second time, which no CMP would accept. */
static const char *complete(CURLU *parts, const char *query)
{
    char *scheme = NULL, *path = NULL, *own_query = NULL;
    const char *wrong = NULL;
    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(parts, CURLUPART_PATH, &path, 0);
    curl_url_get(parts, CURLUPART_QUERY, &own_query, 0);
    if (scheme == NULL || strcmp(scheme, "https") != 0) {
        wrong = not_https;
    } else if (own_query != NULL) {
        wrong = "it has a query of its own; give parameters with --param";
    } else if (path == NULL || strcmp(path, "/") == 0) {
        curl_url_set(parts, CURLUPART_PATH, interfaces[CMP_INTERFACE_MC3].path, 0);
    }
    curl_free(scheme);
    curl_free(path);
    curl_free(own_query);
    if (wrong == NULL && query != NULL) {
        curl_url_set(parts, CURLUPART_QUERY, query, 0);
    }
    return wrong;
}

const char *https_url(const char *url, const char *query)
{
    CURLU *parts = curl_url();
    char *whole = NULL, *result = NULL;
    const CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, 0);
    const char *wrong = code == CURLUE_OK                   ? complete(parts, query)
                        : code == CURLUE_UNSUPPORTED_SCHEME ? not_https
                                                            : curl_url_strerror(code);
    if (wrong == NULL && curl_url_get(parts, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
        wrong = "it is no address";
    }
    if (wrong != NULL) {
        output_fail("%s: %s", url, wrong);
    } else {
        result = kit_strdup(whole);
    }
    curl_free(whole);
    curl_url_cleanup(parts);
    return result;
}

void https_url_free(const char **url)
{
    free((char *)*url);
    *url = NULL;
}

/* ---- the request ---- */

/* Answers have a few KiB; a server that is no CMP may send anything. */
static size_t on_body(char *at, size_t one, size_t size, void *arg)
{
    https_answer *answer = arg;
    (void)one; /* always 1 */
    if (answer->body_size + size > answer->body_max) {
        return 0; /* ends the transfer with CURLE_WRITE_ERROR */
    }
    answer->body = kit_realloc(answer->body, answer->body_size + size + 1);
    memcpy(answer->body + answer->body_size, at, size);
    answer->body_size += size;
    return size;
}

/* Keeps the last status line: an interim answer has one of its own. */
static size_t on_header(char *at, size_t one, size_t size, void *arg)
{
    https_answer *answer = arg;
    (void)one;
    if (size > 5 && memcmp(at, "HTTP/", 5) == 0) {
        size_t length = 0;
        while (length < size && length + 1 < sizeof(answer->status_line) &&
               (uint8_t)at[length] >= 0x20 && (uint8_t)at[length] < 0x7F) {
            length++;
        }
        memcpy(answer->status_line, at, length);
        answer->status_line[length] = '\0';
    }
    return size;
}

/* No redirects: a signed request is for the CMP that was named, and no CMP sends any over MC-3.
 * With a CA of its own the system's do not count: what is tested is the chain that the operator
 * means. */
static void set_options(CURL *curl, const https_options *o)
{
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, o->admin_socket != NULL ? "http" : "https");
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, o->admin_socket);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, o->timeout_s);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "cmpctl");
    if (o->ca != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, o->ca);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* these alone, not the system's too */
    }
    curl_easy_setopt(curl, CURLOPT_SSLCERT, o->certificate);
    curl_easy_setopt(curl, CURLOPT_SSLKEY, o->key);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
                     (long)(o->http1   ? CURL_HTTP_VERSION_1_1
                            : o->http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
                                       : CURL_HTTP_VERSION_2TLS));
}

/* Says as well that problems are understood; else a server might choose another form for errors. */
static struct curl_slist *set_request(CURL *curl, const https_request *r)
{
    struct curl_slist *headers = NULL;
    curl_easy_setopt(curl, CURLOPT_URL, r->url);
    if (r->body != NULL) {
        char type[128];
        snprintf(type, sizeof(type), "Content-Type: %s", r->content_type);
        headers = curl_slist_append(headers, type);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, r->body);
    }
    for (size_t i = 0; i < r->header_count; i++) {
        headers = curl_slist_append(headers, r->headers[i]);
    }
    char accept[128];
    snprintf(accept, sizeof(accept), "Accept: %s",
             r->accept != NULL ? r->accept : "application/json, application/problem+json");
    headers = curl_slist_append(headers, accept);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    return headers;
}

static void say(const https_options *options, const char *format, ...) CMP_PRINTF(2, 3);

static void say(const https_options *options, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (options->failure != NULL) {
        snprintf(options->failure, options->failure_size, "%s", text);
    } else {
        output_fail("%s", text);
    }
}

/* For the admin socket the URL is a mere form, and so is what libcurl says about its host. `error`
 * is of the connection, when that failed. */
static void tell_socket_failure(const https_options *options, CURLcode code, int error,
                                const char *what)
{
    if (error == EACCES) {
        say(options,
            "%s: %s; ask as the daemon's user or as root, or have the configuration's "
            "admin.operators or admin.readers name a group of yours",
            options->admin_socket, strerror(error));
    } else if (code == CURLE_OPERATION_TIMEDOUT) {
        say(options, "%s: no answer within %ld s; what was asked may still be done",
            options->admin_socket, options->timeout_s);
    } else {
        say(options, "%s: %s", options->admin_socket, error != 0 ? strerror(error) : what);
    }
}

/* A socket's file outlives its daemon. */
static void tell_failure(CURL *curl, const https_request *request, const https_options *options,
                         CURLcode code, const char *what, https_answer *answer)
{
    long error = 0;
    if (options->admin_socket == NULL) {
        say(options, "%.*s: %s", (int)strcspn(request->url, "?"), request->url, what);
        return;
    }
    if (code == CURLE_COULDNT_CONNECT) {
        curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
        answer->absent = error == ENOENT || error == ECONNREFUSED;
    }
    if (!answer->absent) {
        tell_socket_failure(options, code, (int)error, what);
    }
}

static bool perform(CURL *curl, const https_request *request, const https_options *options,
                    https_answer *answer)
{
    char error[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
    const CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    if (code != CURLE_OK) {
        tell_failure(curl, request, options, code,
                     *error != '\0' ? error : curl_easy_strerror(code), answer);
    }
    return code == CURLE_OK;
}

/* Global state is set up and given back around one request: cmpctl makes one, and with no thread
 * beside it. */
bool https_ask(const https_request *request, const https_options *options, https_answer *answer)
{
    *answer = (https_answer){.body = kit_calloc(1, 1),
                             .body_max = options->admin_socket != NULL ? ADMIN_BODY_MAX : BODY_MAX};
    if (options->http1 && options->http2) {
        output_fail("--http1 and --http2 exclude each other");
        return false;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    bool answered = false;
    if (curl != NULL) {
        set_options(curl, options);
        struct curl_slist *headers = set_request(curl, request);
        answered = perform(curl, request, options, answer);
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
    }
    curl_global_cleanup();
    if (answered && options->http2 && strncmp(answer->status_line, "HTTP/2", 6) != 0) {
        output_fail("the answer came by %.8s, and not by HTTP/2", answer->status_line);
        return false;
    }
    return answered;
}

void https_answer_dispose(https_answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}
