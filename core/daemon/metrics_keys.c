/* SPDX-License-Identifier: Apache-2.0 */
/* See metrics_keys.h. */
#include "daemon/metrics_keys.h"

#include "base/clock.h"
#include "pipeline/tally.h"

#include <math.h>
#include <stdio.h>

#define TEXT_SIZE 160 /* an apikeyid has at most 128 octets, a name 64 */

static const char *text_of(cmp_str name, char text[TEXT_SIZE])
{
    snprintf(text, TEXT_SIZE, "%.*s", (int)name.size, name.at);
    return text;
}

/* ---- keys ---- */

static void label_key(exposition *e, const cmp_key *key)
{
    char id[TEXT_SIZE], whose[TEXT_SIZE];
    const exposition_label labels[] = {{"use", key->use == CMP_KEY_ISSUED ? "issued" : "received"},
                                       {"peer", text_of(key->peer, whose)},
                                       {"id", text_of(key->id, id)}};
    exposition_labels(e, labels, 3);
}

static double left_s(int64_t not_after_ms)
{
    return not_after_ms == INT64_MAX ? INFINITY : (double)(not_after_ms - clock_now_ms()) / 1000;
}

/* One without an end is there, too: it is what a peer has left when another key of it was revoked.
 */
static void add_end(const cmp_key *key, void *arg)
{
    label_key(arg, key);
    exposition_number(arg, left_s(key->not_after_ms));
}

static void add_last_use(const cmp_key *key, void *arg)
{
    int64_t used_s;
    if (tally_read_last_use(key, &used_s)) {
        label_key(arg, key);
        exposition_number(arg, (double)used_s);
    }
}

/* ---- tokens ---- */

static void label_token(exposition *e, const token *t)
{
    char name[TEXT_SIZE];
    const exposition_label label = {"name", text_of(t->name, name)};
    exposition_labels(e, &label, 1);
}

static void expose_tokens(exposition *e, const tokens *all)
{
    exposition_family(
        e, METRIC_GAUGE, "cmpd_token_left_seconds", "seconds",
        "How long a token is still valid; less than 0: it has ended; +Inf: it has no end");
    for (size_t i = 0; i < all->count; i++) {
        label_token(e, &all->at[i]);
        exposition_number(e, left_s(all->at[i].not_after_ms));
    }
    exposition_family(e, METRIC_GAUGE, "cmpd_token_last_use_timestamp_seconds", "seconds",
                      "When a token was used last, in Unix time; 0: not since the process began");
    for (size_t i = 0; i < all->count; i++) {
        const unsigned label = all->at[i].label;
        if (label != LABEL_OTHER) {
            label_token(e, &all->at[i]);
            exposition_number(e, (double)tally_read_key(TALLY_TOKEN, label));
        }
    }
}

void metrics_expose_keys(exposition *e, const generation *g)
{
    if (g->keyring == NULL) {
        return;
    }
    exposition_family(
        e, METRIC_GAUGE, "cmpd_key_left_seconds", "seconds",
        "How long a key is still valid; less than 0: it has ended; +Inf: it has no end");
    keyring_each(g->keyring, CMP_KEY_ISSUED, add_end, e);
    keyring_each(g->keyring, CMP_KEY_RECEIVED, add_end, e);
    exposition_family(e, METRIC_GAUGE, "cmpd_key_last_use_timestamp_seconds", "seconds",
                      "When a good signature by a key that we issued came last, or one by a key "
                      "that we received was sent, in Unix time; 0: not since the process began");
    keyring_each(g->keyring, CMP_KEY_ISSUED, add_last_use, e);
    keyring_each(g->keyring, CMP_KEY_RECEIVED, add_last_use, e);
    expose_tokens(e, keyring_tokens(g->keyring));
}
