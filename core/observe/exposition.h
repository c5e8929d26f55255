/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics as text, in the form of Prometheus (0.0.4) or of OpenMetrics (1.0). */
#pragma once

#include "observe/counters.h"

typedef enum exposition_form {
    EXPOSITION_PROMETHEUS,
    EXPOSITION_OPENMETRICS,
} exposition_form;

/* The form that a request asks for by its Accept field (absent: none came). */
exposition_form exposition_form_of(cmp_str accept);

/* Content-Type. */
const char *exposition_type(exposition_form form);

typedef struct exposition exposition;

exposition *exposition_begin(exposition_form form);

/* Ends it: the text is the caller's, to be freed. */
char *exposition_end(exposition **e, size_t *size);

/* A family of samples. Its head is written with the first sample, so one without samples does not
 * show. `name` is without the `_total` of a counter, and ends with the unit when there is one
 * ("seconds", "bytes"; NULL: none). The texts live until the next family begins. */
void exposition_family(exposition *e, metric_kind kind, const char *name, const char *unit,
                       const char *help);

/* Labels: a name and a value. One without a value (NULL) is left out. */
typedef struct exposition_label {
    const char *name, *value;
} exposition_label;

/* The labels that all samples of the family have from here on; copied as they are to be written. */
void exposition_labels(exposition *e, const exposition_label *labels, size_t count);

/* One sample, of a counter or a gauge. */
void exposition_count(exposition *e, uint64_t value);
void exposition_number(exposition *e, double value);

/* One histogram; bounds and sum are divided by `scale` (1000 for milliseconds told as seconds). */
void exposition_histogram(exposition *e, const histogram_sums *sums, double scale);
