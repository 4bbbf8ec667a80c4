/*
 * worker_png.c - stamps a PNG and keeps what is above the mark compressed as it is.
 *
 * The rows of a PNG are filtered, each by the one above it, and compressed as one stream. The rows
 * under the mark are unfiltered (as far up as that goes back), drawn over, and filtered again by
 * the filters they had; so is the row below, which goes by the last of them. Of the stream only the
 * end is compressed anew (worker_deflate.c). All other chunks stay byte for byte.
 *
 * What is rare goes the way of all pictures, by libvips: palettes, few bits, a transparent colour,
 * interlacing, animation.
 */
#include "worker_image.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE   8
#define AROUND      12          /* bytes of a chunk beside its data */
#define CONTENT_MAX (1UL << 28) /* bytes; what is larger had better flow */

enum filter { NONE, SUB, UP, AVERAGE, PAETH };

struct png {
    unsigned width, height;
    unsigned step; /* bytes of a pixel */
    size_t row;    /* bytes of a row, without the filter before it */
    struct ink_format format;
    unsigned char *data; /* of all IDAT together */
    size_t data_size;
    size_t first, behind; /* where these begin in the file, and where the rest does */
    bool plain;           /* none of what is rare */
};

static uint32_t number(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static void put_number(unsigned char *at, uint32_t number) {
    for (int i = 0; i < 4; i++)
        at[i] = number >> (24 - 8 * i);
}

/* Chunks. */

static void read_head(struct png *png, const unsigned char *data) {
    static const unsigned char bands[] = {1, 0, 3, 0, 2, 0, 4};
    unsigned colours = data[9];

    png->width = number(data);
    png->height = number(data + 4);
    png->plain = (data[8] == 8 || data[8] == 16) && colours < sizeof bands && bands[colours] > 0 &&
                 data[12] == 0;
    if (!png->plain)
        return;
    png->format = (struct ink_format){
        .model = colours & 2 ? INK_RGB : INK_GREY,
        .bands = bands[colours],
        .alpha = colours & 4,
        .wide = data[8] == 16,
    };
    png->step = bands[colours] * data[8] / 8;
    png->row = (size_t)png->width * png->step;
}

static void heed_chunk(struct png *png, struct bytes input, size_t at, uint32_t size) {
    const unsigned char *name = input.at + at + 4, *data = name + 4;

    if (memcmp(name, "IHDR", 4) == 0 && size == 13) {
        read_head(png, data);
    } else if (memcmp(name, "IDAT", 4) == 0) {
        if (!png->data)
            png->data = malloc(input.size);
        if (!png->data_size)
            png->first = at;
        memcpy(png->data + png->data_size, data, size);
        png->data_size += size;
        png->behind = at + AROUND + size;
    } else if (memcmp(name, "tRNS", 4) == 0 || memcmp(name, "acTL", 4) == 0) {
        png->plain = false;
    }
}

static void read_chunks(struct png *png, struct bytes input) {
    uint32_t size;
    bool ended = false;

    for (size_t at = SIGNATURE; !ended; at += AROUND + size) {
        if (input.size < at + AROUND || (size = number(input.at + at)) > input.size - at - AROUND)
            fail("broken", "The picture is damaged: its end is missing.");
        if (libdeflate_crc32(0, input.at + at + 4, size + 4) != number(input.at + at + 8 + size))
            fail("broken", "The picture is damaged: a check sum is wrong.");
        heed_chunk(png, input, at, size);
        ended = memcmp(input.at + at + 4, "IEND", 4) == 0;
    }
}

/* Filters. */

static unsigned char paeth(int left, int above, int corner) {
    int guess = left + above - corner;
    int by_left = abs(guess - left), by_above = abs(guess - above), by_corner = abs(guess - corner);

    return by_left <= by_above && by_left <= by_corner ? left
           : by_above <= by_corner                     ? above
                                                       : corner;
}

/* What the filter expects of a byte; `above` is NULL in the first row. */
static unsigned char expected(enum filter filter, const unsigned char *row,
                              const unsigned char *above, size_t at, size_t step) {
    int left = at >= step ? row[at - step] : 0, up = above ? above[at] : 0;

    switch (filter) {
    case SUB:
        return left;
    case UP:
        return up;
    case AVERAGE:
        return (left + up) / 2;
    case PAETH:
        return paeth(left, up, above && at >= step ? above[at - step] : 0);
    default:
        return 0;
    }
}

static void unfilter(enum filter filter, unsigned char *row, const unsigned char *above,
                     size_t size, size_t step) {
    if (filter == UP && above) {
        for (size_t i = 0; i < size; i++)
            row[i] += above[i];
        return;
    }
    for (size_t i = 0; filter != NONE && i < size; i++)
        row[i] += expected(filter, row, above, i, step);
}

static void refilter(enum filter filter, const unsigned char *row, const unsigned char *above,
                     size_t size, size_t step, unsigned char *into) {
    for (size_t i = 0; i < size; i++)
        into[i] = row[i] - expected(filter, row, above, i, step);
}

/* Rows. */

static void swap_bytes(unsigned char *at, size_t count) {
    for (size_t i = 0; i < count; i++, at += 2) {
        unsigned char high = at[0];

        at[0] = at[1];
        at[1] = high;
    }
}

static void draw_row(const struct png *png, const struct ink *ink, int y, unsigned char *row) {
    unsigned char *pixels = row + (size_t)ink->left * png->step;
    size_t samples = (size_t)ink->width * png->format.bands;

    if (png->format.wide) /* a PNG has the high byte first */
        swap_bytes(pixels, samples);
    ink_over(ink, &png->format, 0, y, pixels, ink->width);
    if (png->format.wide)
        swap_bytes(pixels, samples);
}

/* The first row that has to be unfiltered so that row `y` can be: it does not go by the one above.
 */
static size_t first_row(const struct png *png, const unsigned char *content, size_t y) {
    while (y > 0 && content[y * (png->row + 1)] > SUB)
        y--;
    return y;
}

/* Draws over the rows under the ink, within the filtered content. Two rows go along unfiltered: the
 * one above, as it has become, and as it was. */
static void draw_rows(const struct png *png, const struct ink *ink, unsigned char *content) {
    size_t line = png->row + 1, top = ink->top, bottom = ink->top + ink->height;
    size_t first = first_row(png, content, top), last = bottom < png->height ? bottom : bottom - 1;
    unsigned char *rows = malloc(4 * png->row);
    unsigned char *was = rows, *above_was = rows + png->row;
    unsigned char *is = rows + 2 * png->row, *above_is = rows + 3 * png->row, *other;

    for (size_t y = first; y <= last; y++) {
        unsigned char *filtered = content + y * line + 1;
        enum filter filter = filtered[-1];
        bool has_above = y > first || y > 0;

        memcpy(was, filtered, png->row);
        unfilter(filter, was, has_above ? above_was : NULL, png->row, png->step);
        memcpy(is, was, png->row);
        if (y >= top && y < bottom)
            draw_row(png, ink, y - top, is);
        if (y >= top)
            refilter(filter, is, has_above ? above_is : NULL, png->row, png->step, filtered);
        other = was, was = above_was, above_was = other;
        other = is, is = above_is, above_is = other;
    }
    free(rows);
}

/* Content. */

static unsigned char *inflate_all(const struct png *png, size_t size) {
    unsigned char *content = malloc(size);
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();

    if (libdeflate_zlib_decompress(inflater, png->data, png->data_size, content, size, NULL) !=
        LIBDEFLATE_SUCCESS)
        fail("broken", "The picture is damaged.");
    for (size_t y = 0; y < png->height; y++) {
        if (content[y * (png->row + 1)] > PAETH)
            fail("broken", "The picture is damaged.");
    }
    libdeflate_free_decompressor(inflater);
    return content;
}

/* The file with its data exchanged, as one chunk. */
static struct bytes put_together(const struct png *png, struct bytes input, struct bytes data) {
    size_t size = png->first + AROUND + data.size + input.size - png->behind;
    unsigned char *made = malloc(size), *at = made;

    at = mempcpy(at, input.at, png->first);
    put_number(at, data.size);
    memcpy(at + 4, "IDAT", 4);
    memcpy(at + 8, data.at, data.size);
    put_number(at + 8 + data.size, libdeflate_crc32(0, at + 4, data.size + 4));
    at += AROUND + data.size;
    memcpy(at, input.at + png->behind, input.size - png->behind);
    return (struct bytes){made, size};
}

bool png_stamp(struct bytes input, struct mark *mark, int orientation, struct bytes *made) {
    struct png png = {0};
    struct bytes content;
    struct ink ink;

    read_chunks(&png, input);
    content.size = (png.row + 1) * png.height;
    if (!png.plain || !png.data || content.size > CONTENT_MAX)
        return false;
    content.at = inflate_all(&png, content.size);
    ink = ink_make(mark, png.width, png.height, orientation);
    draw_rows(&png, &ink, (unsigned char *)content.at);
    *made = put_together(
        &png, input,
        deflate_anew((struct bytes){png.data, png.data_size}, content, ink.top * (png.row + 1)));
    return true;
}
