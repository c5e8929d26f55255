/* The choice between several keys of one peer. */
#include <cmp-kit/keys.h>

#define NONE SIZE_MAX

/* In two rounds, since a key is gone when its visit is over: which one it is, and then to it. */
typedef struct search {
    cmp_str peer;
    int64_t now_ms;
    size_t at; /* of the key that is visited */
    size_t newest;
    int64_t newest_since_ms;
    void (*visit)(const cmp_key *key, void *arg);
    void *arg;
    bool shown;
} search;

static bool can_sign(const search *s, const cmp_key *key)
{
    return cmp_str_equal(key->peer, s->peer) && !kit_key_not_yet(key, s->now_ms) &&
           !kit_key_expired(key, s->now_ms);
}

/* Of equals the last: a key that an operator adds at the end is meant to be used from now on. */
static void consider(const cmp_key *key, void *arg)
{
    search *s = arg;
    if (can_sign(s, key) && (s->newest == NONE || key->not_before_ms >= s->newest_since_ms)) {
        s->newest = s->at;
        s->newest_since_ms = key->not_before_ms;
    }
    s->at++;
}

/* Asked once more: the keyring may be another one by now. */
static void show(const cmp_key *key, void *arg)
{
    search *s = arg;
    if (s->at++ == s->newest && can_sign(s, key)) {
        s->shown = true;
        s->visit(key, s->arg);
    }
}

bool kit_key_for_peer(const cmp_host *host, cmp_str peer, int64_t now_ms,
                      void (*visit)(const cmp_key *key, void *arg), void *arg)
{
    search s = {.peer = peer, .now_ms = now_ms, .newest = NONE, .visit = visit, .arg = arg};
    host->key_each(host, CMP_KEY_RECEIVED, consider, &s);
    if (s.newest != NONE) {
        s.at = 0;
        host->key_each(host, CMP_KEY_RECEIVED, show, &s);
    }
    return s.shown;
}
