/* SPDX-License-Identifier: Apache-2.0 */
/* What a request costs that nobody has signed: CPU from its octets to the refusal, without HTTP and
 * TLS, for each shape that is meant to cost most. With the limits as they are by default: 8 KiB of
 * query, 16 KiB of body, 128 KiB of a list with a token and 8 KiB of one without.
 *
 *     bench_hostile [SHAPE [COUNT]]    one shape only, so often: for counting instructions */
#include "pipeline_rig.h"

#include "base/log.h"
#include "peers/keyring.h"

#include <cmp-test/test.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define QUERY_MAX  ((size_t)8 * 1024)
#define BODY_MAX   ((size_t)16 * 1024)
#define LIST_MAX   ((size_t)128 * 1024) /* of the interface codes */
#define SIGNED_MAX ((size_t)8 * 1024)
#define SLICES     60
#define SLICE      10
#define START_FORM "tid=t-1&ici=1A0F1-1&user=u"
#define START_JSON "{\"tid\":\"t-1\",\"ici\":\"1A0F1-1\",\"user\":\"u\""

extern const cmp_plugin cmp_plugin_descriptor; /* auth_hmac's */

static char text[LIST_MAX + 64];
static size_t size;

static void add(const char *more)
{
    const size_t more_size = strlen(more);
    memcpy(text + size, more, more_size);
    size += more_size;
}

/* One of the words of `more`, in an order that no processor foresees. */
static const char *pick(const char *more, char one[64])
{
    static uint32_t state = 1;
    char words[256], *rest = NULL, *found[16];
    size_t count = 0;
    snprintf(words, sizeof(words), "%s", more);
    for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
        found[count++] = w;
    }
    state = state * 1664525 + 1013904223;
    snprintf(one, 64, "%s", found[(state >> 16) % count]);
    return one;
}

/* Repeats `more`, with the number of each in place of its %, while there is room for `end`. With a
 * question mark first it is a list of words, one of which is taken each time. */
static void fill(const char *more, const char *end, size_t room)
{
    for (unsigned i = 0;; i++) {
        char one[64];
        if (more[0] == '?') {
            pick(more + 1, one);
        } else {
            snprintf(one, sizeof(one), more, i);
        }
        if (size + strlen(one) + strlen(end) > room) {
            break;
        }
        add(one);
    }
    add(end);
}

typedef struct shape {
    const char *name;
    carriage carriage;
    size_t room;
    const char *start, *more, *end;
} shape;

static const shape shapes[] = {
    {"a small query", CARRIAGE_FORM, 0, START_FORM, "", ""},
    {"a small object", CARRIAGE_JSON, 0, START_JSON, "", "}"},
    {"query: one plain value", CARRIAGE_FORM, QUERY_MAX, START_FORM "&c=", "x", ""},
    {"query: one escaped value", CARRIAGE_FORM, QUERY_MAX, START_FORM "&c=", "%%41", ""},
    {"query: an escaped tid", CARRIAGE_FORM, QUERY_MAX, "ici=1A0F1-1&user=u&tid=", "%%41", ""},
    {"query: 32 contextual", CARRIAGE_FORM, QUERY_MAX, START_FORM, "&c%u=", ""},
    {"query: nothing but &", CARRIAGE_FORM, QUERY_MAX, START_FORM, "&", ""},
    {"form: escaped UTF-8", CARRIAGE_FORM, BODY_MAX, START_FORM "&c=", "%%C3%%BC", ""},
    {"form: plain UTF-8", CARRIAGE_FORM, BODY_MAX, START_FORM "&c=", "\xC3\xBC", ""},
    {"form: an escaped name", CARRIAGE_FORM, BODY_MAX, START_FORM "&", "%%41", "=1"},
    {"form: pluses", CARRIAGE_FORM, BODY_MAX, START_FORM "&c=", "+", ""},
    {"form: a long tid and ici", CARRIAGE_FORM, BODY_MAX, "user=u&tid=t&ici=", "x", ""},
    {"form: nothing but &", CARRIAGE_FORM, BODY_MAX, START_FORM, "&", ""},
    {"form: empty contextual", CARRIAGE_FORM, BODY_MAX, START_FORM, "&c%u", ""},
    {"JSON: nested objects", CARRIAGE_JSON, BODY_MAX, "", "{\"a\":", ""},
    {"JSON: nested arrays", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":", "[", ""},
    {"JSON: an array of arrays", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":[", "[],", "[]]}"},
    {"JSON: 1,556 members", CARRIAGE_JSON, BODY_MAX, START_JSON, ",\"c%u\":\"\"", "}"},
    {"JSON: one member again", CARRIAGE_JSON, BODY_MAX, START_JSON, ",\"c\":\"\"", "}"},
    {"JSON: one plain value", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":\"", "x", "\"}"},
    {"JSON: \\u0041", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":\"", "\\u0041", "\"}"},
    {"JSON: \\u00fc", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":\"", "\\u00fc", "\"}"},
    {"JSON: pairs of surrogates", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":\"", "\\ud83d\\ude00",
     "\"}"},
    {"JSON: \\/", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":\"", "\\/", "\"}"},
    {"JSON: \\n", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":\"", "\\n", "\"}"},
    {"JSON: plain UTF-8", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":\"", "\xC3\xBC", "\"}"},
    {"JSON: escaped names", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"", "\\u0041", "\":\"\"}"},
    {"JSON: spaces", CARRIAGE_JSON, BODY_MAX, START_JSON, " ", "}"},
    {"JSON: line feeds and tabs", CARRIAGE_JSON, BODY_MAX, START_JSON, "\n\t", "}"},
    {"JSON: a huge number", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":", "9", "}"},
    {"JSON: a long tid", CARRIAGE_JSON, BODY_MAX, "{\"ici\":\"i\",\"tid\":\"", "x", "\"}"},
    {"query: mixed escapes", CARRIAGE_FORM, QUERY_MAX, START_FORM "&c=", "?x %41 + %C3%BC yy", ""},
    {"form: mixed escapes", CARRIAGE_FORM, BODY_MAX, START_FORM "&c=", "?x %41 + %41%42 zzz", ""},
    {"JSON: mixed escapes", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":\"",
     "?x \\n yy \\u0041 \\u0041\\u0042 \\u0041z", "\"}"},
    {"JSON: mixed UTF-8", CARRIAGE_JSON, BODY_MAX, START_JSON ",\"c\":\"",
     "?x \xC3\xBC \xE2\x82\xAC yz \\u00fc", "\"}"},
    {"JSON: mixed spaces", CARRIAGE_JSON, BODY_MAX, START_JSON, "?\n \r \t \n\r\t\n\r\t\n\r \t\t\t",
     "}"},
};

