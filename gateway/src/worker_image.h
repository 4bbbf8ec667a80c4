/*
 * worker_image.h - pictures inside onefin-worker: the mark as ink, and what the ways of stamping
 * them share.
 */
#pragma once

#include "worker_task.h"

#include <vips/vips.h>

/* worker_ink.c */

/* The mark as pixels, where they go in a picture as it is stored: turned by its orientation. */
struct ink {
    int left, top, width, height;
    uint32_t *pixels; /* as cairo's ARGB32: colours multiplied by alpha */
};

enum ink_model { INK_GREY, INK_RGB, INK_CMYK, INK_CMYK_INVERTED };

struct ink_format {
    enum ink_model model;
    int bands; /* those of the model, and alpha */
    bool alpha;
    bool bilevel; /* black and white only */
    bool wide;    /* 16 bits a band, not 8 */
};

/* The ink for a picture whose stored size and EXIF orientation (1 to 8) these are. */
struct ink ink_make(struct mark *mark, int width, int height, int orientation);

/* Puts row `y` of the ink, from its column `x` on, over that many pixels. */
void ink_over(const struct ink *ink, const struct ink_format *format, int x, int y, void *pixels,
              int count);

/* worker_image.c */

/* Pages `page` and following (-1: to the last), to be read from top to bottom. */
VipsImage *image_load(const char *type, struct bytes input, int page, int pages);

/* Fails where that is more than may be. */
void image_check_size(double width, double height, int pages);

/* The same with the mark on each page. */
VipsImage *image_marked(VipsImage *image, struct mark *mark, bool bilevel);

/* Fails with what libvips says. */
void image_fail(void) __attribute__((noreturn));

/* worker_jpeg.c */
struct bytes jpeg_stamp(struct bytes input, struct mark *mark, int orientation);

/* worker_tiff.c */
struct bytes tiff_stamp(struct bytes input, int pages, struct mark *mark);

/* worker_png.c */

/* False for a sort of PNG that it leaves to others. */
bool png_stamp(struct bytes input, struct mark *mark, int orientation, struct bytes *made);

/* worker_deflate.c */

/* The zlib stream of this content, from a stream whose content was the same before `changed`. */
struct bytes deflate_anew(struct bytes stream, struct bytes content, size_t changed);
