/* SPDX-License-Identifier: Apache-2.0 */
/* See run.h. A trial is this program again, so that a checker of memory can run it, and that one
 * which crashes or hangs takes no other along. */
#include "run.h"

#include "base/clock.h"
#include "trial.h"

#include <cmp-kit/memory.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define VALGRIND_MS 120000 /* it makes everything twenty times as slow */
#define TEXT_MAX    ((size_t)64 * 1024)

/* ---- the child ---- */

static const struct {
    const char *word;
    void (*run)(trial *tr);
    rule rule;
} trials[] = {
#define X(function, word, rule) {word, function, rule},
    TRIALS(X)
#undef X
};

/* One process for all that need not be alone. */
#define ALL        "all"
#define TRIAL_SAYS "trial: "

/* The last line of what is found: the trial came to its end, whatever the exit status says. */
#define TRIAL_END   "end"

#define TRIAL_COUNT (sizeof(trials) / sizeof(trials[0]))

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = kit_alloc(RUN_OPTIONS_MAX + 1);
    const size_t size = file != NULL ? fread(text, 1, RUN_OPTIONS_MAX, file) : 0;
    text[size] = '\0';
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

int run_one(const run_options *o, const char *word, int to, bool brief)
{
    char folder[PATH_MAX] = ".";
    void *handle = dlopen(o->plugin, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    if (o->options != NULL) {
        snprintf(folder, sizeof(folder), "%s", o->options);
        dirname(folder);
    }
    char *text = o->options != NULL ? read_file(o->options) : NULL;
    char from[PATH_MAX];
    snprintf(from, sizeof(from), "%s", o->plugin);
    trial tr = {.plugin = dlsym(handle, CMP_PLUGIN_SYMBOL),
                .folder = dirname(from),
                .options = text,
                .options_folder = folder,
                .brief = brief,
                .may_write = o->may_write,
                .to = fdopen(to, "w")};
    for (size_t i = 0; i < TRIAL_COUNT; i++) {
        if (strcmp(trials[i].word, word) == 0 ||
            (strcmp(word, ALL) == 0 && trials[i].rule != RULE_WRITES)) {
            fprintf(stderr, TRIAL_SAYS "%s\n", trials[i].word);
            trials[i].run(&tr);
        }
    }
    fputs(TRIAL_END "\n", tr.to);
    fclose(tr.to);
    free(text);
    return 0;
}

/* ---- the parent ---- */

typedef struct ended {
    char found[TEXT_MAX], said[TEXT_MAX]; /* its findings; what it wrote to stderr */
    int status;
    bool late, whole; /* the patience was over before; it came to its end */
} ended;

/* False at its end. What does not fit is read and forgotten. */
static bool read_some(int fd, char *text, size_t *size)
{
    char rest[4096];
    const size_t room = TEXT_MAX - 1 - *size;
    const ssize_t got = room > 0 ? read(fd, text + *size, room) : read(fd, rest, sizeof(rest));
    if (got > 0 && room > 0) {
        *size += (size_t)got;
    }
    return got > 0;
}

static void read_both(int found, int said, pid_t child, unsigned patience_ms, ended *e)
{
    const uint64_t until_ms = clock_monotonic_ms() + patience_ms;
    size_t sizes[2] = {0, 0};
    struct pollfd ends[2] = {{.fd = found, .events = POLLIN}, {.fd = said, .events = POLLIN}};
    char *const read_to[2] = {e->found, e->said};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        const int64_t left_ms = (int64_t)(until_ms - clock_monotonic_ms());
        if (left_ms <= 0 || poll(ends, 2, (int)left_ms) == 0) {
            e->late = true;
            kill(child, SIGKILL);
            break;
        }
        for (unsigned i = 0; i < 2; i++) {
            if (ends[i].revents != 0 && !read_some(ends[i].fd, read_to[i], &sizes[i])) {
                ends[i].fd = -1;
            }
        }
    }
    e->found[sizes[0]] = '\0';
    e->whole =
        strcmp(e->found, TRIAL_END "\n") == 0 || strstr(e->found, "\n" TRIAL_END "\n") != NULL;
    e->said[sizes[1]] = '\0';
}

