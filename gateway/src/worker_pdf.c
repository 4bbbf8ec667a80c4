/*
 * worker_pdf.c - stamps each page of a PDF.
 *
 * The mark becomes a form XObject of the document, once for each of its shapes; a page gets it by a
 * few operators behind its own, at the place, size and rotation that the page wants. What a page is
 * made of stays as it is, and so do links, forms, attachments and all else: streams are copied
 * undecoded.
 *
 * A signature would not hold in what is changed, and viewers would call the file forged; so the
 * rendition of a signed file has the fields of its signatures without them, and its mark says that
 * the signed one is another.
 */
#include "worker_task.h"

#include <math.h>
#include <qpdf/qpdf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL          2048   /* bytes at the end, of which the end mark is to be one */
#define FIELDS_MAX    100000 /* of a form, and how deep */
#define DEPTH_MAX     64
#define LETTERS       (7 / 595.) /* size of letters, of the shorter side: 7 pt on A4 */
#define LETTERS_LEAST 5.25       /* pt, but where the page has no room */
#define MARGIN        1.7        /* to the page's edge, in sizes of letters */

#define PASSWORD                                                                                   \
    "The PDF is encrypted. Save it without password and without restrictions, and send that."

struct pdf {
    qpdf_data file;
    qpdf_data marks[MARK_SHAPES];                   /* as their own files; read until the end */
    qpdf_oh forms[MARK_SHAPES];                     /* in `file` */
    double width[MARK_SHAPES], height[MARK_SHAPES]; /* with letters of size 1 */
    struct mark *mark;
    qpdf_oh save; /* the stream that begins a page */
    qpdf_oh last; /* the stream that ended the page before */
    char *last_text;
    unsigned fields;
};

/* Reading. */

static void check_read(qpdf_data file, QPDF_ERROR_CODE result, struct bytes input) {
    qpdf_error error = qpdf_has_error(file) ? qpdf_get_error(file) : NULL;

    if (error && qpdf_get_error_code(file, error) == qpdf_e_password)
        fail("encrypted", PASSWORD);
    if (result & QPDF_ERRORS)
        fail("broken", "The PDF is damaged: %s.",
             error ? qpdf_get_error_message_detail(file, error) : "it cannot be read");
    if (qpdf_is_encrypted(file))
        fail("encrypted", PASSWORD);
    if (qpdf_more_warnings(file) && !memmem(input.at + (input.size > TAIL ? input.size - TAIL : 0),
                                            input.size > TAIL ? TAIL : input.size, "%%EOF", 5))
        fail("broken", "The PDF is damaged: its end is missing.");
}

static qpdf_data open_pdf(struct bytes input) {
    qpdf_data file = qpdf_init();
    QPDF_ERROR_CODE result;

    if (input.size < 8 || !memmem(input.at, input.size < 1024 ? input.size : 1024, "%PDF-", 5))
        fail("broken", "The file is no PDF.");
    qpdf_silence_errors(file);
    qpdf_set_suppress_warnings(file, QPDF_TRUE);
    result = qpdf_read_memory(file, "document", (const char *)input.at, input.size, NULL);
    check_read(file, result, input);
    return file;
}

static void no_error(struct pdf *pdf, const char *where) {
    if (qpdf_has_error(pdf->file))
        fail("broken", "The PDF is damaged: %s: %s.", where,
             qpdf_get_error_message_detail(pdf->file, qpdf_get_error(pdf->file)));
}

/* Forms and signatures. */

static qpdf_oh member(struct pdf *pdf, qpdf_oh of, const char *key) {
    return qpdf_oh_get_key_if_dict(pdf->file, of, key);
}

/* Takes the values of the signatures out of a field and those below it; returns whether there was
 * one. */
