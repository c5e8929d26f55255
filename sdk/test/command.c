/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that tests give as an operator would. */
#include "test/test.h"

#include <stdarg.h>
#include <stdio.h>

static void service_command_done(const cmp_host *table, uint64_t id, bool good, const char *format,
                                 ...)
{
    cmp_test *t = test_of(table);
    if (id != t->command || t->command_state != CMP_TEST_COMMAND_PENDING) {
        test_die("command_done: for a command that has ended, or was never given");
    }
    va_list args;
    va_start(args, format);
    vsnprintf(t->command_text, sizeof(t->command_text), format, args);
    va_end(args);
    t->command_state = good ? CMP_TEST_COMMAND_GOOD : CMP_TEST_COMMAND_BAD;
}

void test_command_services(cmp_host *table)
{
    table->command_done = service_command_done;
}

cmp_test_command_end cmp_test_command(cmp_test *t, const char *name, const char *argument)
{
    const cmp_command *row = t->host->loaded->commands;
    while (row != NULL && row->name != NULL && strcmp(row->name, name) != 0) {
        row++;
    }
    if (row == NULL || row->name == NULL || t->host->instance == NULL) {
        test_die("command: the plugin has no %s", name);
    }
    if (t->command > 0 && t->command_state == CMP_TEST_COMMAND_PENDING) {
        test_die("command: another one is pending");
    }
    t->command++;
    t->command_state = CMP_TEST_COMMAND_PENDING;
    t->host->plugin->command(t->host->instance, row->name, cmp_str_from(argument), t->command);
    test_settle(t);
    return t->command_state;
}

cmp_test_command_end cmp_test_command_state(const cmp_test *t)
{
    return t->command_state;
}

const char *cmp_test_command_text(const cmp_test *t)
{
    return t->command_text;
}
