/*
 * worker_ink.c - the mark as pixels: where it goes in a picture, and how it gets over its pixels.
 *
 * A picture is shown as its EXIF orientation says. The mark is drawn for the picture as shown, and
 * turned to how it is stored, so that the picture's own pixels need not be turned.
 */
#include "worker_image.h"

#include <math.h>
#include <stdlib.h>

#define LETTERS       (1 / 76.) /* size of letters, of the shorter side */
#define LETTERS_FINE  11        /* pixels: readable without effort */
#define LETTERS_LEAST 8         /* pixels: just readable */
#define MARGIN        .8        /* to the picture's edge, in sizes of letters */
#define CALM          .004      /* of busy: nothing that counts */
#define DIFFERENT     24        /* of 255 */

/* Corners of the picture as it is shown, in the order of preference. */
static const struct {
    bool left, above;
} corners[] = {{false, false}, {true, false}, {false, true}, {true, true}};

struct place {
    enum mark_shape shape;
    double size, width, height;
};

/* Whether the mark of that size and shape fits into these parts of the picture. */
static bool fits(struct mark *mark, struct place *place, double width, double height) {
    mark_measure(mark, place->shape, place->size, &place->width, &place->height);
    return place->width + 2 * MARGIN * place->size <= width &&
           place->height + 2 * MARGIN * place->size <= height;
}

static struct place find_place(struct mark *mark, int width, int height) {
    double size = fmax(LETTERS_FINE, round(fmin(width, height) * LETTERS));
    struct place place;

    for (; size >= LETTERS_LEAST; size--) {
        for (enum mark_shape shape = 0; shape < MARK_SHAPES; shape++) {
            place = (struct place){shape, .size = size};
            if (fits(mark, &place, width, height / (size < LETTERS_FINE ? 1. : 3.)))
                return place;
        }
    }
    fail("unsupported", "The picture (%d x %d) is too small for a readable stamp.", width, height);
}

static cairo_surface_t *draw(struct mark *mark, const struct place *place) {
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_ARGB32, ceil(place->width), ceil(place->height));
    cairo_t *to = cairo_create(surface);

    mark_draw(mark, to, place->shape, place->size);
    cairo_destroy(to);
    cairo_surface_flush(surface);
    return surface;
}

/* From a place of the picture as shown, whose size this is, to the place where it is stored. */
static void to_stored(int orientation, int width, int height, int *x, int *y) {
    bool turned = orientation >= 5;
    int shown_x = *x, shown_y = *y;
    int right = (turned ? height : width) - 1, bottom = (turned ? width : height) - 1; /* stored */
    int across = turned ? shown_y : shown_x, down = turned ? shown_x : shown_y;

    *x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8
             ? right - across
             : across;
    *y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7
             ? bottom - down
             : down;
}

static void turn(struct ink *ink, cairo_surface_t *shown, int left, int top, int orientation,
                 int width, int height) {
    const unsigned char *pixels = cairo_image_surface_get_data(shown);
    int stride = cairo_image_surface_get_stride(shown);
    int across = cairo_image_surface_get_width(shown);
    int down = cairo_image_surface_get_height(shown);

    for (int j = 0; j < down; j++) {
        const uint32_t *row = (const uint32_t *)(pixels + (size_t)j * stride);

        for (int i = 0; i < across; i++) {
            int x = left + i, y = top + j;

            to_stored(orientation, width, height, &x, &y);
            ink->pixels[(size_t)(y - ink->top) * ink->width + (x - ink->left)] = row[i];
        }
    }
}

/* A part of the picture, as it is shown or as it is stored. */
struct part {
    int left, top, width, height;
};

static struct part stored(struct part shown, int orientation, int width, int height) {
    bool turned = orientation >= 5;
    int x0 = shown.left, y0 = shown.top;
    int x1 = shown.left + shown.width - 1, y1 = shown.top + shown.height - 1;

    to_stored(orientation, width, height, &x0, &y0);
    to_stored(orientation, width, height, &x1, &y1);
    return (struct part){x0 < x1 ? x0 : x1, y0 < y1 ? y0 : y1, turned ? shown.height : shown.width,
                         turned ? shown.width : shown.height};
}

/* The first corner that is calm, or the calmest. Moves the part there. */
static void choose_corner(struct part *part, int edge, int orientation, int width, int height,
                          const struct ink_view *view) {
    double least = INFINITY;
    struct part best = *part;

    for (size_t i = 0; i < sizeof corners / sizeof *corners && least > CALM; i++) {
        struct part at = *part, own;
        double busy = 0;

        at.left = corners[i].left ? edge : width - part->width - edge;
        at.top = corners[i].above ? edge : height - part->height - edge;
        own = stored(at, orientation, width, height);
        if (view && view->only_below && own.top != stored(best, orientation, width, height).top)
            continue;
        if (view)
            busy = view->busy(view->owner, own.left, own.top, own.width, own.height);
        if (busy < least * .8) {
            least = busy;
            best = at;
        }
    }
    *part = best;
}

