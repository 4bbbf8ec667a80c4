/*
 * s3_pages.c - the memory that uploads wait in until a part is full and with the store.
 *
 * A part is signed and may have to be sent again, so it is kept until the store has it. All uploads
 * together have s3_memory. When it is used up fillers wait in line. Should all of it be in parts
 * that are not full, none of which can be sent, nothing would ever come back; so one filler at a
 * time, the first in line, may go on beyond the limit, until its part is full.
 */
#include "s3.h"
#include "config.h"
#include "memory.h"
#include "metrics.h"

#include <stdlib.h>
#include <sys/mman.h>

static struct {
    size_t used; /* pages */
    unsigned char **unused;
    size_t unused_count;
    TAILQ_HEAD(, s3_filler) line;
    struct s3_filler *preferred; /* may go beyond the limit; NULL: nobody */
} pool = {.line = TAILQ_HEAD_INITIALIZER(pool.line)};

static size_t limit(void) {
    return config.s3_memory / S3_PAGE;
}

static unsigned char *page_new(void) {
    void *page;

    pool.used++;
    metrics.store_memory += S3_PAGE;
    if (pool.unused_count > 0)
        return pool.unused[--pool.unused_count];
    page = mmap(NULL, S3_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? memory_new(SIZE_MAX) /* says so, and ends */ : page;
}

static void page_free(unsigned char *page) {
    pool.used--;
    metrics.store_memory -= S3_PAGE;
    pool.unused = memory_resize(pool.unused, (pool.unused_count + 1) * sizeof *pool.unused);
    pool.unused[pool.unused_count++] = page;
}

/* Without uploads the memory goes back to the system. */
static void trim(void) {
    while (pool.used == 0 && pool.unused_count > 0)
        munmap(pool.unused[--pool.unused_count], S3_PAGE);
    if (pool.used == 0) {
        free(pool.unused);
        pool.unused = NULL;
    }
}

static void leave_line(struct s3_filler *filler) {
    if (filler->waits)
        TAILQ_REMOVE(&pool.line, filler, waiting);
    filler->waits = false;
}

/* Lets go on who can. What a filler does then may lead here again. */
static void serve_line(void) {
    static bool serving;
    struct s3_filler *filler;

    if (serving)
        return;
    serving = true;
    while ((filler = TAILQ_FIRST(&pool.line))) {
        if (pool.used >= limit()) {
            if (pool.preferred || pool.used > limit())
                break;
            pool.preferred = filler;
        }
        leave_line(filler);
        filler->next = true;
        filler->ready(filler);
        filler->next = false;
    }
    serving = false;
}

bool s3_pages_add(struct s3_pages *pages, struct s3_filler *filler) {
    bool first = TAILQ_EMPTY(&pool.line) || filler->next;

    if (first && !pool.preferred && pool.used == limit())
        pool.preferred = filler;
    if (filler != pool.preferred && !(first && pool.used < limit())) {
        TAILQ_INSERT_TAIL(&pool.line, filler, waiting);
        filler->waits = true;
        return false;
    }
    pages->page = memory_resize(pages->page, (pages->count + 1) * sizeof *pages->page);
    pages->page[pages->count++] = page_new();
    return true;
}

void s3_pages_yield(struct s3_filler *filler) {
    leave_line(filler);
    if (pool.preferred == filler) {
        pool.preferred = NULL;
        serve_line();
    }
}

void s3_pages_free(struct s3_pages *pages) {
    while (pages->count > 0)
        page_free(pages->page[--pages->count]);
    free(pages->page);
    *pages = (struct s3_pages){0};
    serve_line();
    trim();
}
