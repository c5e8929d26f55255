/* SPDX-License-Identifier: 0BSD */
/* Says who has sent requests: reads their query strings, one a line, and answers each with a status
 * and the peer, or the reason. A line that comes twice is a replay.
 *
 *     verify PLUGINS KEYRING < queries */
#include <cmp-embed/embed.h>

#include <stdio.h>
#include <stdlib.h>

static void verify(cmp_embed_worker *w, cmp_str query)
{
    cmp_embed_request request = CMP_EMBED_REQUEST;
    cmp_embed_answer answer = CMP_EMBED_ANSWER;
    request.form = query;
    const int status = cmp_embed_verify(w, &request, &answer);
    if (status == 200) {
        printf("200 %.*s\n", (int)answer.peer.size, answer.peer.at);
    } else {
        printf("%d %s: %s\n", status, answer.code, answer.reason != NULL ? answer.reason : "");
    }
    fflush(stdout);
    cmp_embed_done(&answer, status);
}

int main(int argc, char **argv)
{
    cmp_embed_error error;
    if (argc != 3) {
        fputs("verify PLUGINS KEYRING < queries\n", stderr);
        return 2;
    }
    const cmp_embed_settings settings = {.size = sizeof(settings), .keyring = argv[2]};
    cmp_embed *e = cmp_embed_open(argv[1], "auth_hmac", NULL, &settings, &error);
    cmp_embed_worker *w = e != NULL ? cmp_embed_attach(e, &error) : NULL;
    if (w == NULL) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        verify(w, (cmp_str){line, strcspn(line, "\n")});
    }
    free(line);
    cmp_embed_detach(&w);
    cmp_embed_close(&e);
    return 0;
}
