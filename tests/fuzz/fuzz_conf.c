/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as the configuration: it loads, or every error has a text and a line in it. */
#include "conf/conf.h"

#include "input_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cmp_report report;
    report_init(&report);
    conf *c = conf_load(input_file(data, size), &report);
    if (c == NULL && report.count == 0) {
        abort();
    }
    for (size_t i = 0; i < report.count; i++) {
        if (report.errors[i].place.line == 0 || *report.errors[i].text == '\0') {
            abort();
        }
        if (c != NULL && report.errors[i].key != NULL) {
            conf_place_of(c, report.errors[i].key);
        }
    }
    conf_destroy(&c);
    report_dispose(&report);
    return 0;
}
