/* verify.c - exports of a journal as onefin-verify reads them, CSV or JSON lines, to the end of the
 * chain. */
#include "verify.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void prove(const char *path) {
    struct chain chain = {0};
    struct problem problem = {0};
    struct source source;
    struct record record;
    enum outcome outcome;
    bool proved = true;

    if (!source_open(&source, path))
        abort();
    chain_begin_file(&chain);
    while (proved && (outcome = source_read(&source, &record, &problem)) == READ_RECORD)
        proved = chain_take(&chain, &record, &problem);
    if (proved && outcome == READ_NO_MORE)
        proved = chain_end_file(&chain, path, &problem);
    else
        proved = false;
    if (!proved && !*problem.what)
        abort(); /* what is wrong has to be told */
    source_close(&source);
    free(chain.digests);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    int file = memfd_create("export", 0);
    char path[32];

    if (write(file, bytes, size) != (ssize_t)size)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    prove(path);
    close(file);
    return 0;
}