struct ink ink_make(struct mark *mark, int width, int height, int orientation,
                    const struct ink_view *view) {
    bool turned = orientation >= 5;
    int shown_width = turned ? height : width, shown_height = turned ? width : height;
    struct place place = find_place(mark, shown_width, shown_height);
    cairo_surface_t *shown = draw(mark, &place);
    int edge = MARGIN * place.size;
    struct part part = {.width = cairo_image_surface_get_width(shown),
                        .height = cairo_image_surface_get_height(shown)};
    struct part own;
    struct ink ink;

    part.left = shown_width - part.width - edge;
    part.top = shown_height - part.height - edge;
    choose_corner(&part, edge, orientation, shown_width, shown_height, view);
    own = stored(part, orientation, shown_width, shown_height);
    ink = (struct ink){own.left, own.top, own.width, own.height,
                       malloc((size_t)own.width * own.height * sizeof *ink.pixels)};
    turn(&ink, shown, part.left, part.top, orientation, shown_width, shown_height);
    cairo_surface_destroy(shown);
    return ink;
}

/* One pixel of ink in a picture's own terms: its bands, 0 to 255, multiplied by its alpha. */
static void translate(uint32_t ink, enum ink_model model, unsigned *bands) {
    unsigned alpha = ink >> 24, red = ink >> 16 & 255, green = ink >> 8 & 255, blue = ink & 255;

    switch (model) {
    case INK_GREY:
        bands[0] = (red * 77 + green * 150 + blue * 29 + 128) >> 8;
        break;
    case INK_RGB:
    case INK_CMYK_INVERTED:
        bands[0] = red;
        bands[1] = green;
        bands[2] = blue;
        bands[3] = alpha;
        break;
    case INK_CMYK:
        bands[0] = alpha - red;
        bands[1] = alpha - green;
        bands[2] = alpha - blue;
        bands[3] = 0;
        break;
    }
}

static double get(const void *pixel, int band, bool wide) {
    return wide ? ((const uint16_t *)pixel)[band] / 65535. : ((const uint8_t *)pixel)[band] / 255.;
}

static void set(void *pixel, int band, bool wide, double value) {
    if (wide)
        ((uint16_t *)pixel)[band] = value * 65535 + .5;
    else
        ((uint8_t *)pixel)[band] = value * 255 + .5;
}

static void over(uint32_t ink, const struct ink_format *format, void *pixel) {
    int colours = format->bands - format->alpha;
    double alpha = (ink >> 24) / 255., below = 1, sum;
    unsigned bands[4];

    translate(ink, format->model, bands);
    if (format->bilevel) {
        if (alpha > .5)
            set(pixel, 0, format->wide, bands[0] / 255. / alpha > .5 ? 1 : 0);
        return;
    }
    if (format->alpha)
        below = get(pixel, colours, format->wide);
    below *= 1 - alpha;
    sum = alpha + below;
    for (int i = 0; i < colours; i++)
        set(pixel, i, format->wide, (bands[i] / 255. + get(pixel, i, format->wide) * below) / sum);
    if (format->alpha)
        set(pixel, colours, format->wide, sum);
}

double ink_busy_row(const struct ink_format *format, const void *pixels, int count) {
    int size = format->wide ? 2 : 1, step = format->bands * size, busy = 0;
    const uint8_t *at = pixels;

    for (int i = 1; i < count; i++) {
        for (int band = 0; band < format->bands; band++) {
            /* of 16 bits the high byte, wherever it is: the low one differs by little only */
            const uint8_t *one = at + (size_t)(i - 1) * step + band * size, *two = one + step;
            int before = format->wide ? *(const uint16_t *)one >> 8 : *one;
            int now = format->wide ? *(const uint16_t *)two >> 8 : *two;

            if (abs(now - before) >= DIFFERENT) {
                busy++;
                break;
            }
        }
    }
    return count > 0 ? (double)busy / count : 0;
}

void ink_over(const struct ink *ink, const struct ink_format *format, int x, int y, void *pixels,
              int count) {
    const uint32_t *row = ink->pixels + (size_t)y * ink->width + x;
    size_t step = format->bands * (format->wide ? 2 : 1);

    for (int i = 0; i < count; i++) {
        if (row[i] >> 24)
            over(row[i], format, (char *)pixels + i * step);
    }
}
