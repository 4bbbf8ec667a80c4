/*
 * early.c: loaded into a server that runs under AddressSanitizer, before all else, to start it.
 *
 * ASan starts at the first allocation. Left alone, that is one of libgpg-error's, within a lock of
 * libc that ASan's start needs itself: the process would wait for itself for ever.
 */
#include <stdlib.h>

__attribute__((constructor)) static void start(void) {
    free(malloc(1));
}
