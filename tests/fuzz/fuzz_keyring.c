/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as the keyring: it loads, or there is an error. */
#include "peers/keyring.h"

#include "input_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(const cmp_key *key, void *arg)
{
    (void)arg;
    if (key->secret_size < 16 || key->id.size == 0 || key->peer.at == NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cmp_report report;
    report_init(&report);
    keyring *k = keyring_load(input_file(data, size), NULL, NULL, &report);
    if ((k == NULL) != (report.count != 0)) {
        abort();
    }
    if (k != NULL) {
        keyring_each(k, CMP_KEY_ISSUED, check_key, NULL);
        keyring_each(k, CMP_KEY_RECEIVED, check_key, NULL);
    }
    keyring_unref(&k);
    report_dispose(&report);
    return 0;
}
