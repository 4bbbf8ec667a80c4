/*
 * worker_logo.c - a firm's logo, PNG or SVG, as a PNG that stamps can use.
 *
 * SVG is drawn by librsvg itself, which loads no other file for what is given to it without an
 * address, knows no scripts, and bounds entities and elements; what it does not bound, the sandbox
 * does.
 */
#include "worker_image.h"

#include <librsvg/rsvg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a mark shows of a logo is seldom higher than HEIGHT; an SVG gets that, whatever its size. */
#define INPUT_MAX  (128 * 1024)
#define PIXELS_MAX 25e6
#define HEIGHT     96
#define WIDTH      1024

static struct bytes from_png(struct bytes input) {
    VipsImage *header = image_load("image/png", input, 0, 1), *small, *coloured, *whole;
    void *at;
    size_t size;

    if ((double)header->Xsize * header->Ysize > PIXELS_MAX)
        fail("too_large", "The logo has more pixels (%d x %d) than it may.", header->Xsize,
             header->Ysize);
    if (vips_thumbnail_buffer((void *)input.at, input.size, &small, WIDTH, "height", HEIGHT, "size",
                              VIPS_SIZE_DOWN, "export_profile", "srgb", NULL) ||
        vips_colourspace(small, &coloured, VIPS_INTERPRETATION_sRGB, NULL))
        image_fail();
    if (vips_image_hasalpha(coloured))
        whole = coloured;
    else if (vips_addalpha(coloured, &whole, NULL))
        image_fail();
    if (vips_pngsave_buffer(whole, &at, &size, "strip", TRUE, NULL))
        image_fail();
    return (struct bytes){at, size};
}

/* Width by height; an SVG without any is as wide as high. */
static double shape_of(RsvgHandle *svg) {
    gboolean has_width, has_height, has_box;
    RsvgLength length;
    RsvgRectangle box;
    double width, height;

    if (rsvg_handle_get_intrinsic_size_in_pixels(svg, &width, &height) && width > 0 && height > 0)
        return width / height;
    rsvg_handle_get_intrinsic_dimensions(svg, &has_width, &length, &has_height, &length, &has_box,
                                         &box);
    return has_box && box.width > 0 && box.height > 0 ? box.width / box.height : 1;
}

static cairo_status_t append(void *bytes, const unsigned char *data, unsigned size) {
    g_byte_array_append(bytes, data, size);
    return CAIRO_STATUS_SUCCESS;
}

static struct bytes from_svg(struct bytes input) {
    GError *error = NULL;
    RsvgHandle *svg = rsvg_handle_new_from_data(input.at, input.size, &error);
    GByteArray *bytes = g_byte_array_new();
    cairo_surface_t *surface;
    double shape, width, height;
    cairo_t *to;

    if (!svg)
        fail("broken", "The logo is no SVG: %.300s.", error->message);
    shape = shape_of(svg);
    height = fmax(1, round(fmin(HEIGHT, WIDTH / shape)));
    width = fmax(1, round(height * shape));
    surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    to = cairo_create(surface);
    if (!rsvg_handle_render_document(svg, to, &(RsvgRectangle){0, 0, width, height}, &error))
        fail("broken", "The logo cannot be drawn: %.300s.", error->message);
    cairo_destroy(to);
    if (cairo_surface_write_to_png_stream(surface, append, bytes) != CAIRO_STATUS_SUCCESS)
        fail("broken", "The logo cannot be drawn.");
    return (struct bytes){bytes->data, bytes->len};
}

json_t *logo_make(struct work *work) {
    struct bytes input = read_all(work->files[TASK_INPUT]);

    if (input.size > INPUT_MAX)
        fail("too_large", "The logo has more than 128 KiB.");
    if (work->files[TASK_OUTPUT] < 0)
        fail("died", "a logo without output");
    if (strcmp(work->type, "image/png") == 0)
        write_all(work->files[TASK_OUTPUT], from_png(input));
    else if (strcmp(work->type, "image/svg+xml") == 0)
        write_all(work->files[TASK_OUTPUT], from_svg(input));
    else
        fail("unsupported", "A logo is a PNG or an SVG file.");
    return job_answer(work, "image/png", "png", false, 1);
}
