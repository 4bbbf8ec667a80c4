/*
 * worker_image.c - stamps pictures by libvips.
 *
 * A picture flows from its file to the result in strips, and only the pixels under the mark are
 * changed on the way; so it needs little memory, and colours, depth, alpha and profile stay what
 * they are. What its header says is looked at before any of it is decoded.
 */
#include "worker_image.h"

#include <stdlib.h>
#include <string.h>

#define PIXELS_PAGE 100e6 /* of one page at most */
#define PIXELS_ALL  1e9
#define PAGES       2000
#define QUALITY     90 /* where a new file has to have one */

typedef int load_fn(void *bytes, size_t size, VipsImage **image, ...);

static const struct kind {
    const char *type;
    load_fn *load;
    bool paged;
} kinds[] = {
    {"image/jpeg", vips_jpegload_buffer, false}, {"image/png", vips_pngload_buffer, false},
    {"image/webp", vips_webpload_buffer, true},  {"image/tiff", vips_tiffload_buffer, true},
    {"image/heic", vips_heifload_buffer, false}, {"image/heif", vips_heifload_buffer, false},
};

static const struct kind *kind_of(const char *type) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(type, kinds[i].type) == 0)
            return &kinds[i];
    }
    return NULL;
}

bool image_is(const char *type) {
    return kind_of(type) != NULL;
}

/* Loading. */

void image_fail(void) {
    const char *text = vips_error_buffer();

    if (strstr(text, "out of memory"))
        fail("too_large", "The picture needs more memory than it may have.");
    if (strstr(text, "nsupported") || strstr(text, "not supported"))
        fail("unsupported", "The picture is of a kind that cannot be read: %.300s", text);
    fail("broken", "The picture is damaged, or not what it says it is: %.300s",
         *text ? text : "no reason is known");
}

VipsImage *image_load(const char *type, struct bytes input, int page, int pages) {
    const struct kind *kind = kind_of(type);
    VipsImage *image = NULL;
    int failed;

    if (kind->paged)
        failed = kind->load((void *)input.at, input.size, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                            "fail_on", VIPS_FAIL_ON_ERROR, "page", page, "n", pages, NULL);
    else
        failed = kind->load((void *)input.at, input.size, &image, "access", VIPS_ACCESS_SEQUENTIAL,
                            "fail_on", VIPS_FAIL_ON_ERROR, NULL);
    if (failed)
        image_fail();
    return image;
}

void image_check_size(double width, double height, int pages) {
    if (width * height > PIXELS_PAGE)
        fail("too_large", "The picture has %.0f megapixels; %.0f may be.", width * height / 1e6,
             PIXELS_PAGE / 1e6);
    if (pages > PAGES || width * height * pages > PIXELS_ALL)
        fail("too_large", "The picture has too many pages (%d).", pages);
}

void image_check_header(const char *type, struct bytes input) {
    VipsImage *header = image_load(type, input, 0, 1);

    image_check_size(header->Xsize, header->Ysize, 1);
    g_object_unref(header);
}

/* Stamping. */

static struct ink_format format_of(VipsImage *image) {
    struct ink_format format = {.bands = image->Bands};
    int colours;

    switch (image->Type) {
    case VIPS_INTERPRETATION_B_W:
    case VIPS_INTERPRETATION_GREY16:
        colours = 1;
        break;
    case VIPS_INTERPRETATION_CMYK:
        colours = 4;
        break;
    case VIPS_INTERPRETATION_sRGB:
    case VIPS_INTERPRETATION_RGB:
    case VIPS_INTERPRETATION_RGB16:
        colours = 3;
        break;
    default:
        colours = image->Bands < 3 ? 1 : 3;
    }
    format.model = colours == 1 ? INK_GREY : colours == 4 ? INK_CMYK : INK_RGB;
    format.alpha = image->Bands == colours + 1;
    format.wide = image->BandFmt == VIPS_FORMAT_USHORT;
    if ((!format.wide && image->BandFmt != VIPS_FORMAT_UCHAR) || image->Bands < colours ||
        image->Bands > colours + 1)
        fail("unsupported",
             "The picture has pixels of a kind that cannot be stamped (%d bands of %s).",
             image->Bands, vips_enum_nick(VIPS_TYPE_BAND_FORMAT, image->BandFmt));
    return format;
}

/* What the strips need on their way. */
struct stamping {
    struct ink ink;
    struct ink_format format;
    int page_height;
};

