/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts of older minors, for plugins that do without what came later. */
#include "test/test.h"

#include "plugin/abi.h"

void test_minor_table(const cmp_test *t, cmp_host *table)
{
    const size_t size = abi_layout_of(t->minor)->size[ABI_cmp_host];
    memset((char *)table + size, 0, sizeof(*table) - size);
    table->size = size;
}

bool test_minor_takes(cmp_test *t)
{
    const unsigned minor = t->host->loaded->abi_minor;
    if (minor > t->minor) {
        report_add(&t->report, (conf_place){.file = NULL}, NULL,
                   "plugin ABI is %d.%u, newer than this host's, %d.%u", CMP_ABI_MAJOR, minor,
                   CMP_ABI_MAJOR, t->minor);
        return false;
    }
    return true;
}

void cmp_test_minor(cmp_test *t, unsigned minor)
{
    if (minor > CMP_ABI_MINOR) {
        test_die("minor: %u is newer than this library, which knows those to %d", minor,
                 CMP_ABI_MINOR);
    }
    t->minor = minor;
    test_minor_table(t, &t->host->table);
}
