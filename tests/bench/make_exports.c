/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the exports of two CMPs for cmpctl journal reconcile, with faults whose numbers it prints:
 *
 *     make_exports COUNT ours.csv theirs.ndjson
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { AGREED, ONLY_OURS, ONLY_THEIRS, DIFFER, APART, TWICE_THEIRS, LOST, REJECTED, FAULTS };

static const char *const words[] = {"agreed",          "only_ours",   "only_theirs",
                                    "verdicts_differ", "times_apart", "duplicate_theirs",
                                    "answer_lost",     "rejected"};

#define EACH       1000                   /* one of so many has each fault */
#define BEGIN_MS   INT64_C(1790000000000) /* in October 2026 */
#define APART_MS   10000
#define AHEAD_MS   3000 /* of the other's clock */
#define SHUFFLE_BY UINT64_C(0x9E3779B97F4A7C15)

static uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= SHUFFLE_BY;
    x ^= x >> 29;
    x *= UINT64_C(0xBF58476D1CE4E5B9);
    return x ^ x >> 32;
}

static void put_time(FILE *to, int64_t ms)
{
    static int64_t day = -1;
    static char text[16];
    if (ms / 86400000 != day) {
        day = ms / 86400000;
        const time_t at = (time_t)(day * 86400);
        struct tm broken;
        strftime(text, sizeof(text), "%Y-%m-%d", gmtime_r(&at, &broken));
    }
    const unsigned of_day = (unsigned)(ms % 86400000);
    fprintf(to, "%sT%02u:%02u:%02u.%03uZ", text, of_day / 3600000, of_day / 60000 % 60,
            of_day / 1000 % 60, of_day % 1000);
}

static void put_tid(FILE *to, uint64_t number)
{
    const uint64_t a = mix(number), b = mix(a);
    fprintf(to, "%08" PRIx32 "-%04x-7%03x-8%03x-%012" PRIx64, (uint32_t)(a >> 32),
            (unsigned)(a >> 16 & 0xFFFF), (unsigned)(a & 0xFFF), (unsigned)(b & 0xFFF),
            (uint64_t)(b >> 16));
}

static void put_ours(FILE *to, uint64_t number, int64_t ms, unsigned fault, bool found)
{
    put_time(to, ms);
    fputs(",attempt,out,b,", to);
    put_tid(to, number);
    fprintf(to, ",2B001-%" PRIu64 ",", number % 100000);
    fputs(fault == LOST       ? "timeout,,,1,GB\n"
          : fault == REJECTED ? "refused,authentication_failed,401,1,GB\n"
          : found             ? "resolved,,200,1,GB\n"
                              : "refused,unknown_ici,404,1,FR\n",
          to);
}

static void put_theirs(FILE *to, uint64_t number, int64_t ms, unsigned fault, bool found)
{
    fputs("{\"time\":\"", to);
    put_time(to, ms + AHEAD_MS + (fault == APART ? APART_MS : 0));
    fprintf(to, "\",\"kind\":\"%s\",\"direction\":\"in\",\"peer\":\"a\",\"tid\":\"",
            fault == REJECTED ? "rejection" : "transaction");
    put_tid(to, number);
    fprintf(to, "\",\"ici\":\"2B001-%" PRIu64 "\",", number % 100000);
    fputs(fault == REJECTED
              ? "\"verdict\":\"refused\",\"code\":\"authentication_failed\",\"status\":401}\n"
          : found == (fault != DIFFER)
              ? "\"verdict\":\"resolved\",\"status\":200,\"cc\":\"GB\"}\n"
              : "\"verdict\":\"refused\",\"code\":\"unknown_ici\",\"status\":404,\"cc\":\"FR\"}\n",
          to);
}

int main(int argc, char **argv)
{
    FILE *ours = argc == 4 ? fopen(argv[2], "w") : NULL;
    FILE *theirs = argc == 4 ? fopen(argv[3], "w") : NULL;
    if (ours == NULL || theirs == NULL) {
        fputs("Usage: make_exports COUNT OURS.csv THEIRS.ndjson\n", stderr);
        return 2;
    }
    const uint64_t count = strtoull(argv[1], NULL, 10);
    uint64_t faults[FAULTS] = {0};
    fputs("time,kind,direction,peer,tid,ici,verdict,code,status,attempt,cc\n", ours);
    for (uint64_t i = 0; i < count; i++) {
        const unsigned fault = i % EACH < FAULTS ? (unsigned)(i % EACH) : AGREED;
        const int64_t ms = BEGIN_MS + (int64_t)(i * 130 % (28 * UINT64_C(86400000)));
        const bool found = i % 7 != 0;
        faults[fault]++;
        if (fault != ONLY_THEIRS) {
            put_ours(ours, i, ms, fault, found);
        }
        for (unsigned times = fault == TWICE_THEIRS ? 2 : fault != ONLY_OURS; times > 0; times--) {
            put_theirs(theirs, i, ms, fault, found);
        }
    }
    faults[AGREED] += faults[TWICE_THEIRS]; /* the first of each */
    for (int i = 0; i < FAULTS; i++) {
        printf("%s %" PRIu64 "\n", words[i], faults[i]);
    }
    return fclose(ours) == 0 && fclose(theirs) == 0 ? 0 : 1;
}
