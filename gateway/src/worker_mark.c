/*
 * worker_mark.c - the stamp: who brought the document in, when, and its id; with the firm's logo.
 *
 * A light, slightly transparent plate with dark letters is readable on anything, and lets what is
 * below it be seen. As a line it fits into the margin of a page; as a block it is for what is
 * narrow. All lengths follow from the size of the letters.
 */
#include "worker_task.h"

#include <cairo-pdf.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FONT      "DejaVu Sans, Noto Sans, Sans"
#define NAME_MAX_ 48 /* letters */
#define TIME_MAX_ 40 /* letters */
#define PAD_X     .7 /* around all, in sizes of letters */
#define PAD_Y     .35
#define LOGO_GAP  .55 /* between logo and text */
#define LOGO_WIDE 8.0 /* a logo is scaled down to be no wider */
#define LOGO_DOTS 3.0 /* its pixels in each unit of a PDF */

#define STRONG "#050b1c"

#define NOTE                                                                                                    \
    "Nusxa, imzolangan asl hujjat emas \u00b7 Копия, не подписанный оригинал \u00b7 " \
    "Copy, not the signed original"
#define NOTE_ROWS                                                                                   \
    "Nusxa, imzolangan asl hujjat emas\nКопия, не подписанный оригинал\n" \
    "Copy, not the signed original"

struct mark {
    char *who, *when, *document; /* escaped for pango's markup */
    bool note;
    cairo_surface_t *logo; /* or NULL */
    PangoContext *context;
    PangoLayout *layout; /* the last, kept for the next time */
    enum mark_shape shape;
    double size;
};

/* A text of somebody's choice as one short row of letters that print, escaped. */
static char *row(const char *text, int most) {
    GString *clean = g_string_new(NULL);
    char *escaped;
    int letters = 0;

    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);

        if (g_unichar_iscntrl(letter) || g_unichar_type(letter) == G_UNICODE_FORMAT)
            letter = ' ';
        if (++letters > most) {
            g_string_append(clean, "\u2026");
            break;
        }
        g_string_append_unichar(clean, letter);
    }
    escaped = g_markup_escape_text(clean->str, -1);
    g_string_free(clean, TRUE);
    return escaped;
}

static cairo_status_t read_logo(void *file, unsigned char *into, unsigned size) {
    while (size > 0) {
        ssize_t got = read(*(int *)file, into, size);

        if (got <= 0)
            return CAIRO_STATUS_READ_ERROR;
        into += got;
        size -= got;
    }
    return CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *load_logo(int file) {
    cairo_surface_t *logo;

    if (file < 0)
        return NULL;
    lseek(file, 0, SEEK_SET);
    logo = cairo_image_surface_create_from_png_stream(read_logo, &file);
    if (cairo_surface_status(logo) == CAIRO_STATUS_SUCCESS)
        return logo;
    cairo_surface_destroy(logo);
    return NULL; /* a stamp without logo is better than none */
}

struct mark *mark_new(json_t *request, int logo) {
    struct mark *mark = calloc(1, sizeof *mark);
    const char *name = "", *at = "";
    json_int_t uploader = 0, document = 0;
    char *clean;

    json_unpack(request, "{s?s, s?I}", "uploader_name", &name, "uploader", &uploader);
    json_unpack(request, "{s?s, s?I}", "at", &at, "document", &document);
    clean = row(name, NAME_MAX_);
    mark->who = g_strdup_printf("%s (%lld)", clean, (long long)uploader);
    mark->when = row(at, TIME_MAX_);
    mark->document = g_strdup_printf("\u2116\u00a0%lld", (long long)document);
    mark->logo = load_logo(logo);
    mark->context = pango_font_map_create_context(pango_cairo_font_map_get_default());
    pango_cairo_context_set_resolution(mark->context, 72); /* a size is what it says */
    g_free(clean);
    return mark;
}

void mark_add_note(struct mark *mark) {
    mark->note = true;
    g_clear_object(&mark->layout);
}

/* Who it was stands out by its colour: another weight would be another font in each file. */
static PangoLayout *new_layout(struct mark *mark, enum mark_shape shape, double size) {
    const char *between = shape == MARK_LINE ? "  \u00b7  " : "\n";
    PangoLayout *layout = pango_layout_new(mark->context);
    PangoFontDescription *font = pango_font_description_from_string(FONT);
    char *text = g_strdup_printf("<span color=\"" STRONG "\">%s</span>%s%s%s%s%s", mark->who,
                                 between, mark->when, between, mark->document,
                                 !mark->note          ? ""
                                 : shape == MARK_LINE ? "\n<small>" NOTE "</small>"
                                                      : "\n<small>" NOTE_ROWS "</small>");

    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_markup(layout, text, -1);
    pango_font_description_free(font);
    g_free(text);
    return layout;
}

/* The text, laid out. */
static PangoLayout *lay_out(struct mark *mark, enum mark_shape shape, double size) {
    if (mark->layout && (mark->shape != shape || mark->size != size))
        g_clear_object(&mark->layout);
    if (!mark->layout)
        mark->layout = new_layout(mark, shape, size);
    mark->shape = shape;
    mark->size = size;
    return mark->layout;
}

/* Where all goes, in the units of the drawing. */
struct plan {
    double width, height;
    double text_x, text_y;
    double logo_scale, logo_x, logo_y;
};

static struct plan plan(struct mark *mark, PangoLayout *layout, double size) {
    struct plan plan = {0};
    double logo_width = 0;
    int width, height;

    pango_layout_get_size(layout, &width, &height);
    plan.height = (double)height / PANGO_SCALE + 2 * PAD_Y * size;
    plan.text_x = PAD_X * size;
    plan.text_y = PAD_Y * size;
    if (mark->logo) {
        double wide = cairo_image_surface_get_width(mark->logo);
        double high = cairo_image_surface_get_height(mark->logo);
        double room = plan.height - PAD_Y * size;

        plan.logo_scale = MIN(room / high, LOGO_WIDE * size / wide);
        logo_width = wide * plan.logo_scale;
        plan.logo_x = plan.text_x;
        plan.logo_y = (plan.height - high * plan.logo_scale) / 2;
        plan.text_x += logo_width + LOGO_GAP * size;
    }
    plan.width = plan.text_x + (double)width / PANGO_SCALE + PAD_X * size;
    return plan;
}

void mark_measure(struct mark *mark, enum mark_shape shape, double size, double *width,
                  double *height) {
    PangoLayout *layout = lay_out(mark, shape, size);
    struct plan all = plan(mark, layout, size);

    *width = all.width;
    *height = all.height;
}

/* The logo with no more pixels than are worth having at this scale. */
static cairo_surface_t *smaller_logo(cairo_surface_t *logo, double scale) {
    int width = cairo_image_surface_get_width(logo), height = cairo_image_surface_get_height(logo);
    cairo_surface_t *small;
    cairo_t *to;

    if (scale >= 1)
        return cairo_surface_reference(logo);
    small = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, MAX(1, width * scale + .5),
                                       MAX(1, height * scale + .5));
    to = cairo_create(small);
    cairo_scale(to, scale, scale);
    cairo_set_source_surface(to, logo, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(to), CAIRO_FILTER_GOOD);
    cairo_paint(to);
    cairo_destroy(to);
    return small;
}

