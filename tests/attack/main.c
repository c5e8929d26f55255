/* SPDX-License-Identifier: Apache-2.0 */
/* attack NAME --port N: one of the attacks against a server on loopback, bounded in time and in
 * connections; says in a line of JSON what came of it. `attack --list` names them. */
#include "attack.h"

#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SECONDS_MAX     60
#define CONNECTIONS_MAX 12000
#define OPENS_MAX       50000
#define BODY_MAX        ((size_t)1 << 20)

static const attack *const attacks[] = {
    &hpack_bomb_held,
    &hpack_bomb,
    &hpack_updates,
    &rapid_reset,
    &made_you_reset,
    &made_you_reset_window,
    &made_you_reset_priority,
    &unknown_frames,
    &ping_flood,
    &settings_flood,
    &window_update_flood,
    &priority_flood,
    &empty_data,
    &empty_continuation,
    &continuation_held,
    &pipelining,
    &pipelining_read,
    &connects,
    &silent_connections,
    &half_handshakes,
    &handshakes,
    &key_updates,
    &bodies_held,
    &unread,
    &dribble,
    &json_nested,
    &json_members,
    &slow_head,
    &slow_body,
    &slow_body_h2,
    &idle,
    &idle_pings,
    &bad_signatures,
    &questions,
    &smuggling,
};

#define ATTACKS (sizeof(attacks) / sizeof(attacks[0]))

request_words words = {.authority = "localhost", .target = "/mc-3/resolve-ici?tid=1&ici=1A0F1-1"};

static void usage(FILE *to)
{
    fputs("usage: attack NAME --port N [OPTION]...\n"
          "       attack --list\n"
          "  --host ADDRESS     of 127.0.0.0/8 (127.0.0.1)\n"
          "  --source ADDRESS   of 127.0.0.0/8, where the connections come from\n"
          "  --sources N        so many addresses from there on, in turn (1)\n"
          "  --plain            without TLS\n"
          "  --seconds N        up to 60 (1)\n"
          "  --until-ended N    stops when the server has ended so many connections\n"
          "  --at-least WHAT=N  (opened, ended or answers) goes on for up to 30 seconds more\n"
          "                     until there are so many\n"
          "  --connections N    at a time; up to 12000 (the attack's own)\n"
          "  --opens N          in all; up to 50000 (50000)\n"
          "  --target PATH      and query of its requests\n"
          "  --header NAME=TEXT a field of its requests\n"
          "  --body-file PATH   their body, where they have one\n",
          to);
}

static void list(void)
{
    for (size_t i = 0; i < ATTACKS; i++) {
        printf("%-24s %s\n", attacks[i]->name, attacks[i]->help);
    }
}

static const attack *attack_find(const char *name)
{
    for (size_t i = 0; i < ATTACKS; i++) {
        if (strcmp(attacks[i]->name, name) == 0) {
            return attacks[i];
        }
    }
    errx(2, "%s is no attack; see attack --list", name);
}

static unsigned number(const char *text, const char *option, unsigned max)
{
    char *end;
    const unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > max) {
        errx(2, "%s: a number from 1 to %u is expected, not %s", option, max, text);
    }
    return (unsigned)value;
}

/* Nothing but this machine is ever attacked. */
static const char *loopback(const char *text, const char *option)
{
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1 || ntohl(address.s_addr) >> 24 != 127) {
        errx(2, "%s: an address of 127.0.0.0/8 is expected, not %s", option, text);
    }
    return text;
}

static void take_at_least(const char *text, engine_options *o)
{
    static const struct {
        const char *name;
        const uint64_t *count;
    } known[] = {{"opened=", &total.opened},
                 {"ended=", &total.ended},
                 {"answers=", &total.answers}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const size_t size = strlen(known[i].name);
        if (strncmp(text, known[i].name, size) == 0) {
            o->wanted = known[i].count;
            o->at_least = number(text + size, "--at-least", INT32_MAX);
            return;
        }
    }
    errx(2, "--at-least: opened=N, ended=N or answers=N is expected, not %s", text);
}

