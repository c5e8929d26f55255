/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over files, one argument each: seeds and findings are replayed by every
 * compiler, without a fuzzing engine. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The memory is as large as the file, so that a sanitizer sees octets read too many. */
static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    int result = -1;
    if (fseek(file, 0, SEEK_END) == 0) {
        const long size = ftell(file);
        uint8_t *data = size >= 0 ? malloc(size > 0 ? (size_t)size : 1) : NULL;
        rewind(file);
        if (data != NULL && fread(data, 1, (size_t)size, file) == (size_t)size) {
            result = LLVMFuzzerTestOneInput(data, (size_t)size);
        }
        free(data);
    }
    fclose(file);
    return result;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) != 0) {
            fprintf(stderr, "%s: not replayed\n", argv[i]);
            return 1;
        }
    }
    printf("%d replayed\n", argc - 1);
    return argc > 1 ? 0 : 1; /* no file at all is a mistake of the caller */
}