static bool unsign(struct pdf *pdf, qpdf_oh field, bool is_signature, int depth) {
    qpdf_oh type = member(pdf, field, "/FT"), kids = member(pdf, field, "/Kids");
    bool found = false;

    if (++pdf->fields > FIELDS_MAX || depth > DEPTH_MAX)
        fail("unsupported", "The PDF has more form fields than can be looked at.");
    if (qpdf_oh_is_name(pdf->file, type))
        is_signature = strcmp(qpdf_oh_get_name(pdf->file, type), "/Sig") == 0;
    if (is_signature && qpdf_oh_is_dictionary(pdf->file, member(pdf, field, "/V"))) {
        qpdf_oh_remove_key(pdf->file, field, "/V");
        found = true;
    }
    if (qpdf_oh_is_array(pdf->file, kids)) {
        for (int i = 0; i < qpdf_oh_get_array_n_items(pdf->file, kids); i++)
            found |=
                unsign(pdf, qpdf_oh_get_array_item(pdf->file, kids, i), is_signature, depth + 1);
    }
    return found;
}

/* The rights and promises that go with signatures, which no program could keep any more. */
static bool unsign_all(struct pdf *pdf) {
    qpdf_oh root = qpdf_get_root(pdf->file), form = member(pdf, root, "/AcroForm");
    qpdf_oh permissions = member(pdf, root, "/Perms"), fields = member(pdf, form, "/Fields");
    bool found = qpdf_oh_is_dictionary(pdf->file, member(pdf, permissions, "/DocMDP"));

    if (qpdf_oh_is_dictionary(pdf->file, permissions))
        qpdf_oh_remove_key(pdf->file, root, "/Perms");
    if (qpdf_oh_is_array(pdf->file, fields)) {
        for (int i = 0; i < qpdf_oh_get_array_n_items(pdf->file, fields); i++)
            found |= unsign(pdf, qpdf_oh_get_array_item(pdf->file, fields, i), false, 0);
    }
    if (found) {
        qpdf_oh_remove_key(pdf->file, root, "/DSS");
        if (qpdf_oh_is_dictionary(pdf->file, form))
            qpdf_oh_remove_key(pdf->file, form, "/SigFlags");
    }
    return found;
}

/* A form whose pages are made by the viewer: what is on the page is never seen. */
static void refuse_dynamic_form(struct pdf *pdf) {
    qpdf_oh root = qpdf_get_root(pdf->file);
    QPDF_BOOL rendered = QPDF_FALSE;

    qpdf_oh_get_value_as_bool(pdf->file, member(pdf, root, "/NeedsRendering"), &rendered);
    if (rendered)
        fail("unsupported",
             "The PDF is a dynamic XFA form, whose pages cannot be stamped. Print it "
             "to a PDF, and send that.");
}

/* The mark as a form XObject. */

static qpdf_oh box(struct pdf *pdf, double width, double height) {
    char text[80];

    snprintf(text, sizeof text, "[0 0 %.4f %.4f]", width, height);
    return qpdf_oh_parse(pdf->file, text);
}

#define DRAWN 10.0 /* size of letters that marks are drawn with, so that digits are enough */

static void make_form(struct pdf *pdf, enum mark_shape shape) {
    double width, height;
    struct bytes drawn = mark_pdf(pdf->mark, shape, DRAWN, &width, &height);
    qpdf_data file = pdf->marks[shape] = qpdf_init();
    qpdf_oh page, content, resources, form;

    qpdf_read_memory(file, "mark", (const char *)drawn.at, drawn.size, NULL);
    page = qpdf_get_page_n(file, 0);
    content = qpdf_oh_get_key(file, page, "/Contents");
    resources = qpdf_make_indirect_object(file, qpdf_oh_get_key(file, page, "/Resources"));
    pdf->forms[shape] = qpdf_oh_copy_foreign_object(pdf->file, file, content);
    form = qpdf_oh_get_dict(pdf->file, pdf->forms[shape]);
    qpdf_oh_replace_key(pdf->file, form, "/Type", qpdf_oh_new_name(pdf->file, "/XObject"));
    qpdf_oh_replace_key(pdf->file, form, "/Subtype", qpdf_oh_new_name(pdf->file, "/Form"));
    qpdf_oh_replace_key(pdf->file, form, "/BBox", box(pdf, width, height));
    qpdf_oh_replace_key(pdf->file, form, "/Resources",
                        qpdf_oh_copy_foreign_object(pdf->file, file, resources));
    no_error(pdf, "stamp");
}

