/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers the first signal, so that commands can end a write in order. */
#include "ctl/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t came;

static void on_signal(int number)
{
    (void)number;
    came = 1;
}

/* SA_RESETHAND gives the second signal its old meaning. No SA_RESTART: reads that wait come back
 * and see what has come. */
void interrupt_catch(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &action, NULL);
    }
}

bool interrupt_came(void)
{
    return came != 0;
}
