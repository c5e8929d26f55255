/* SPDX-License-Identifier: Apache-2.0 */
/* What a write has changed, told when it is committed. */
#include "changes.h"

#define NOTED_MAX 64 /* as many as the triggers of etc/sql/postgresql name */

/* An ICI is visible ASCII, so a NUL can part two of them. */
void changes_note(changes *c, cmp_str ici)
{
    if (++c->count <= NOTED_MAX) {
        buffer_add(&c->icis, ici.at, ici.size);
        buffer_add(&c->icis, "", 1);
    }
}

void changes_tell(const changes *c, const cmp_host *host)
{
    if (c->count > NOTED_MAX) {
        host->store_changed(host, CMP_NONE);
        return;
    }
    for (size_t at = 0; at < c->icis.size;) {
        const cmp_str ici = cmp_str_from(c->icis.at + at);
        host->store_changed(host, ici);
        at += ici.size + 1;
    }
}

void changes_dispose(changes *c)
{
    free(c->icis.at);
    *c = (changes){.count = 0};
}
