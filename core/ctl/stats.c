/* SPDX-License-Identifier: Apache-2.0 */
/* `cmpctl stats`: shows what the running daemon has counted since it started. */
#include "ctl/admin_ask.h"
#include "ctl/args.h"
#include "ctl/commands.h"
#include "ctl/look.h"
#include "ctl/output.h"

typedef struct stats_options {
    const char *config, *socket;
    bool json;
} stats_options;

static const args_row rows[] = {
    ADMIN_WHERE_ROWS(stats_options),
    ADMIN_JSON_ROW(stats_options),
    {.name = NULL},
};

static const args_command command = {
    .name = "stats",
    .summary = "Shows what the running daemon has counted since it started",
    .details =
        "A line for each counter and gauge: whose it is, its name, its value, and what it counts.\n"
        "Then each histogram that has counted something, with its buckets, and how plugins say\n"
        "they are. Then one line for each thread that a plugin holds right now, and one for each\n"
        "listener: the connections that there are. Then one for each store with a cache: its hit\n"
        "ratio, the part of the look-ups that the cache answered.\n\n"
        "  cmpctl stats --config cmpd.yaml\n",
    .rows = rows,
};

/* ---- counters ---- */

typedef struct widths {
    int owner, name, value;
} widths;

static int wider(int a, int b)
{
    return a > b ? a : b;
}

/* Counters are named by plugins, which may be anybody's: columns are as wide as what is there. */
static widths widths_with(widths w, const json_t *counters)
{
    size_t i;
    json_t *c;
    json_array_foreach(counters, i, c)
    {
        w.owner = wider(w.owner, (int)strlen(look_text(c, "owner")));
        w.name = wider(w.name, (int)strlen(look_text(c, "name")));
        w.value = wider(w.value, snprintf(NULL, 0, "%lld", look_number(c, "value")));
    }
    return w;
}

static void print_padded(const char *text, int width)
{
    output_visible(cmp_str_from(text), stdout);
    printf("%*s", width - (int)strlen(text) + 1, "");
}

static void print_counters(const json_t *counters, widths w)
{
    size_t i;
    json_t *c;
    json_array_foreach(counters, i, c)
    {
        print_padded(look_text(c, "owner"), w.owner);
        print_padded(look_text(c, "name"), w.name);
        printf("%*lld  ", w.value, look_number(c, "value"));
        output_visible(cmp_str_from(look_text(c, "help")), stdout);
        putchar('\n');
    }
}

/* ---- threads ---- */

static void print_threads(const json_t *threads)
{
    size_t i;
    json_t *t;
    bool first = true;
    json_array_foreach(threads, i, t)
    {
        const json_t *in = json_object_get(t, "in");
        if (look_number(t, "held_ms") == 0) {
            continue;
        }
        printf("%s%s has not moved for %lld ms%s, in ", first ? "\n" : "", look_text(t, "thread"),
               look_number(t, "held_ms"),
               json_is_true(json_object_get(t, "stuck")) ? " (stuck)" : "");
        output_visible(json_is_string(in) ? cmp_str_from(json_string_value(in))
                                          : CMP_STR("no plugin"),
                       stdout);
        putchar('\n');
        first = false;
    }
}

/* ---- histograms, health ---- */

static void print_histograms(const json_t *histograms)
{
    size_t i, at;
    json_t *h, *b;
    bool any = false;
    json_array_foreach(histograms, i, h)
    {
        if (look_number(h, "count") == 0) {
            continue;
        }
        printf("%s", any ? "" : "\n");
        any = true;
        output_visible(cmp_str_from(look_text(h, "owner")), stdout);
        putchar(' ');
        output_visible(cmp_str_from(look_text(h, "name")), stdout);
        printf(": %lld, sum %lld  ", look_number(h, "count"), look_number(h, "sum"));
        output_visible(cmp_str_from(look_text(h, "help")), stdout);
        printf("\n ");
        json_array_foreach(json_object_get(h, "buckets"), at, b)
        {
            if (json_is_integer(json_object_get(b, "to"))) {
                printf(" to %lld: %lld,", look_number(b, "to"), look_number(b, "count"));
            } else {
                printf(" above: %lld\n", look_number(b, "count"));
            }
        }
    }
}

static void print_health(const json_t *health)
{
    size_t i;
    json_t *h;
    json_array_foreach(health, i, h)
    {
        const char *why = look_text(h, "why");
        printf("%splugin ", i == 0 ? "\n" : "");
        output_visible(cmp_str_from(look_text(h, "instance")), stdout);
        printf(": %s%s", look_text(h, "health"), *why != '\0' ? ": " : "");
        output_visible(cmp_str_from(why), stdout);
        putchar('\n');
    }
}

/* ---- listeners ---- */

static void print_listeners(const json_t *listeners)
{
    size_t i;
    json_t *l;
    json_array_foreach(listeners, i, l)
    {
        const long long header = look_number(l, "header"), turn = look_number(l, "turn"),
                        handshake = look_number(l, "handshake"), open = look_number(l, "open");
        printf("%slistener ", i == 0 ? "\n" : "");
        output_visible(cmp_str_from(look_text(l, "listener")), stdout);
        printf(": %lld connections (%lld are kept for it), %lld open, %lld in their handshake, "
               "%lld before their turn, %lld before a balancer's header\n",
               header + turn + handshake + open, look_number(l, "share"), open, handshake, turn,
               header);
    }
}

/* ---- caches ---- */

static void print_caches(const json_t *caches)
{
    size_t i;
    json_t *c;
    json_array_foreach(caches, i, c)
    {
        const json_t *ratio = json_object_get(c, "hit_ratio");
        printf("%scache of ", i == 0 ? "\n" : "");
        output_visible(cmp_str_from(look_text(c, "store")), stdout);
        if (json_is_number(ratio)) {
            printf(": hit ratio %.2f %%, %lld hits, %lld misses, %lld stale\n",
                   100 * json_number_value(ratio), look_number(c, "hits"), look_number(c, "misses"),
                   look_number(c, "stale"));
        } else {
            puts(": not asked yet");
        }
    }
}

int stats_run(int argc, char **argv)
{
    stats_options o = {.config = NULL};
    const args_result parsed = args_parse(&command, argc, argv, &o, NULL);
    if (parsed != ARGS_GO) {
        return args_status(parsed);
    }
    json_t *answer = admin_ask(o.config, o.socket, "/stats");
    if (answer == NULL) {
        return EXIT_CANNOT;
    }
    if (o.json) {
        output_json(answer);
    } else {
        const json_t *counters = json_object_get(answer, "counters");
        const json_t *gauges = json_object_get(answer, "gauges");
        const widths w = widths_with(widths_with((widths){0}, counters), gauges);
        print_counters(counters, w);
        print_counters(gauges, w);
        print_histograms(json_object_get(answer, "histograms"));
        print_health(json_object_get(answer, "health"));
        print_threads(json_object_get(answer, "threads"));
        print_listeners(json_object_get(answer, "listeners"));
        print_caches(json_object_get(answer, "caches"));
        json_decref(answer);
    }
    return EXIT_GOOD;
}
