/* SPDX-License-Identifier: Apache-2.0 */
/* What is signed: tid and ici, decoded, with nothing between (9.3.2). */
#include "ctl/signed_pair.h"

#include "ctl/output.h"
#include "peers/keyring.h"

#include <cmp-kit/signature.h>

enum { TID_MAX = 128, ICI_MAX = 256 };

/* As a CMP would refuse them (SPEC 2): to sign what cannot be sent helps nobody. */
static bool read_value(const char *option, const char *text, size_t max, cmp_str *value)
{
    *value = cmp_str_from(text);
    if (value->size == 0 || value->size > max) {
        output_fail("--%s: it has %zu octets, and 1 to %zu are allowed", option, value->size, max);
        return false;
    }
    for (size_t i = 0; i < value->size; i++) {
        if (text[i] < 0x21 || text[i] > 0x7E) {
            output_fail("--%s: its octet %zu, 0x%02X, is not visible ASCII", option, i + 1,
                        (uint8_t)text[i]);
            return false;
        }
    }
    return true;
}

bool signed_pair_read(signed_pair *pair, const char *tid, const char *ici)
{
    return read_value("tid", tid, TID_MAX, &pair->tid) &&
           read_value("ici", ici, ICI_MAX, &pair->ici);
}

size_t signed_pair_join(const signed_pair *pair, char joined[SIGNED_PAIR_MAX])
{
    memcpy(joined, pair->tid.at, pair->tid.size);
    memcpy(joined + pair->tid.size, pair->ici.at, pair->ici.size);
    return pair->tid.size + pair->ici.size;
}

void signed_pair_print(const signed_pair *pair, FILE *to)
{
    fprintf(to, "%-11s%.*s|%.*s\n", "canonical:", (int)pair->tid.size, pair->tid.at,
            (int)pair->ici.size, pair->ici.at);
    fprintf(to, "%-11s%zu: tid ends at octet %zu, ici has %zu; the bar is not signed\n",
            "octets:", pair->tid.size + pair->ici.size, pair->tid.size, pair->ici.size);
}

bool signed_pair_mac(const signed_pair *pair, const cmp_key *key, uint8_t *mac)
{
    kit_signature_state *state =
        kit_signature_state_create(key->hash, key->secret, key->secret_size);
    const bool done = state != NULL && kit_signature_compute(state, pair->tid, pair->ici, mac);
    kit_signature_state_destroy(&state);
    if (!done) {
        output_fail("OpenSSL cannot use %s here", key_hash_names[key->hash]);
    }
    return done;
}
