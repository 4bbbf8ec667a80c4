/*
 * worker_content.h - the content of PDF pages: what it leaves open, and where it draws.
 */
#pragma once

#include "worker_task.h"

enum content_kind { CONTENT_TEXT, CONTENT_IMAGE, CONTENT_LINES, CONTENT_FILL };

/* left, bottom, right, top, in the space of the page */
struct box {
    double x0, y0, x1, y1;
};

/* a b c d e f, as PDF has it */
struct matrix {
    double a, b, c, d, e, f;
};

/* What a name stands for that content calls (Do). */
struct content_object {
    enum { OBJECT_NONE, OBJECT_IMAGE, OBJECT_FORM } kind;
    struct bytes content; /* of a form, to be freed */
    struct matrix matrix;
    unsigned resources;
};

/* Whoever reads content, and knows the file that it is of. */
struct content_reader {
    void *owner;
    void (*draws)(void *owner, enum content_kind kind, struct box box);
    struct content_object (*object)(void *owner, unsigned resources, const char *name);
    bool (*has_wide_codes)(void *owner, unsigned resources, const char *font); /* of 2 bytes */
    size_t budget; /* bytes of content that it may take yet */
};

/* What is amiss with the balance of a page's content. */
struct content_balance {
    unsigned unopened; /* graphics states that it restores and did not save */
    char *closers;     /* what closes all that it leaves open, or NULL; to be freed */
};

/* Reads the content of a page. */
struct content_balance content_read(struct bytes content, unsigned resources,
                                    struct content_reader *reader);
