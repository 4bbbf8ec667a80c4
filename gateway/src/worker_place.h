/*
 * worker_place.h - where the mark goes on a page of a PDF.
 */
#pragma once

#include "worker_content.h"

#define DRAWN 10.0 /* size of letters that marks are measured and drawn with */

struct page {
    struct box box; /* what is seen of it, in its own space */
    int turns;      /* of 90 degrees, clockwise */
    double unit;    /* pt */
};

/* How large the mark is with letters of size 1. A block is measured when a line does not fit. */
struct mark_sizes {
    struct mark *mark;
    double width[MARK_SHAPES], height[MARK_SHAPES]; /* 0: not measured yet */
};

/* Where it may be: its lower left corner on the page as it is seen, in the page's units. */
struct place {
    enum mark_shape shape;
    double x, y, size; /* of letters */
    struct box box;    /* all of it, in the page's own space */
    double hidden;     /* how much of what is drawn there, as far as is known */
};

#define PLACES 9

struct places {
    struct page page;
    double area; /* of the page */
    struct place all[PLACES];
};

void places_make(struct places *places, const struct page *page, struct mark_sizes *sizes);

/* Something is drawn there. For struct content_reader; the owner is the places. */
void places_note(void *places, enum content_kind kind, struct box box);

/* The first of them that hides nothing, or the one that hides least. */
const struct place *places_best(const struct places *places);

/* The matrix from the mark, as it was drawn with letters of that size, to the page's own space. */
struct matrix place_matrix(const struct page *page, const struct place *place, double drawn);