/* Places. */

struct page {
    double x0, y0, x1, y1; /* what is seen of it */
    int turns;             /* of 90 degrees, clockwise */
    double unit;           /* pt */
};

static bool read_box(struct pdf *pdf, qpdf_oh page, const char *key, double *sides) {
    qpdf_oh box = qpdf_oh_get_key(pdf->file, page, key);
    double at[4];

    if (!qpdf_oh_is_array(pdf->file, box) || qpdf_oh_get_array_n_items(pdf->file, box) != 4)
        return false;
    for (int i = 0; i < 4; i++) {
        if (!qpdf_oh_get_value_as_number(pdf->file, qpdf_oh_get_array_item(pdf->file, box, i),
                                         &at[i]))
            return false;
    }
    sides[0] = fmin(at[0], at[2]);
    sides[1] = fmin(at[1], at[3]);
    sides[2] = fmax(at[0], at[2]);
    sides[3] = fmax(at[1], at[3]);
    return sides[2] > sides[0] && sides[3] > sides[1];
}

static struct page look_at(struct pdf *pdf, qpdf_oh page) {
    double media[4] = {0, 0, 612, 792}, crop[4];
    struct page seen = {.unit = 1};
    int degrees = 0;

    read_box(pdf, page, "/MediaBox", media);
    if (!read_box(pdf, page, "/CropBox", crop))
        memcpy(crop, media, sizeof crop);
    seen.x0 = fmax(crop[0], media[0]);
    seen.y0 = fmax(crop[1], media[1]);
    seen.x1 = fmin(crop[2], media[2]);
    seen.y1 = fmin(crop[3], media[3]);
    if (seen.x1 <= seen.x0 || seen.y1 <= seen.y0)
        seen = (struct page){media[0], media[1], media[2], media[3], .unit = 1};
    qpdf_oh_get_value_as_int(pdf->file, qpdf_oh_get_key(pdf->file, page, "/Rotate"), &degrees);
    seen.turns = (degrees / 90 % 4 + 4) % 4;
    qpdf_oh_get_value_as_number(pdf->file, qpdf_oh_get_key(pdf->file, page, "/UserUnit"),
                                &seen.unit);
    if (!(seen.unit > 0))
        seen.unit = 1;
    return seen;
}

/* Where the mark goes on a page as it is seen: its lower left corner, and the size of its letters,
 * in the page's units. */
struct place {
    enum mark_shape shape;
    double x, y, size;
};

static struct place find_place(struct pdf *pdf, const struct page *page, bool odd) {
    double width = odd ? page->y1 - page->y0 : page->x1 - page->x0;
    double height = odd ? page->x1 - page->x0 : page->y1 - page->y0;
    double size = fmax(fmin(width, height) * LETTERS, LETTERS_LEAST / page->unit);
    double room = width - 2 * MARGIN * size;
    struct place place = {.shape = MARK_LINE};

    if (pdf->width[MARK_LINE] * size > room)
        place.shape = MARK_BLOCK;
    size = fmin(size, width / (pdf->width[place.shape] + 2 * MARGIN));
    size = fmin(size, height / (pdf->height[place.shape] + 2 * MARGIN));
    place.size = size;
    place.x = width - (pdf->width[place.shape] + MARGIN) * size;
    place.y = MARGIN * size;
    return place;
}

