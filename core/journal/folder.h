/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a journal's folder. */
#pragma once

#include "journal/block.h"

/* Of one file: "journal-00000042.cmpj", and with ".zst" behind it when it was compressed. */
#define SEGMENT_NAME_SIZE 40

typedef struct segment_file {
    char name[SEGMENT_NAME_SIZE];
    journal_stream stream;
    uint64_t number;
    bool compressed;
    uint64_t size; /* octets of the file */
    int64_t modified_ms;
} segment_file;

typedef struct segment_files {
    segment_file *at; /* by number */
    size_t count, room;
} segment_files;

void segment_name(journal_stream stream, uint64_t number, char name[SEGMENT_NAME_SIZE]);

/* Whether a process writes to that segment; the second, to the one of an open file. */
bool segment_is_open(int folder, const segment_file *f);
bool segment_is_written(int fd);

/* Lists the segments of a stream in their order. One of which there is a compressed file as well is
 * listed once, as that: the other is about to be removed. False with errno when the folder cannot
 * be read. */
CMP_MUST_USE bool segment_files_list(int folder, journal_stream stream, segment_files *files);
void segment_files_free(segment_files *files);

/* In a journal's folder, beside the segments. */
#define FOLDER_LOCK    "lock"         /* held by the process that removes and compresses */
#define FOLDER_REWRITE "rewrite.lock" /* held by whoever puts a file in another's place */
#define FOLDER_ROTATE  "rotate"       /* whoever makes it asks for new segments */
#define FOLDER_KEYS    "keys"         /* of the pseudonyms (keys.h) */

/* Behind the name of a segment that is written anew, until it is whole. */
#define FOLDER_NEW  ".new"
#define FOLDER_PART ".part"

/* Opens the file of that name and locks it; with `wait`, when it is free. -1 with errno
 * (EWOULDBLOCK: somebody has it). Closing unlocks. */
int folder_lock(int folder, const char *name, bool wait);

/* Makes a file of that name anew, open for reading and writing; what was there goes. It gets the
 * owner of the open file `like`, when we may give files away. -1 with errno. */
int folder_make(int folder, const char *name, int like);

/* Removes what was to be a segment, when whoever wrote it was killed. The caller holds
 * FOLDER_REWRITE. False with errno. */
CMP_MUST_USE bool folder_remove_leftovers(int folder);
