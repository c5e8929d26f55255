/* The choice between several keys of one peer. */
#include <cmp-kit/keys.h>

typedef struct search {
    cmp_str peer;
    int64_t now_ms;
    const cmp_key *newest;
} search;

/* Of equals the last: a key that an operator adds at the end is meant to be used from now on. */
static void consider(const cmp_key *key, void *arg)
{
    search *s = arg;
    if (cmp_str_equal(key->peer, s->peer) && !kit_key_not_yet(key, s->now_ms) &&
        !kit_key_expired(key, s->now_ms) &&
        (s->newest == NULL || key->not_before_ms >= s->newest->not_before_ms)) {
        s->newest = key;
    }
}

const cmp_key *kit_key_for_peer(const cmp_host *host, cmp_str peer, int64_t now_ms)
{
    search s = {.peer = peer, .now_ms = now_ms};
    host->key_each(host, CMP_KEY_RECEIVED, consider, &s);
    return s.newest;
}