static void draw_logo(struct mark *mark, cairo_t *to, const struct plan *plan) {
    bool pixels = cairo_surface_get_type(cairo_get_target(to)) == CAIRO_SURFACE_TYPE_IMAGE;
    double dots = pixels ? 1 : LOGO_DOTS;
    cairo_surface_t *logo = smaller_logo(mark->logo, plan->logo_scale * dots);
    double scale = plan->logo_scale * cairo_image_surface_get_width(mark->logo) /
                   cairo_image_surface_get_width(logo);

    cairo_save(to);
    cairo_translate(to, pixels ? round(plan->logo_x) : plan->logo_x,
                    pixels ? round(plan->logo_y) : plan->logo_y);
    cairo_scale(to, scale, scale);
    cairo_set_source_surface(to, logo, 0, 0);
    cairo_paint(to);
    cairo_restore(to);
    cairo_surface_destroy(logo);
}

static void draw_plate(cairo_t *to, double width, double height, double size) {
    double line = size / 12, edge = line / 2, round = size * .35;
    double right = width - edge, bottom = height - edge;

    cairo_new_path(to);
    cairo_arc(to, right - round, edge + round, round, -G_PI_2, 0);
    cairo_arc(to, right - round, bottom - round, round, 0, G_PI_2);
    cairo_arc(to, edge + round, bottom - round, round, G_PI_2, G_PI);
    cairo_arc(to, edge + round, edge + round, round, G_PI, 3 * G_PI_2);
    cairo_close_path(to);
    cairo_set_source_rgba(to, 1, 1, 1, .84);
    cairo_fill_preserve(to);
    cairo_set_line_width(to, line);
    cairo_set_source_rgba(to, .25, .33, .43, .7);
    cairo_stroke(to);
}

void mark_draw(struct mark *mark, cairo_t *to, enum mark_shape shape, double size) {
    PangoLayout *layout = lay_out(mark, shape, size);
    struct plan all = plan(mark, layout, size);

    draw_plate(to, all.width, all.height, size);
    if (mark->logo)
        draw_logo(mark, to, &all);
    cairo_move_to(to, all.text_x, all.text_y);
    cairo_set_source_rgb(to, .24, .31, .40);
    pango_cairo_show_layout(to, layout);
}

static cairo_status_t append(void *bytes, const unsigned char *data, unsigned size) {
    g_byte_array_append(bytes, data, size);
    return CAIRO_STATUS_SUCCESS;
}

struct bytes mark_pdf(struct mark *mark, enum mark_shape shape, double size, double *width,
                      double *height) {
    GByteArray *bytes = g_byte_array_new();
    cairo_surface_t *surface;
    cairo_t *to;

    mark_measure(mark, shape, size, width, height);
    surface = cairo_pdf_surface_create_for_stream(append, bytes, *width, *height);
    to = cairo_create(surface);
    mark_draw(mark, to, shape, size);
    cairo_destroy(to);
    cairo_surface_finish(surface);
    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
        fail("died", "The stamp cannot be drawn: %s.",
             cairo_status_to_string(cairo_surface_status(surface)));
    cairo_surface_destroy(surface);
    return (struct bytes){bytes->data, bytes->len};
}
