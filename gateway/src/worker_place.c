/*
 * worker_place.c - where the mark goes on a page of a PDF: at the lower right, or where else in the
 * margins it hides least.
 */
#include "worker_place.h"

#include <math.h>

#define LETTERS       (7 / 595.) /* size of letters, of the shorter side: 7 pt on A4 */
#define LETTERS_LEAST 5.25       /* pt, but where the page has no room */
#define MARGIN        1.7        /* to the page's edge, in sizes of letters */
#define TIGHT         .45        /* the same, where the margin is full */
#define BACKGROUND    .4         /* what covers that much of a page is no content to be hidden */
#define NOTHING       .01        /* of the mark's own area: hides nothing that counts */

/* On a page as it is seen: from the left (0) to the right (1), above or below, and how near the
 * edge. In the order of preference. */
static const struct {
    double across;
    bool above, tight;
} wishes[PLACES] = {
    {1, false, false}, {1, false, true}, {0, false, false}, {0, false, true}, {.5, false, true},
    {1, true, false},  {0, true, false}, {1, true, true},   {0, true, true},
};

static double width_of(const struct page *page) {
    return page->turns % 2 ? page->box.y1 - page->box.y0 : page->box.x1 - page->box.x0;
}

static double height_of(const struct page *page) {
    return page->turns % 2 ? page->box.x1 - page->box.x0 : page->box.y1 - page->box.y0;
}

/* From the page as it is seen to its own space. */
static struct matrix to_own(const struct page *page) {
    static const struct matrix turns[] = {
        {1, 0, 0, 1, 0, 0}, {0, 1, -1, 0, 0, 0}, {-1, 0, 0, -1, 0, 0}, {0, -1, 1, 0, 0, 0}};
    struct matrix by = turns[page->turns];

    by.e = page->turns == 1 || page->turns == 2 ? page->box.x1 : page->box.x0;
    by.f = page->turns == 2 || page->turns == 3 ? page->box.y1 : page->box.y0;
    return by;
}

static void measure(struct mark_sizes *sizes, enum mark_shape shape) {
    if (sizes->width[shape] > 0)
        return;
    mark_measure(sizes->mark, shape, DRAWN, &sizes->width[shape], &sizes->height[shape]);
    sizes->width[shape] /= DRAWN;
    sizes->height[shape] /= DRAWN;
}

/* The shape that fits into the width, and the size that fits at all. */
static struct place fitting(const struct page *page, struct mark_sizes *sizes) {
    double width = width_of(page), height = height_of(page);
    double size = fmax(fmin(width, height) * LETTERS, LETTERS_LEAST / page->unit);
    struct place place = {.shape = MARK_LINE};

    measure(sizes, MARK_LINE);
    if ((sizes->width[MARK_LINE] + 2 * MARGIN) * size > width)
        place.shape = MARK_BLOCK;
    measure(sizes, place.shape);
    size = fmin(size, width / (sizes->width[place.shape] + 2 * MARGIN));
    place.size = fmin(size, height / (sizes->height[place.shape] + 2 * MARGIN));
    return place;
}

static struct box own_box(const struct page *page, double x, double y, double width,
                          double height) {
    struct matrix by = to_own(page);
    double x0 = x * by.a + y * by.c + by.e, y0 = x * by.b + y * by.d + by.f;
    double x1 = x0 + width * by.a + height * by.c, y1 = y0 + width * by.b + height * by.d;

    return (struct box){fmin(x0, x1), fmin(y0, y1), fmax(x0, x1), fmax(y0, y1)};
}

void places_make(struct places *places, const struct page *page, struct mark_sizes *sizes) {
    struct place place = fitting(page, sizes);
    double width = sizes->width[place.shape] * place.size;
    double height = sizes->height[place.shape] * place.size, side = MARGIN * place.size;

    places->page = *page;
    places->area = width_of(page) * height_of(page);
    for (int i = 0; i < PLACES; i++) {
        double edge = (wishes[i].tight ? TIGHT : MARGIN) * place.size;

        place.x = side + wishes[i].across * (width_of(page) - 2 * side - width);
        place.y = wishes[i].above ? height_of(page) - edge - height : edge;
        place.box = own_box(page, place.x, place.y, width, height);
        places->all[i] = place;
    }
}

static double area(struct box box) {
    return fmax(0, box.x1 - box.x0) * fmax(0, box.y1 - box.y0);
}

static double common_area(struct box one, struct box two) {
    double x0 = one.x0 > two.x0 ? one.x0 : two.x0, x1 = one.x1 < two.x1 ? one.x1 : two.x1;
    double y0 = one.y0 > two.y0 ? one.y0 : two.y0, y1 = one.y1 < two.y1 ? one.y1 : two.y1;

    return x1 > x0 && y1 > y0 ? (x1 - x0) * (y1 - y0) : 0;
}

/* What is hidden by a rule counts by its length: it has hardly an area. */
static void note_rule(struct places *places, struct box box) {
    for (int i = 0; i < PLACES; i++) {
        struct place *place = &places->all[i];
        double thick = place->size * .1;
        struct box grown = {box.x0 - thick, box.y0 - thick, box.x1 + thick, box.y1 + thick};

        place->hidden += common_area(place->box, grown);
    }
}

/* Of lines only how far they reach is known: they count as the frame of that. */
static void note_lines(struct places *places, struct box box) {
    note_rule(places, (struct box){box.x0, box.y0, box.x1, box.y0});
    note_rule(places, (struct box){box.x0, box.y1, box.x1, box.y1});
    note_rule(places, (struct box){box.x0, box.y0, box.x0, box.y1});
    note_rule(places, (struct box){box.x1, box.y0, box.x1, box.y1});
}

void places_note(void *owner, enum content_kind kind, struct box box) {
    static const double weights[] = {
        [CONTENT_TEXT] = 1, [CONTENT_IMAGE] = .7, [CONTENT_LINES] = 0, [CONTENT_FILL] = .2};
    struct places *places = owner;

    if (kind == CONTENT_LINES) {
        note_lines(places, box);
    } else if (kind == CONTENT_TEXT ||
               common_area(box, places->page.box) < BACKGROUND * places->area) {
        for (int i = 0; i < PLACES; i++)
            places->all[i].hidden += weights[kind] * common_area(places->all[i].box, box);
    }
}

const struct place *places_best(const struct places *places) {
    const struct place *best = &places->all[0];

    for (int i = 0; i < PLACES; i++) {
        if (places->all[i].hidden <= NOTHING * area(places->all[i].box))
            return &places->all[i];
        if (places->all[i].hidden < best->hidden)
            best = &places->all[i];
    }
    return best;
}

struct matrix place_matrix(const struct page *page, const struct place *place, double drawn) {
    struct matrix by = to_own(page);
    double scale = place->size / drawn;

    return (struct matrix){by.a * scale,
                           by.b * scale,
                           by.c * scale,
                           by.d * scale,
                           place->x * by.a + place->y * by.c + by.e,
                           place->x * by.b + place->y * by.d + by.f};
}