#define SHAPE_COUNT (sizeof(shapes) / sizeof(shapes[0]))

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median over slices of what one run takes. */
static double median_us(void (*run)(void *arg, unsigned times), void *arg)
{
    static double us[SLICES];
    for (size_t i = 0; i < SLICES; i++) {
        const double before = cpu_us();
        run(arg, SLICE);
        us[i] = (cpu_us() - before) / SLICE;
    }
    qsort(us, SLICES, sizeof(us[0]), by_value);
    return us[SLICES / 2];
}

/* ---- through the pipeline ---- */

typedef struct sending {
    rig rig;
    const shape *shape;
} sending;

static void send_shape(void *arg, unsigned times)
{
    sending *s = arg;
    for (unsigned i = 0; i < times; i++) {
        rig_send(&s->rig, s->shape->carriage, (cmp_str){text, size});
    }
}

static void make(const shape *s)
{
    size = 0;
    add(s->start);
    if (s->room > 0) {
        fill(s->more, s->end, s->room);
    } else {
        add(s->end);
    }
}

static void show(const char *name, size_t octets, int status, double us)
{
    printf("| %-26s | %6zu | %3d | %7.2f |\n", name, octets, status, us);
}

static void measure_shapes(sending *s)
{
    for (size_t i = 0; i < SHAPE_COUNT; i++) {
        s->shape = &shapes[i];
        make(s->shape);
        const double us = median_us(send_shape, s);
        show(s->shape->name, size, s->rig.status, us);
    }
}

/* ---- lists of the interface codes ---- */

typedef struct listing {
    rig rig;
    cmp_str bearer; /* absent: signed */
} listing;

static void send_list(void *arg, unsigned times)
{
    listing *l = arg;
    for (unsigned i = 0; i < times; i++) {
        rig_send_list(&l->rig, l->bearer, (cmp_str){text, size});
    }
}

/* 256 ICIs of 256 octets, or as many as there is room for. */
static void make_list(bool escaped, size_t room)
{
    size = 0;
    add("{\"icis\":[");
    for (unsigned i = 0; i < 256 && size < room - (escaped ? 1600 : 270); i++) {
        char one[8];
        snprintf(one, sizeof(one), "%s\"%03u", i > 0 ? "," : "", i);
        add(one);
        for (size_t k = 3; k < 256; k++) {
            add(escaped ? "\\u0041" : "x");
        }
        add("\"");
    }
    add("]}");
}

static void measure_list(listing *l, const char *name, cmp_str bearer)
{
    l->bearer = bearer;
    const double us = median_us(send_list, l);
    show(name, size, l->rig.status, us);
}