/* Returns 0 or an errno. */
static int start(char *const *words, int found, int said, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, found, RUN_FD);
    const int error = posix_spawnp(child, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Returns 0, or the errno with which it could not be started. */
static int run_child(char *const *words, unsigned patience_ms, ended *e)
{
    int found[2], said[2];
    pid_t child;
    *e = (ended){.late = false};
    if (pipe2(found, O_CLOEXEC) != 0) {
        return errno;
    }
    if (pipe2(said, O_CLOEXEC) != 0) {
        const int error = errno;
        close(found[0]);
        close(found[1]);
        return error;
    }
    const int error = start(words, found[1], said[1], &child);
    close(found[1]);
    close(said[1]);
    if (error == 0) {
        read_both(found[0], said[0], child, patience_ms, e);
        while (waitpid(child, &e->status, 0) < 0 && errno == EINTR) {
        }
    }
    close(found[0]);
    close(said[0]);
    return error;
}

/* ---- what it means ---- */

static void take_findings(char *text, findings *f)
{
    for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        char *second = line, *words = line;
        const unsigned long r = strtoul(line, &second, 10), v = strtoul(second, &words, 10);
        if (second != line && words != second && *words == ' ' && r < RULE_COUNT &&
            v <= VERDICT_NOT_SEEN) {
            findings_add(f, (rule)r, (finding_verdict)v, words + 1);
        }
    }
}

/* The last line that begins with it, without its beginning; NULL: there is none. */
static char *last_line(char *text, const char *beginning)
{
    char *found = NULL;
    for (char *at = text; (at = strstr(at, beginning)) != NULL; at += strlen(beginning)) {
        if (at == text || at[-1] == '\n') {
            found = at + strlen(beginning);
        }
    }
    if (found != NULL) {
        found[strcspn(found, "\n")] = '\0';
    }
    return found;
}

/* How libcmp-test ends a process in which a plugin has broken a rule. */
#define HOST_SAYS      "cmp-test: "
#define SANITIZER_SAYS "SUMMARY: "

static rule rule_of_host(const char *said, rule otherwise)
{
    return strncmp(said, "left behind", strlen("left behind")) == 0 ? RULE_LIFE : otherwise;
}

static void judge_end(const char *word, rule r, ended *e, findings *f)
{
    char *said;
    if (e->late) {
        findings_broken(f, r, "trial \"%s\" did not end within %d s", word, PATIENCE_MS / 1000);
    } else if ((said = last_line(e->said, HOST_SAYS)) != NULL && WIFSIGNALED(e->status)) {
        findings_broken(f, rule_of_host(said, r), "%s", said);
    } else if ((said = last_line(e->said, SANITIZER_SAYS)) != NULL) {
        findings_broken(f, RULE_MEMORY, "trial \"%s\": %s", word, said);
    } else if (WIFSIGNALED(e->status)) {
        findings_broken(f, r, "trial \"%s\" ends the process: %s", word,
                        strsignal(WTERMSIG(e->status)));
    } else if (WEXITSTATUS(e->status) == TRIAL_GIVEN_UP && findings_faults(f) > 0) {
        return; /* it has said why */
    } else if (WEXITSTATUS(e->status) != 0 || !e->whole) {
        findings_broken(f, r, "trial \"%s\" ends the process, with exit status %d", word,
                        WEXITSTATUS(e->status));
    }
}

/* ---- all of them ---- */

#define WORDS_MAX 20

typedef struct command {
    const char *words[WORDS_MAX];
    size_t count;
} command;

static void add(command *c, const char *word)
{
    c->words[c->count++] = word;
    c->words[c->count] = NULL;
}

static void add_trial(command *c, const run_options *o, const char *word, bool brief)
{
    add(c, "/proc/self/exe");
    add(c, "--trial");
    add(c, word);
    if (brief) {
        add(c, "--brief");
    }
    if (o->may_write) {
        add(c, "--write");
    }
    if (o->options != NULL) {
        add(c, "--options");
        add(c, o->options);
    }
    add(c, o->plugin);
}

static void try_one(const run_options *o, size_t at, findings *f)
{
    ended *e = kit_alloc(sizeof(*e));
    command c = {.count = 0};
    add_trial(&c, o, trials[at].word, false);
    const int error = run_child((char *const *)c.words, PATIENCE_MS, e);
    if (error == 0) {
        take_findings(e->found, f);
        judge_end(trials[at].word, trials[at].rule, e, f);
    } else {
        findings_not_seen(f, trials[at].rule, "no process can be started: %s", strerror(error));
    }
    free(e);
}