/* The matrix from the mark, as it was drawn, to the page's own space. */
static void write_matrix(char *text, size_t room, const struct page *page,
                         const struct place *place) {
    static const int turn[4][4] = {{1, 0, 0, 1}, {0, 1, -1, 0}, {-1, 0, 0, -1}, {0, -1, 1, 0}};
    const int *by = turn[page->turns];
    double x = by[0] * place->x + by[2] * place->y, y = by[1] * place->x + by[3] * place->y;
    double scale = place->size / DRAWN;

    x += page->turns == 1 || page->turns == 2 ? page->x1 : page->x0;
    y += page->turns == 2 || page->turns == 3 ? page->y1 : page->y0;
    snprintf(text, room, "%.6f %.6f %.6f %.6f %.4f %.4f", by[0] * scale, by[1] * scale,
             by[2] * scale, by[3] * scale, x, y);
}

/* Pages. */

static qpdf_oh copy_dictionary(struct pdf *pdf, qpdf_oh from) {
    qpdf_oh copy = qpdf_oh_new_dictionary(pdf->file);

    if (!qpdf_oh_is_dictionary(pdf->file, from))
        return copy;
    qpdf_oh_begin_dict_key_iter(pdf->file, from);
    while (qpdf_oh_dict_more_keys(pdf->file)) {
        const char *key = qpdf_oh_dict_next_key(pdf->file);

        qpdf_oh_replace_key(pdf->file, copy, key, qpdf_oh_get_key(pdf->file, from, key));
    }
    return copy;
}

/* Pages share resources; this one gets its own, and the name by which its content calls the mark.
 */
static void add_resource(struct pdf *pdf, qpdf_oh page, enum mark_shape shape, char *name,
                         size_t room) {
    qpdf_oh resources = copy_dictionary(pdf, qpdf_oh_get_key(pdf->file, page, "/Resources"));
    qpdf_oh objects = copy_dictionary(pdf, qpdf_oh_get_key(pdf->file, resources, "/XObject"));
    int i = 0;

    do /* a stamped document may be stamped again */
        snprintf(name, room, "/OnefinMark%d", i++);
    while (qpdf_oh_has_key(pdf->file, objects, name));
    if (!pdf->marks[shape])
        make_form(pdf, shape);
    qpdf_oh_replace_key(pdf->file, objects, name, pdf->forms[shape]);
    qpdf_oh_replace_key(pdf->file, resources, "/XObject", objects);
    qpdf_oh_replace_key(pdf->file, page, "/Resources", resources);
}

static qpdf_oh new_stream(struct pdf *pdf, const char *text) {
    qpdf_oh stream = qpdf_oh_new_stream(pdf->file);

    qpdf_oh_replace_stream_data(pdf->file, stream, (const unsigned char *)text, strlen(text),
                                qpdf_oh_new_null(pdf->file), qpdf_oh_new_null(pdf->file));
    return stream;
}

/* The stream that ends a page; most pages of a document end the same way. */
static qpdf_oh ending(struct pdf *pdf, char *text) {
    if (pdf->last_text && strcmp(pdf->last_text, text) == 0) {
        free(text);
    } else {
        free(pdf->last_text);
        pdf->last_text = text;
        pdf->last = new_stream(pdf, text);
    }
    return qpdf_oh_new_object(pdf->file, pdf->last);
}

static char *closers_of(struct pdf *pdf, qpdf_oh page) {
    unsigned char *content = NULL;
    size_t size = 0;
    char *closers;

    qpdf_oh_get_page_content_data(pdf->file, page, &content, &size);
    no_error(pdf, "a page's content");
    closers = content_closers((struct bytes){content, size});
    free(content);
    return closers;
}