/* One that knows one token. */
static keyring *make_keyring(void)
{
    static const char rows[] = "tokens: [{name: r, sha256: "
                               "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30}]";
    char path[] = "/tmp/bench-keyring-XXXXXX";
    const int fd = mkstemp(path);
    cmp_report report;
    report_init(&report);
    keyring *ring = write(fd, rows, strlen(rows)) == (ssize_t)strlen(rows)
                        ? keyring_load(path, NULL, NULL, &report)
                        : NULL;
    report_dispose(&report);
    close(fd);
    unlink(path);
    return ring;
}

static void measure_lists(void)
{
    static listing l;
    keyring *ring = make_keyring();
    rig_init(&l.rig);
    l.rig.auth[0].verdict = CMP_AUTH_REJECT;
    l.rig.worker.keyring = ring;
    make_list(false, LIST_MAX);
    measure_list(&l, "a list, by a wrong token", CMP_STR("a token that nobody was ever given"));
    measure_list(&l, "a list, too long to be read", CMP_NONE);
    make_list(false, SIGNED_MAX);
    measure_list(&l, "a list, by a signature", CMP_NONE);
    make_list(true, SIGNED_MAX);
    measure_list(&l, "a list of escapes", CMP_NONE);
    l.rig.worker.keyring = NULL;
    rig_dispose(&l.rig);
    keyring_unref(&ring);
}

/* ---- a signature that is none, by the plugin that verifies them ---- */

static const cmp_key key = {.id = {"k", 1},
                            .peer = {"b", 1},
                            .use = CMP_KEY_ISSUED,
                            .secret = (const uint8_t *)"a secret of some length",
                            .secret_size = 23,
                            .not_before_ms = INT64_MIN,
                            .not_after_ms = INT64_MAX};

/* One operation is as good as many: it is not what is measured. */
typedef struct verifying {
    cmp_test *host;
    cmp_test_op *op;
    int status;
} verifying;

static void verify(void *arg, unsigned times)
{
    verifying *v = arg;
    void *self = cmp_test_instance(v->host), *state = cmp_test_worker(v->host);
    for (unsigned i = 0; i < times; i++) {
        cmp_auth_answer answer = {.once = CMP_ONCE_NO};
        const cmp_auth_verdict verdict =
            cmp_plugin_descriptor.ops.auth->verify(self, state, cmp_test_handle(v->op), &answer);
        v->status = verdict == CMP_AUTH_REJECT ? 401 : 200;
    }
}

static void measure_signature(const char *name, size_t tid_size, size_t ici_size)
{
    verifying v = {.host = cmp_test_create()};
    cmp_test_keys(v.host, &key, 1);
    if (!cmp_test_open(v.host, &cmp_plugin_descriptor, NULL)) {
        abort();
    }
    memset(text, 'a', sizeof(text));
    cmp_test_txn *request = cmp_test_txn_create(v.host);
    cmp_test_param_str(request, CMP_PARAM_TID, (cmp_str){text, tid_size});
    cmp_test_param_str(request, CMP_PARAM_ICI, (cmp_str){text, ici_size});
    cmp_test_param(request, CMP_PARAM_APIKEYID, "k");
    cmp_test_param_str(request, CMP_PARAM_SIGNATURE, (cmp_str){text, 64});
    v.op = cmp_test_begin(v.host, CMP_PLUGIN_AUTH, request);
    const double us = median_us(verify, &v);
    show(name, tid_size + ici_size, v.status, us);
    cmp_test_returned(v.op, CMP_AUTH_REJECT, NULL);
    cmp_test_end(&v.op);
    cmp_test_txn_destroy(&request);
    cmp_test_destroy(&v.host);
}

int main(int argc, char **argv)
{
    static sending s;
    log_setup(CMP_LOG_ERROR, LOG_TEXT);
    rig_init(&s.rig);
    s.rig.auth[0].verdict = CMP_AUTH_REJECT;
    if (argc > 1) {
        s.shape = &shapes[strtoul(argv[1], NULL, 10) % SHAPE_COUNT];
        make(s.shape);
        send_shape(&s, argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1);
        printf("%s: %zu octets, %d\n", s.shape->name, size, s.rig.status);
    } else {
        puts("| shape                      | octets |     |      µs |");
        puts("|----------------------------|-------:|----:|--------:|");
        measure_shapes(&s);
        measure_lists();
        measure_signature("a false signature", 36, 20);
        measure_signature("of the longest pair", 128, 256);
        measure_signature("of the longest list", 128, SIGNED_MAX);
    }
    rig_dispose(&s.rig);
    return 0;
}
