/* SPDX-License-Identifier: Apache-2.0 */
/* Filters what a store lists, and listens to Ctrl-C meanwhile. */
#include "ctl/codes_scan.h"

#include "ctl/interrupt.h"
#include "ctl/output.h"
#include "mc/record.h"
#include "plugin/store.h"

#include <stdio.h>

typedef struct sieve {
    const codes_scan *scan;
    cmp_str prefix;
    char fault[256]; /* of a record that is none */
} sieve;

/* Octet by octet, as look-ups compare ICIs. All of the store is gone through, though a prefix is
 * wanted: `after` is a bound in the store's own order. */
static bool visit(cmp_str ici, const cmp_record *record, void *arg)
{
    sieve *s = arg;
    if (interrupt_came()) {
        return false;
    }
    if (!record_ici_valid(ici)) {
        snprintf(s->fault, sizeof(s->fault), "it lists a record whose ICI is none");
        return false;
    }
    if (!record_check(record, s->fault, sizeof(s->fault))) {
        return false;
    }
    if (ici.size < s->prefix.size || !cmp_str_equal((cmp_str){ici.at, s->prefix.size}, s->prefix)) {
        return true;
    }
    return s->scan->visit(ici, record, s->scan->arg);
}

bool codes_scan_run(const codes_scan *scan, instance *store)
{
    char error[512] = "";
    sieve s = {.scan = scan,
               .prefix = scan->prefix != NULL ? cmp_str_from(scan->prefix) : CMP_STR("")};
    const bool good = store_scan(store, CMP_NONE, visit, &s, error, sizeof(error));
    if (interrupt_came()) {
        output_fail("interrupted");
        return false;
    }
    if (!good || s.fault[0] != '\0') {
        output_fail("store %s: %s", store->name, good ? s.fault : error);
        return false;
    }
    return true;
}
