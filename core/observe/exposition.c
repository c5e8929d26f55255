/* SPDX-License-Identifier: Apache-2.0 */
/* Writes metrics as text. A thousand peers make some hundred thousand octets, so numbers are
 * written without printf where there are many of them. */
#include "observe/exposition.h"

#include <cmp-kit/memory.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct exposition {
    exposition_form form;
    char *text;
    size_t size, room;
    struct {
        metric_kind kind;
        const char *name, *unit, *help;
        bool begun;
    } family;
    char *labels; /* `a="b",c="d"`, without braces */
    size_t labels_size, labels_room;
};

static const char *const kind_words[] = {
    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

/* q-values are not weighed: whoever names OpenMetrics at all prefers it, as Prometheus does. */
exposition_form exposition_form_of(cmp_str accept)
{
    static const char word[] = "application/openmetrics-text";
    return accept.size >= sizeof(word) - 1 &&
                   memmem(accept.at, accept.size, word, sizeof(word) - 1) != NULL
               ? EXPOSITION_OPENMETRICS
               : EXPOSITION_PROMETHEUS;
}

const char *exposition_type(exposition_form form)
{
    return form == EXPOSITION_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

exposition *exposition_begin(exposition_form form)
{
    exposition *e = kit_calloc(1, sizeof(*e));
    e->form = form;
    return e;
}

/* ---- octets ---- */

static void put(exposition *e, const char *at, size_t size)
{
    if (size == 0) {
        return; /* of no labels there is no memory */
    }
    if (e->room - e->size < size) {
        while (e->room - e->size < size) {
            e->room = e->room != 0 ? 2 * e->room : 65536;
        }
        e->text = kit_realloc(e->text, e->room);
    }
    memcpy(e->text + e->size, at, size);
    e->size += size;
}

static void put_text(exposition *e, const char *text)
{
    put(e, text, strlen(text));
}

static void put_count(exposition *e, uint64_t value)
{
    char digits[20], *at = digits + sizeof(digits);
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put(e, at, (size_t)(digits + sizeof(digits) - at));
}

static void put_number(exposition *e, double value)
{
    char text[32];
    if (isinf(value)) {
        put_text(e, value > 0 ? "+Inf" : "-Inf");
    } else {
        put(e, text, (size_t)snprintf(text, sizeof(text), "%.15g", value));
    }
}

/* In a help text a quote is a quote to Prometheus; OpenMetrics wants it escaped. */
static void put_help(exposition *e, const char *help)
{
    for (; *help != '\0'; help++) {
        if (*help == '\n') {
            put_text(e, "\\n");
        } else if (*help == '\\' || (*help == '"' && e->form == EXPOSITION_OPENMETRICS)) {
            put(e, "\\", 1);
            put(e, help, 1);
        } else {
            put(e, help, 1);
        }
    }
}

char *exposition_end(exposition **ref, size_t *size)
{
    exposition *e = *ref;
    *ref = NULL;
    if (e->form == EXPOSITION_OPENMETRICS) {
        put_text(e, "# EOF\n");
    }
    put(e, "", 1);
    char *text = e->text;
    *size = e->size - 1;
    free(e->labels);
    free(e);
    return text;
}

/* ---- families ---- */

void exposition_family(exposition *e, metric_kind kind, const char *name, const char *unit,
                       const char *help)
{
    e->family.kind = kind;
    e->family.name = name;
    e->family.unit = unit;
    e->family.help = help;
    e->family.begun = false;
    e->labels_size = 0;
}

static void put_line_head(exposition *e, const char *what)
{
    put_text(e, what);
    put_text(e, e->family.name);
    if (e->form == EXPOSITION_PROMETHEUS && e->family.kind == METRIC_COUNTER) {
        put_text(e, "_total"); /* there the family is called as its samples are */
    }
    put(e, " ", 1);
}

static void begin_family(exposition *e)
{
    if (e->family.begun) {
        return;
    }
    e->family.begun = true;
    put_line_head(e, "# HELP ");
    put_help(e, e->family.help);
    put(e, "\n", 1);
    put_line_head(e, "# TYPE ");
    put_text(e, kind_words[e->family.kind]);
    put(e, "\n", 1);
    if (e->form == EXPOSITION_OPENMETRICS && e->family.unit != NULL) {
        put_line_head(e, "# UNIT ");
        put_text(e, e->family.unit);
        put(e, "\n", 1);
    }
}

/* ---- labels ---- */

static void label_octet(exposition *e, char c)
{
    if (e->labels_size == e->labels_room) {
        e->labels_room = e->labels_room != 0 ? 2 * e->labels_room : 256;
        e->labels = kit_realloc(e->labels, e->labels_room);
    }
    e->labels[e->labels_size++] = c;
}

static void label_value(exposition *e, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n') {
            label_octet(e, '\\');
        }
        label_octet(e, (char)(*value == '\n' ? 'n' : *value));
    }
}

void exposition_labels(exposition *e, const exposition_label *labels, size_t count)
{
    e->labels_size = 0;
    for (size_t i = 0; i < count; i++) {
        if (labels[i].value == NULL) {
            continue;
        }
        if (e->labels_size > 0) {
            label_octet(e, ',');
        }
        for (const char *c = labels[i].name; *c != '\0'; c++) {
            label_octet(e, *c);
        }
        label_octet(e, '=');
        label_octet(e, '"');
        label_value(e, labels[i].value);
        label_octet(e, '"');
    }
}

/* ---- samples ---- */

/* `more` is one label more, or NULL. */
static void begin_sample(exposition *e, const char *suffix, const char *more)
{
    begin_family(e);
    put_text(e, e->family.name);
    put_text(e, suffix);
    if (e->labels_size > 0 || more != NULL) {
        put(e, "{", 1);
        put(e, e->labels, e->labels_size);
        if (more != NULL) {
            put(e, ",", e->labels_size > 0);
            put_text(e, more);
        }
        put(e, "}", 1);
    }
    put(e, " ", 1);
}

static const char *suffix_of(const exposition *e)
{
    return e->family.kind == METRIC_COUNTER ? "_total" : "";
}

void exposition_count(exposition *e, uint64_t value)
{
    begin_sample(e, suffix_of(e), NULL);
    put_count(e, value);
    put(e, "\n", 1);
}

void exposition_number(exposition *e, double value)
{
    begin_sample(e, suffix_of(e), NULL);
    put_number(e, value);
    put(e, "\n", 1);
}

void exposition_histogram(exposition *e, const histogram_sums *sums, double scale)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= sums->count; i++) {
        char bound[48] = "le=\"+Inf\"";
        if (i < sums->count) {
            snprintf(bound, sizeof(bound), "le=\"%g\"", (double)sums->bounds[i] / scale);
        }
        count += sums->buckets[i];
        begin_sample(e, "_bucket", bound);
        put_count(e, count);
        put(e, "\n", 1);
    }
    begin_sample(e, "_sum", NULL);
    put_number(e, (double)sums->sum / scale);
    put(e, "\n", 1);
    begin_sample(e, "_count", NULL);
    put_count(e, count);
    put(e, "\n", 1);
}
