/* SPDX-License-Identifier: Apache-2.0 */
/* The services of CMP_SERVICE_HTTPS: plugins send through the worker's own connections. */
#include "pipeline/services.h"

#include "outbound/outbound.h"
#include "outbound/request_check.h"
#include "pipeline/said.h"
#include "pipeline/worker.h"

#include <stdio.h>

#define CONNECTIONS 8
#define WAITING     1024
#define CONNECT_MS  1000
#define IDLE_MS     30000
#define RESOLVE_MS  30000

static uint64_t or_default(uint64_t given, uint64_t otherwise)
{
    return given != 0 ? given : otherwise;
}

static cmp_origin *service_origin_open(const cmp_host *host, const cmp_origin_options *options,
                                       char *error, size_t error_size)
{
    const instance *i = host->core;
    cmp_origin_options given;
    abi_read(i->older, ABI_cmp_origin_options, &given, options);
    if (given.url == NULL) {
        snprintf(error, error_size, "there is no URL");
        return NULL;
    }
    const origin_options full = {
        .name = i->name,
        .of_plugin = true,
        .url = given.url,
        .server_name = given.server_name,
        .ca = given.ca,
        .crl = given.crl,
        .certificate = given.certificate,
        .key = given.key,
        .connections_max = (unsigned)or_default(given.connections_max, CONNECTIONS),
        .waiting_max = (unsigned)or_default(given.waiting_max, WAITING),
        .connect_timeout_ms = or_default(given.connect_timeout_ms, CONNECT_MS),
        .idle_timeout_ms = or_default(given.idle_timeout_ms, IDLE_MS),
        .resolve_interval_ms = or_default(given.resolve_interval_ms, RESOLVE_MS)};
    return origin_create(&full, error, error_size);
}

static void service_origin_close(cmp_origin *o)
{
    origin_unref(&o);
}

static cmp_call *service_https_start(const cmp_host *host, cmp_loop *l, cmp_origin *o,
                                     const cmp_https_request *request,
                                     void (*done)(void *arg, const cmp_https_answer *answer),
                                     void *arg)
{
    const instance *i = host->core;
    const desk *here = desk_here();
    if (here == NULL || here->loop != l) {
        said_wrong(i, "https_start", "loop: is not that of the worker that calls");
        return NULL;
    }
    cmp_https_request ours;
    if (i->older != NULL) {
        abi_read(i->older, ABI_cmp_https_request, &ours, request);
        request = &ours;
    }
    outbound *connections = i->site->worker_outbounds[here->worker];
    char wrong[REQUEST_FAULT_MAX];
    if (!request_check(request, wrong)) {
        said_wrong(i, "https_start", wrong);
        return outbound_refuse(connections, "the request is not one that can be sent", done, arg);
    }
    return outbound_start(connections, o, request, done, arg);
}

void https_services(cmp_host *host)
{
    host->services |= CMP_SERVICE_HTTPS;
    host->origin_open = service_origin_open;
    host->origin_close = service_origin_close;
    host->https_start = service_https_start;
    host->https_cancel = outbound_cancel;
}
