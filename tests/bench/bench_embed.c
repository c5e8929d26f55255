/* SPDX-License-Identifier: Apache-2.0 */
/* What libcmp-embed costs: requests verified in a second by one thread, beside a bare loop of the
 * same HMACs with a key made ready, and beside no replay memory.
 *
 *     bench_embed [REQUESTS] */
#include "embed_rig.h"

#include <cmp-kit/signature.h>

#include <time.h>

#define QUERY_SIZE 320

static char (*queries)[QUERY_SIZE];
static char (*tids)[48];
static size_t count;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* others use the machine, too */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void say(const char *what, double seconds)
{
    printf("%-40s %9.0f /s  %6.0f ns\n", what, (double)count / seconds,
           seconds / (double)count * 1e9);
}

static void sign_all(void)
{
    cmp_embed *e = embed_open_hmac(CMP_EMBED_NO_REPLAY, NULL);
    embed_add_keys(e, "k", false);
    cmp_embed_worker *w = embed_attach(e);
    for (size_t i = 0; i < count; i++) {
        snprintf(tids[i], sizeof(tids[i]), "tid-018bcfe5-6800-4abc-8def-%012zx", i);
        if (!embed_query(w, tids[i], "2B001-0123456789", "", queries[i], QUERY_SIZE)) {
            abort();
        }
    }
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

static void bare(void)
{
    kit_signature_state *state =
        kit_signature_state_create(CMP_HASH_SHA256, (const uint8_t *)EMBED_SECRET,
                                   sizeof(EMBED_SECRET) - 1);
    uint8_t mac[KIT_SIGNATURE_MAC_MAX], first[KIT_SIGNATURE_MAC_MAX] = {0};
    size_t equal = 0;
    const double began = now_s();
    for (size_t i = 0; i < count; i++) {
        if (!kit_signature_compute(state, cmp_str_from(tids[i]), CMP_STR("2B001-0123456789"),
                                   mac)) {
            abort();
        }
        equal += kit_signature_equal(mac, first, CMP_HASH_SHA256);
    }
    say("HMAC-SHA-256 alone", now_s() - began);
    kit_signature_state_destroy(&state);
    if (equal > 0) {
        abort();
    }
}

static void verified(const char *what, uint32_t flags)
{
    cmp_embed *e = embed_open_hmac(flags, NULL);
    embed_add_keys(e, "k", false);
    cmp_embed_worker *w = embed_attach(e);
    const double began = now_s();
    for (size_t i = 0; i < count; i++) {
        cmp_embed_answer a;
        if (embed_verify(w, queries[i], &a) != 200) {
            abort();
        }
        cmp_embed_done(&a, 200);
    }
    say(what, now_s() - began);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
}

int main(int argc, char **argv)
{
    count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    queries = calloc(count, sizeof(*queries));
    tids = calloc(count, sizeof(*tids));
    if (queries == NULL || tids == NULL) {
        return 1;
    }
    sign_all();
    for (int round = 0; round < 3; round++) {
        bare();
        verified("libcmp-embed, no replay memory", CMP_EMBED_NO_REPLAY);
        verified("libcmp-embed", 0);
    }
    free(queries);
    free(tids);
    return 0;
}
