/* SPDX-License-Identifier: Apache-2.0 */
/* How many requests one worker gets answered: bench_outbound [seconds] [connections] [streams]. */
#include "outbound/outbound.h"
#include "scratch.h"

#include "base/log.h"
#include "https_server.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

typedef struct bench {
    loop *l;
    outbound *o;
    origin *to;
    bool over;
    unsigned under_way;
    uint64_t answered, failed;
} bench;

static void again(bench *b);

static void on_answer(void *arg, const cmp_https_answer *a)
{
    bench *b = arg;
    b->under_way--;
    b->answered += a->result == CMP_HTTPS_ANSWERED;
    b->failed += a->result != CMP_HTTPS_ANSWERED;
    if (!b->over) {
        again(b);
    }
}

static void again(bench *b)
{
    const cmp_pair trace = {CMP_STR("traceparent"),
                            CMP_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")};
    const cmp_https_request request = {
        .method = "GET",
        .path = CMP_STR("?tid=018f3c1e-7b0a-7cc3-98c4-dc0c0c07398f&ici=1A0F1-0000123&signature="
                        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        .accept = CMP_STR("application/json"),
        .headers = &trace,
        .header_count = 1,
        .timeout_ms = 10000,
        .answer_max = 65536};
    b->under_way++;
    outbound_start(b->o, b->to, &request, on_answer, b);
}

static void on_over(void *arg)
{
    *(bool *)arg = true;
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    const unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 3;
    const unsigned connections = argc > 2 ? (unsigned)atoi(argv[2]) : 8;
    const unsigned streams = argc > 3 ? (unsigned)atoi(argv[3]) : 16;
    signal(SIGPIPE, SIG_IGN);
    log_setup(CMP_LOG_ERROR, LOG_TEXT);
    scratch_enter(NULL);
    https_make_certificates();
    const bool http1 = streams == 1;
    https_server *s =
        https_start(&(https_options){.name = "good", .http1 = http1, .streams = streams});
    char url[64], error[256] = "";
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/mc", https_port(s));
    const origin_options options = {.name = "peer",
                                    .url = url,
                                    .ca = "ca.pem",
                                    .connections_max = connections,
                                    .waiting_max = connections * streams,
                                    .connect_timeout_ms = 2000,
                                    .idle_timeout_ms = 60000,
                                    .resolve_interval_ms = 60000};
    bench b = {.l = loop_create(), .to = origin_create(&options, error, sizeof(error))};
    b.o = outbound_create(b.l, NULL);
    loop_timer_start(b.l, (uint64_t)seconds * 1000, on_over, &b.over);
    for (unsigned i = 0; i < connections * streams; i++) {
        again(&b);
    }
    const double cpu = cpu_s();
    while (!b.over || b.under_way > 0) {
        loop_turn(b.l);
    }
    printf("%s, %u x %u: %.0f requests/s, %.2f us of CPU each, %llu failed, %u connections\n",
           http1 ? "HTTP/1.1" : "h2", connections, streams, (double)b.answered / seconds,
           (cpu_s() - cpu) * 1e6 / (double)b.answered, (unsigned long long)b.failed,
           https_connections(s));
    outbound_destroy(&b.o);
    origin_unref(&b.to);
    loop_destroy(&b.l);
    https_stop(&s);
    return scratch_leave(NULL);
}