static void wrap_content(struct pdf *pdf, qpdf_oh page, qpdf_oh end) {
    qpdf_oh old = qpdf_oh_get_key(pdf->file, page, "/Contents");
    qpdf_oh content = qpdf_oh_new_array(pdf->file);

    qpdf_oh_append_item(pdf->file, content, pdf->save);
    if (qpdf_oh_is_array(pdf->file, old)) {
        for (int i = 0; i < qpdf_oh_get_array_n_items(pdf->file, old); i++)
            qpdf_oh_append_item(pdf->file, content, qpdf_oh_get_array_item(pdf->file, old, i));
    } else if (qpdf_oh_is_stream(pdf->file, old)) {
        qpdf_oh_append_item(pdf->file, content, old);
    }
    qpdf_oh_append_item(pdf->file, content, end);
    qpdf_oh_replace_key(pdf->file, page, "/Contents", content);
}

static void stamp_page(struct pdf *pdf, size_t number) {
    qpdf_oh page = qpdf_get_page_n(pdf->file, number);
    struct page seen = look_at(pdf, page);
    struct place place = find_place(pdf, &seen, seen.turns % 2);
    char matrix[160], name[32], *closers = closers_of(pdf, page), *text;

    write_matrix(matrix, sizeof matrix, &seen, &place);
    add_resource(pdf, page, place.shape, name, sizeof name);
    if (asprintf(&text,
                 "\n%sQ\n/Artifact <</Type /Pagination /Subtype /Watermark>> BDC\n"
                 "q %s cm %s Do Q\nEMC\n",
                 closers ? closers : "", matrix, name) < 0)
        fail("died", "out of memory");
    free(closers);
    wrap_content(pdf, page, ending(pdf, text));
    no_error(pdf, "a page");
}

/* Writing. */

static struct bytes write_pdf(struct pdf *pdf) {
    qpdf_init_write_memory(pdf->file);
    qpdf_set_stream_data_mode(pdf->file, qpdf_s_preserve);
    qpdf_set_minimum_pdf_version(pdf->file, "1.4"); /* the plate is transparent */
    qpdf_write(pdf->file);
    no_error(pdf, "writing");
    return (struct bytes){qpdf_get_buffer(pdf->file), qpdf_get_buffer_length(pdf->file)};
}

/* A file that was repaired while it was read passes if nothing is wrong with what became of it. */
static void check_repaired(struct pdf *pdf, struct bytes made) {
    qpdf_data file;

    if (!qpdf_more_warnings(pdf->file))
        return;
    file = qpdf_init();
    qpdf_silence_errors(file);
    qpdf_set_suppress_warnings(file, QPDF_TRUE);
    qpdf_read_memory(file, "result", (const char *)made.at, made.size, NULL);
    if (qpdf_check_pdf(file) != QPDF_SUCCESS)
        fail("broken", "The PDF is damaged, and cannot be repaired.");
    qpdf_cleanup(&file);
}

json_t *pdf_stamp(struct work *work, struct mark *mark) {
    struct pdf pdf = {.mark = mark, .file = open_pdf(read_all(work->files[TASK_INPUT]))};
    int pages = qpdf_get_num_pages(pdf.file);
    bool is_signed;
    struct bytes made;
    json_t *answer;

    no_error(&pdf, "pages");
    if (pages <= 0)
        fail("no_pages", "The PDF has no pages.");
    refuse_dynamic_form(&pdf);
    is_signed = unsign_all(&pdf);
    if (is_signed)
        mark_add_note(mark);
    for (enum mark_shape shape = 0; shape < MARK_SHAPES; shape++)
        mark_measure(mark, shape, 1, &pdf.width[shape], &pdf.height[shape]);
    qpdf_push_inherited_attributes_to_page(pdf.file);
    pdf.save = new_stream(&pdf, "q\n");
    for (int i = 0; i < pages; i++)
        stamp_page(&pdf, i);
    made = write_pdf(&pdf);
    check_repaired(&pdf, made);
    write_all(work->files[TASK_OUTPUT], made);
    answer = job_answer(work, "application/pdf", "pdf", is_signed, pages);
    if (work->files[TASK_PREVIEW] >= 0) {
        job_answer_early(answer);
        preview_pdf(made, work->files[TASK_PREVIEW]);
        json_object_set_new(answer, "preview", json_true());
    }
    return answer;
}
