/* SPDX-License-Identifier: Apache-2.0 */
/* A store for tests that says what no store may say, as its options tell; only of the ICI
 * 1A0F1-GOOD it says what is right. */
#include <cmp/plugin.h>

#include <stdlib.h>

enum {
    SAYS_NOWHERE,
    SAYS_EMPTY,
    SAYS_NO_UTF8,
    SAYS_NUL,
    SAYS_HUGE,
    SAYS_TYPE,
    SAYS_HOST,
    SAYS_LONG_HOST,
    SAYS_BOTH,
    SAYS_STATUS,
    SAYS_TTL,
    SAYS_TIMES,
    SAYS_VARIANTS,
    SAYS_VARIANT,
    SAYS_CONDITIONS,
    SAYS_VERDICT,
    SAYS_PENDING,
};

static const char *const names[] = {[SAYS_NOWHERE] = "nowhere",
                                    [SAYS_EMPTY] = "empty",
                                    [SAYS_NO_UTF8] = "no_utf8",
                                    [SAYS_NUL] = "nul",
                                    [SAYS_HUGE] = "huge",
                                    [SAYS_TYPE] = "type",
                                    [SAYS_HOST] = "host",
                                    [SAYS_LONG_HOST] = "long_host",
                                    [SAYS_BOTH] = "both",
                                    [SAYS_STATUS] = "status",
                                    [SAYS_TTL] = "ttl",
                                    [SAYS_TIMES] = "times",
                                    [SAYS_VARIANTS] = "variants",
                                    [SAYS_VARIANT] = "variant",
                                    [SAYS_CONDITIONS] = "conditions",
                                    [SAYS_VERDICT] = "verdict",
                                    [SAYS_PENDING] = "pending",
                                    NULL};

enum { HUGE_SIZE = 64 << 20, LONG_SIZE = 100000 };

typedef struct options {
    int says;
} options;

CMP_OPTIONS(option_rows, options) = {
    CMP_ROW_ENUM("says", options, says, names, "what it says"),
    CMP_OPTION_END,
};

typedef struct says_store {
    int says;
    char *many; /* HUGE_SIZE octets */
} says_store;

static void *says_create(const cmp_host *host, const void *opts, void *previous, cmp_report *report)
{
    (void)host, (void)previous, (void)report;
    says_store *s = malloc(sizeof(*s));
    char *many = malloc(HUGE_SIZE);
    if (s == NULL || many == NULL) {
        abort();
    }
    memset(many, 'a', HUGE_SIZE);
    *s = (says_store){((const options *)opts)->says, many};
    return s;
}

static void says_destroy(void *instance)
{
    says_store *s = instance;
    free(s->many);
    free(s);
}

static void say_host(cmp_record *record, cmp_str host)
{
    record->content = CMP_NONE;
    record->transferred_to = host;
}

static void say_variants(const says_store *s, cmp_record *record)
{
    static const cmp_condition condition = {{"language", 8}, {"fr", 2}};
    static const cmp_variant nowhere = {{NULL, 7}, {NULL, 0}, &condition, 1};
    static const cmp_variant unconditional = {{"x", 1}, {NULL, 0}, NULL, 3};
    record->variants = s->says == SAYS_VARIANT      ? &nowhere
                       : s->says == SAYS_CONDITIONS ? &unconditional
                                                    : NULL;
    record->variant_count = s->says == SAYS_VARIANTS ? 7 : 1;
}

static cmp_store_verdict says_lookup(void *instance, void *worker, cmp_str ici, cmp_op op,
                                     cmp_record *record)
{
    (void)worker, (void)op;
    const says_store *s = instance;
    record->content = CMP_STR("https://good.example/");
    if (cmp_str_equal(ici, CMP_STR("1A0F1-GOOD"))) {
        return CMP_STORE_FOUND;
    }
    switch (s->says) {
    case SAYS_NOWHERE:
        record->content = (cmp_str){NULL, 7};
        break;
    case SAYS_EMPTY:
        record->content = CMP_STR("");
        break;
    case SAYS_NO_UTF8:
        record->content = CMP_STR("caf\xe9 and more");
        break;
    case SAYS_NUL:
        record->content = CMP_STR("a\0b");
        break;
    case SAYS_HUGE:
        record->content = (cmp_str){s->many, HUGE_SIZE};
        break;
    case SAYS_TYPE:
        record->content_type = CMP_STR("text\r\nSet-Cookie: a=b");
        break;
    case SAYS_HOST:
        say_host(record, CMP_STR("b.example.net\r\n"));
        break;
    case SAYS_LONG_HOST:
        say_host(record, (cmp_str){s->many, LONG_SIZE});
        break;
    case SAYS_BOTH:
        record->transferred_to = CMP_STR("b.example.net");
        break;
    case SAYS_STATUS:
        record->status = (cmp_record_status)7;
        break;
    case SAYS_TTL:
        record->ttl_s = 4000000000;
        break;
    case SAYS_TIMES:
        record->not_before_ms = 2000;
        record->not_after_ms = 1000;
        break;
    case SAYS_VERDICT:
        return (cmp_store_verdict)99;
    case SAYS_PENDING:
        return CMP_STORE_PENDING;
    default:
        say_variants(s, record);
        break;
    }
    return CMP_STORE_FOUND;
}

/* What is right, then what it says. */
static bool says_scan(void *instance, cmp_str after, cmp_store_visit visit, void *arg, char *error,
                      size_t error_size)
{
    (void)after, (void)error, (void)error_size;
    const cmp_str icis[] = {CMP_STR("1A0F1-GOOD"), CMP_STR("1A0F1-BAD")};
    for (size_t i = 0; i < sizeof(icis) / sizeof(icis[0]); i++) {
        cmp_record record = CMP_RECORD_INIT;
        if (says_lookup(instance, NULL, icis[i], CMP_OP_NONE, &record) == CMP_STORE_FOUND &&
            !visit(icis[i], &record, arg)) {
            break;
        }
    }
    return true;
}

static const cmp_store_ops says_ops = {
    .size = sizeof(cmp_store_ops),
    .lookup = says_lookup,
    .scan = says_scan,
};

CMP_EXPORT const cmp_plugin cmp_plugin_descriptor = {
    CMP_PLUGIN_ABI,
    .name = "store_says",
    .kind = CMP_PLUGIN_STORE,
    .version = "1",
    .summary = "Says what no store may say",
    CMP_PLUGIN_OPTIONS(option_rows),
    .create = says_create,
    .destroy = says_destroy,
    .ops.store = &says_ops,
};
