/*
 * worker_preview.c - the small picture that a list of documents shows.
 *
 * PDF pages are drawn by poppler, here as all else within the sandbox. libvips could call it, too,
 * but counts it among what strangers' files should not reach, and is told to block all of these.
 */
#include "worker_task.h"

#include <math.h>
#include <poppler.h>
#include <stdlib.h>
#include <vips/vips.h>

#define SIDE      640 /* pixels of the longer side at most */
#define QUALITY   80
#define EFFORT    2
#define SCALE_MAX 20 /* of a page that is tiny */

static void no_preview(const char *why) {
    fail("broken", "There is no preview: %.300s", why);
}

static void write_webp(VipsImage *image, int preview) {
    void *at;
    size_t size;

    if (vips_webpsave_buffer(image, &at, &size, "Q", QUALITY, "effort", EFFORT, "strip", TRUE,
                             NULL))
        no_preview(vips_error_buffer());
    write_all(preview, (struct bytes){at, size});
}

/* cairo's pixels as libvips has them. */
static void write_surface(cairo_surface_t *surface, int preview) {
    int width = cairo_image_surface_get_width(surface);
    int height = cairo_image_surface_get_height(surface);
    int stride = cairo_image_surface_get_stride(surface);
    const unsigned char *data = cairo_image_surface_get_data(surface);
    unsigned char *pixels = malloc((size_t)width * height * 3), *to = pixels;
    VipsImage *image;

    for (int y = 0; y < height; y++) {
        const uint32_t *row = (const uint32_t *)(data + (size_t)y * stride);

        for (int x = 0; x < width; x++, to += 3) {
            to[0] = row[x] >> 16;
            to[1] = row[x] >> 8;
            to[2] = row[x];
        }
    }
    image = vips_image_new_from_memory(pixels, (size_t)width * height * 3, width, height, 3,
                                       VIPS_FORMAT_UCHAR);
    vips_image_init_fields(image, width, height, 3, VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
                           VIPS_INTERPRETATION_sRGB, 1, 1);
    write_webp(image, preview);
}

static cairo_surface_t *draw_page(PopplerPage *page) {
    cairo_surface_t *surface;
    double width, height, scale;
    cairo_t *to;

    poppler_page_get_size(page, &width, &height);
    scale = fmin(SIDE / fmax(fmax(width, height), 1), SCALE_MAX);
    surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, fmax(1, round(width * scale)),
                                         fmax(1, round(height * scale)));
    to = cairo_create(surface);
    cairo_set_source_rgb(to, 1, 1, 1);
    cairo_paint(to);
    cairo_scale(to, scale, scale);
    poppler_page_render(page, to);
    cairo_destroy(to);
    cairo_surface_flush(surface);
    return surface;
}

void preview_pdf(struct bytes pdf, int preview) {
    GBytes *bytes = g_bytes_new_static(pdf.at, pdf.size);
    GError *error = NULL;
    PopplerDocument *document = poppler_document_new_from_bytes(bytes, NULL, &error);
    PopplerPage *page;

    if (error && g_error_matches(error, POPPLER_ERROR, POPPLER_ERROR_ENCRYPTED))
        fail("encrypted", "The PDF is encrypted.");
    if (!document)
        no_preview(error ? error->message : "the PDF cannot be read");
    if (poppler_document_get_n_pages(document) < 1)
        fail("no_pages", "The PDF has no pages.");
    page = poppler_document_get_page(document, 0);
    if (!page)
        no_preview("the first page cannot be read");
    write_surface(draw_page(page), preview);
}

void preview_image(const char *type, struct bytes input, int preview) {
    VipsImage *image;

    image_check_header(type, input);
    if (vips_thumbnail_buffer((void *)input.at, input.size, &image, SIDE, "height", SIDE, "size",
                              VIPS_SIZE_DOWN, "export_profile", "srgb", NULL))
        no_preview(vips_error_buffer());
    write_webp(image, preview);
}