/* Text of one of valgrind's lines, without its ==PID==; NULL: it is somebody else's. */
static char *text_of_valgrind(char *line)
{
    char *text = strncmp(line, "==", 2) == 0 ? strstr(line + 2, "== ") : NULL;
    return text != NULL ? text + strlen("== ") : NULL;
}

/* The head of an error. Not: what is indented below one, what valgrind says of itself, and that the
 * process gets a signal, which a plugin may have sent. */
static bool is_memory_error(const char *text)
{
    static const char *const others[] = {" ", "Warning", "valgrind:", "Process terminating"};
    bool good = *text != '\0';
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        good = good && strncmp(text, others[i], strlen(others[i])) != 0;
    }
    return good;
}

/* Its first error: what, in which trial, and the first frame that is the plugin's. False: it has
 * found none. */
static bool say_memory(const run_options *o, char *said, findings *f)
{
    const char *file = strrchr(o->plugin, '/') + 1;
    const char *in = "?", *what = NULL, *where = "";
    for (char *rest = said, *line; *where == '\0' && (line = strsep(&rest, "\n")) != NULL;) {
        char *text = text_of_valgrind(line);
        if (text == NULL && what == NULL && strncmp(line, TRIAL_SAYS, strlen(TRIAL_SAYS)) == 0) {
            in = line + strlen(TRIAL_SAYS);
        } else if (text != NULL && what == NULL) {
            what = is_memory_error(text) ? text : NULL;
        } else if (text != NULL && (strstr(text, ".c:") != NULL || strstr(text, file) != NULL)) {
            where = text + strspn(text, " ");
        }
    }
    if (what != NULL) {
        findings_broken(f, RULE_MEMORY, "trial \"%s\": %s %s", in, what, where);
    }
    return what != NULL;
}

/* An error that valgrind has told counts, however the process ended. */
static void judge_memory(const run_options *o, ended *e, findings *f)
{
    if (!e->late && e->whole && WIFEXITED(e->status) && WEXITSTATUS(e->status) == 0) {
        findings_held(f, RULE_MEMORY, "valgrind has nothing to say");
    } else if (say_memory(o, e->said, f)) {
        return;
    } else if (e->late) {
        findings_not_seen(f, RULE_MEMORY, "valgrind took longer than %d s", VALGRIND_MS / 1000);
    } else if (WIFSIGNALED(e->status)) {
        findings_not_seen(f, RULE_MEMORY, "valgrind ended with %s", strsignal(WTERMSIG(e->status)));
    } else {
        findings_not_seen(f, RULE_MEMORY, "valgrind ended with exit status %d%s",
                          WEXITSTATUS(e->status), e->whole ? "" : ", before all was tried");
    }
}

/* By its path, since /proc/self/exe would be valgrind's. */
static void try_memory(const run_options *o, const char *self, findings *f)
{
    ended *e = kit_alloc(sizeof(*e));
    command c = {.count = 0};
    add(&c, "valgrind");
    add(&c, "-q");
    add(&c, "--error-exitcode=99");
    add(&c, "--leak-check=no"); /* trial "life" has counted, over more lives */
    const size_t program = c.count;
    add_trial(&c, o, ALL, true);
    c.words[program] = self;
    const int error = run_child((char *const *)c.words, VALGRIND_MS, e);
    if (error == 0) {
        judge_memory(o, e, f);
    } else if (error == ENOENT) {
        findings_note(f, RULE_MEMORY, "install valgrind, and memory is looked at, too");
    } else {
        findings_not_seen(f, RULE_MEMORY, "valgrind cannot be started: %s", strerror(error));
    }
    free(e);
}

/* Made with a sanitizer it watches itself, and valgrind cannot. */
static bool is_sanitized(void)
{
    return dlsym(RTLD_DEFAULT, "__asan_init") != NULL || dlsym(RTLD_DEFAULT, "__tsan_init") != NULL;
}

void run_trials(const run_options *o, findings *f)
{
    char self[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    for (size_t i = 0; i < TRIAL_COUNT; i++) {
        const size_t unseen = findings_unseen(f), faults = findings_faults(f);
        try_one(o, i, f);
        if (trials[i].rule == RULE_OPTIONS &&
            (findings_unseen(f) != unseen || findings_faults(f) != faults)) {
            return; /* without an instance there is nothing to try */
        }
    }
    if (size > 0 && !o->no_valgrind && !is_sanitized()) {
        self[size] = '\0';
        try_memory(o, self, f);
    }
}