static void take_body(const char *path)
{
    FILE *file = fopen(path, "r");
    char *body = malloc(BODY_MAX);
    if (file == NULL || body == NULL) {
        err(2, "%s", path);
    }
    words.body_size = fread(body, 1, BODY_MAX, file);
    words.body = body;
    fclose(file);
}

static void take_header(char *text)
{
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        errx(2, "--header: NAME=TEXT is expected, not %s", text);
    }
    *equals = '\0';
    words.header_name = text;
    words.header_value = equals + 1;
}

static void take_options(int argc, char **argv, engine_options *o)
{
    static const struct option known[] = {
        {"host", required_argument, NULL, 'h'},     {"port", required_argument, NULL, 'p'},
        {"source", required_argument, NULL, 's'},   {"sources", required_argument, NULL, 'S'},
        {"seconds", required_argument, NULL, 't'},  {"connections", required_argument, NULL, 'c'},
        {"opens", required_argument, NULL, 'o'},    {"target", required_argument, NULL, 'u'},
        {"header", required_argument, NULL, 'H'},   {"body-file", required_argument, NULL, 'b'},
        {"plain", no_argument, NULL, 'P'},          {"until-ended", required_argument, NULL, 'e'},
        {"at-least", required_argument, NULL, 'a'}, {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, '?'},           {0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'h':
            o->host = loopback(optarg, "--host");
            break;
        case 'p':
            o->port = (uint16_t)number(optarg, "--port", UINT16_MAX);
            break;
        case 's':
            o->source = loopback(optarg, "--source");
            break;
        case 'S':
            o->sources = number(optarg, "--sources", 1 << 16);
            break;
        case 'e':
            o->until_ended = number(optarg, "--until-ended", OPENS_MAX);
            break;
        case 'a':
            take_at_least(optarg, o);
            break;
        case 'P':
            o->plain = true;
            break;
        case 't':
            o->seconds = number(optarg, "--seconds", SECONDS_MAX);
            break;
        case 'c':
            o->connections = number(optarg, "--connections", CONNECTIONS_MAX);
            break;
        case 'o':
            o->opens_max = number(optarg, "--opens", OPENS_MAX);
            break;
        case 'u':
            words.target = optarg;
            break;
        case 'H':
            take_header(optarg);
            break;
        case 'b':
            take_body(optarg);
            break;
        case 'l':
            list();
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
}

static void allow_descriptors(unsigned connections)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < connections + 16u) {
        errx(2, "%u connections need a higher limit of open files (ulimit -n)", connections);
    }
}

static void report(const attack *a)
{
    printf("{\"attack\": \"%s\", \"opened\": %lu, \"refused\": %lu, \"ended\": %lu, "
           "\"goaways\": %lu, \"calm\": %lu, \"resets\": %lu, \"answers\": %lu, \"hidden\": %lu, "
           "\"octets_sent\": %lu, \"octets_received\": %lu, \"longest_ms\": %lu}\n",
           a->name, total.opened, total.refused, total.ended, total.goaways, total.calm,
           total.resets, total.answers, total.hidden, total.octets_sent, total.octets_received,
           total.longest_ms);
}

int main(int argc, char **argv)
{
    engine_options options = {.host = "127.0.0.1",
                              .seconds = 1,
                              .sources = 1,
                              .opens_max = OPENS_MAX};
    take_options(argc, argv, &options);
    if (optind + 1 != argc || options.port == 0) {
        usage(stderr);
        return 2;
    }
    const attack *a = attack_find(argv[optind]);
    if (options.connections == 0) {
        options.connections = a->connections;
    }
    allow_descriptors(options.connections);
    signal(SIGPIPE, SIG_IGN);
    engine_run(a, &options);
    report(a);
    return 0;
}
