/* import.c - lines of a history as onefin-import reads them. */
#include "import.h"

#include <search.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define FREE_ALL(list, type)                                                                       \
    for (struct type * one, *after = STAILQ_FIRST(list); (one = after); free(one))                 \
    after = STAILQ_NEXT(one, next)

static void leave(void *node) {
    (void)node;
}

/* A history lives until its process ends; here there are many in one. */
static void history_free(struct history *history) {
    for (struct line *line = STAILQ_FIRST(&history->lines), *next; line; line = next) {
        next = STAILQ_NEXT(line, next);
        json_decref(line->source);
        json_decref(line->fault);
        free(line);
    }
    tdestroy(history->clients_by_name, leave);
    tdestroy(history->members_by_login, leave);
    tdestroy(history->pairings_found, leave);
    FREE_ALL(&history->clients, client);
    FREE_ALL(&history->members, member);
    FREE_ALL(&history->pairings, pairing);
    json_decref(history->copies);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct history history;
    unsigned lines = 0;
    struct line *line;
    FILE *file = fmemopen((void *)bytes, size, "r");

    if (!file)
        return -1; /* of nothing there is no file */
    if (!history_read(&history, file))
        abort();
    STAILQ_FOREACH(line, &history.lines, next) {
        lines++;
        if ((line->outcome == LINE_REFUSED) != (line->fault != NULL) ||
            (!line->fault && !(line->client && line->author && line->text && line->at)))
            abort();
    }
    if (lines != history.count)
        abort();
    fclose(file);
    history_free(&history);
    return 0;
}
