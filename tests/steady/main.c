/* SPDX-License-Identifier: Apache-2.0 */
/* Partners that ask at a steady rate, over a few h2 connections, whatever else happens.
 *
 *     steady --port N --key ID --secret HEX --ici ICI [--rate N] [--connections N] [--lifetime MS]
 *            [--source ADDRESS]
 *
 * Each connection is left after its lifetime (by default never) and another one made. A line on
 * standard input ends a phase, whose figures are then written as a line of JSON; the end of
 * standard input ends the program. */
#include "figures.h"
#include "partners.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static partners_options options = {.connections = 4};
static unsigned rate = 2000;

/* False: there will be no more phases. */
static bool read_orders(void)
{
    char text[64];
    const ssize_t size = read(STDIN_FILENO, text, sizeof(text));
    for (ssize_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            figures_report();
        }
    }
    return size > 0 || (size < 0 && errno == EAGAIN);
}

static void take_secret(const char *text)
{
    while (options.secret_size < sizeof(options.secret) &&
           sscanf(text + 2 * options.secret_size, "%2hhx", &options.secret[options.secret_size]) ==
               1) {
        options.secret_size++;
    }
}

static void take_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"key", required_argument, NULL, 'k'},
        {"secret", required_argument, NULL, 'x'},
        {"ici", required_argument, NULL, 'i'},
        {"rate", required_argument, NULL, 'r'},
        {"connections", required_argument, NULL, 'c'},
        {"source", required_argument, NULL, 's'},
        {"lifetime", required_argument, NULL, 'l'},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'p':
            options.port = (uint16_t)strtoul(optarg, NULL, 10);
            break;
        case 'k':
            options.key = optarg;
            break;
        case 'x':
            take_secret(optarg);
            break;
        case 'i':
            options.ici = optarg;
            break;
        case 'r':
            rate = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'c':
            options.connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            options.source = optarg;
            break;
        case 'l':
            options.lifetime_ms = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    }
    if (options.port == 0 || options.key == NULL || options.ici == NULL || rate == 0 ||
        options.secret_size == 0 || options.connections - 1 >= CONNECTIONS_MAX) {
        errx(2, "see the head of main.c");
    }
}

int main(int argc, char **argv)
{
    take_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    partners_begin(&options);
    figures_begin(rate);
    const uint64_t end_ns = now_ns() + SECONDS_MAX * 1000 * MS;
    while (read_orders() && now_ns() < end_ns) {
        partners_turn();
    }
    return 0;
}