/* One row of a strip. */
static void stamp_row(const struct stamping *stamping, VipsRegion *out, int y) {
    const struct ink *ink = &stamping->ink;
    int row = y % stamping->page_height - ink->top;
    int left = VIPS_MAX(out->valid.left, ink->left);
    int right = VIPS_MIN(VIPS_RECT_RIGHT(&out->valid), ink->left + ink->width);

    if (row >= 0 && row < ink->height && left < right)
        ink_over(ink, &stamping->format, left - ink->left, row, VIPS_REGION_ADDR(out, left, y),
                 right - left);
}

static int generate(VipsRegion *out, void *sequence, void *image UNUSED, void *owner,
                    gboolean *stop UNUSED) {
    VipsRegion *in = sequence;
    const VipsRect *area = &out->valid;

    if (vips_region_prepare(in, area))
        return -1;
    vips_region_copy(in, out, area, area->left, area->top);
    for (int y = area->top; y < VIPS_RECT_BOTTOM(area); y++)
        stamp_row(owner, out, y);
    return 0;
}

VipsImage *image_marked(VipsImage *image, struct mark *mark, bool bilevel) {
    struct stamping *stamping = calloc(1, sizeof *stamping);
    VipsImage *marked = vips_image_new();

    stamping->page_height = vips_image_get_page_height(image);
    stamping->format = format_of(image);
    stamping->format.bilevel = bilevel;
    stamping->ink =
        ink_make(mark, image->Xsize, stamping->page_height, vips_image_get_orientation(image));
    if (vips_image_pipelinev(marked, VIPS_DEMAND_STYLE_THINSTRIP, image, NULL) ||
        vips_image_generate(marked, vips_start_one, generate, vips_stop_one, image, stamping))
        image_fail();
    return marked;
}

static struct bytes save_png(VipsImage *image, bool bilevel) {
    void *at;
    size_t size;

    if (bilevel ? vips_pngsave_buffer(image, &at, &size, "bitdepth", 1, NULL)
                : vips_pngsave_buffer(image, &at, &size, NULL))
        image_fail();
    return (struct bytes){at, size};
}

static struct bytes save_webp(VipsImage *image, bool lossless) {
    void *at;
    size_t size;

    if (vips_webpsave_buffer(image, &at, &size, "lossless", lossless, "Q", QUALITY, NULL))
        image_fail();
    return (struct bytes){at, size};
}

static struct bytes save_jpeg(VipsImage *image) {
    void *at;
    size_t size;

    if (vips_jpegsave_buffer(image, &at, &size, "Q", QUALITY, "optimize_coding", TRUE, NULL))
        image_fail();
    return (struct bytes){at, size};
}

/* A PNG of 1 bit a pixel in grey stays one; libvips has its pixels as bytes. */
static bool is_bilevel_png(struct bytes input) {
    return input.size > 26 && input.at[24] == 1 && input.at[25] == 0;
}

/* By libvips, through which all pixels flow. */
static struct bytes stamp_by_vips(const struct work *work, struct bytes input, struct mark *mark) {
    bool png = strcmp(work->type, "image/png") == 0, bilevel = png && is_bilevel_png(input);
    VipsImage *image = image_load(work->type, input, 0, -1);
    VipsImage *marked = image_marked(image, mark, bilevel);

    if (png)
        return save_png(marked, bilevel);
    if (strcmp(work->type, "image/webp") == 0)
        return save_webp(marked, memmem(input.at, input.size, "VP8L", 4) != NULL);
    return save_jpeg(marked);
}

json_t *image_stamp(struct work *work, struct mark *mark) {
    struct bytes input = read_all(work->files[TASK_INPUT]), made;
    VipsImage *header = image_load(work->type, input, 0, 1);
    int pages = vips_image_get_n_pages(header), orientation = vips_image_get_orientation(header);
    bool heif = strncmp(work->type, "image/hei", 9) == 0;
    json_t *answer = job_answer(work, heif ? "image/jpeg" : work->type, "jpg", false, pages);

    image_check_size(header->Xsize, header->Ysize, pages);
    if (strcmp(work->type, "image/jpeg") == 0)
        made = jpeg_stamp(input, mark, orientation);
    else if (strcmp(work->type, "image/tiff") == 0)
        made = tiff_stamp(input, pages, mark);
    else if (strcmp(work->type, "image/png") != 0 || !png_stamp(input, mark, orientation, &made))
        made = stamp_by_vips(work, input, mark);
    g_object_unref(header);
    write_all(work->files[TASK_OUTPUT], made);
    if (work->files[TASK_PREVIEW] >= 0) {
        job_answer_early(answer);
        preview_image(heif ? "image/jpeg" : work->type, made, work->files[TASK_PREVIEW]);
        json_object_set_new(answer, "preview", json_true());
    }
    return answer;
}
