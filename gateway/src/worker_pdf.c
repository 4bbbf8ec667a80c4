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
#include "worker_place.h"

#include <math.h>
#include <qpdf/qpdf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL       2048   /* bytes at the end, of which the end mark is to be one */
#define FIELDS_MAX 100000 /* of a form, and how deep */
#define DEPTH_MAX  64
#define SAVES_MAX  256        /* of graphics states before a page that restores too many */
#define CONTENT    (16 << 20) /* bytes of content that are looked at for room */

#define PASSWORD                                                                                   \
    "The PDF is encrypted. Save it without password and without restrictions, and send that."

struct pdf {
    qpdf_data file;
    qpdf_data marks[MARK_SHAPES]; /* as their own files; read until the end */
    qpdf_oh forms[MARK_SHAPES];   /* in `file` */
    struct mark_sizes sizes;
    struct mark *mark;
    struct places places;         /* of the page at hand */
    struct content_reader reader; /* of that page's content */
    qpdf_oh save;                 /* the stream that begins a page */
    qpdf_oh last;                 /* the stream that ended the page before */
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

/* What is seen of a page. */

static bool read_numbers(struct pdf *pdf, qpdf_oh of, const char *key, int count, double *into) {
    qpdf_oh array = qpdf_oh_get_key(pdf->file, of, key);

    if (!qpdf_oh_is_array(pdf->file, array) || qpdf_oh_get_array_n_items(pdf->file, array) != count)
        return false;
    for (int i = 0; i < count; i++) {
        if (!qpdf_oh_get_value_as_number(pdf->file, qpdf_oh_get_array_item(pdf->file, array, i),
                                         &into[i]))
            return false;
    }
    return true;
}

static bool is_empty(struct box box) {
    return !(box.x1 > box.x0 && box.y1 > box.y0);
}

/* An empty box where there is none. */
static struct box read_box(struct pdf *pdf, qpdf_oh page, const char *key) {
    double at[4];

    if (!read_numbers(pdf, page, key, 4, at))
        return (struct box){0};
    return (struct box){fmin(at[0], at[2]), fmin(at[1], at[3]), fmax(at[0], at[2]),
                        fmax(at[1], at[3])};
}

static struct page look_at(struct pdf *pdf, qpdf_oh page) {
    struct box media = read_box(pdf, page, "/MediaBox"), crop = read_box(pdf, page, "/CropBox");
    struct page seen = {.unit = 1};
    int degrees = 0;

    if (is_empty(media))
        media = (struct box){0, 0, 612, 792};
    seen.box = (struct box){fmax(crop.x0, media.x0), fmax(crop.y0, media.y0),
                            fmin(crop.x1, media.x1), fmin(crop.y1, media.y1)};
    if (is_empty(crop) || is_empty(seen.box))
        seen.box = media;
    qpdf_oh_get_value_as_int(pdf->file, qpdf_oh_get_key(pdf->file, page, "/Rotate"), &degrees);
    seen.turns = (degrees / 90 % 4 + 4) % 4;
    qpdf_oh_get_value_as_number(pdf->file, qpdf_oh_get_key(pdf->file, page, "/UserUnit"),
                                &seen.unit);
    if (!(seen.unit > 0))
        seen.unit = 1;
    return seen;
}

/* What content calls by name. */

static qpdf_oh resource(struct pdf *pdf, unsigned resources, const char *kind, const char *name) {
    char key[160];

    snprintf(key, sizeof key, "/%s", name);
    return member(pdf, member(pdf, resources, kind), key);
}

static bool has_wide_codes(void *owner, unsigned resources, const char *font) {
    struct pdf *pdf = owner;
    qpdf_oh type = member(pdf, resource(pdf, resources, "/Font", font), "/Subtype");

    return qpdf_oh_is_name_and_equals(pdf->file, type, "/Type0");
}

static struct content_object find_object(void *owner, unsigned resources, const char *name) {
    struct pdf *pdf = owner;
    qpdf_oh stream = resource(pdf, resources, "/XObject", name), dictionary;
    struct content_object object = {0};
    double matrix[6] = {1, 0, 0, 1, 0, 0};
    unsigned char *content = NULL;

    if (!qpdf_oh_is_stream(pdf->file, stream))
        return object;
    dictionary = qpdf_oh_get_dict(pdf->file, stream);
    object.kind =
        qpdf_oh_is_name_and_equals(pdf->file, member(pdf, dictionary, "/Subtype"), "/Form")
            ? OBJECT_FORM
            : OBJECT_IMAGE;
    if (object.kind == OBJECT_IMAGE)
        return object;
    read_numbers(pdf, dictionary, "/Matrix", 6, matrix);
    object.matrix =
        (struct matrix){matrix[0], matrix[1], matrix[2], matrix[3], matrix[4], matrix[5]};
    object.resources = qpdf_oh_has_key(pdf->file, dictionary, "/Resources")
                           ? member(pdf, dictionary, "/Resources")
                           : resources;
    qpdf_oh_get_stream_data(pdf->file, stream, qpdf_dl_generalized, NULL, &content,
                            &object.content.size);
    if (qpdf_has_error(pdf->file))
        qpdf_get_error(pdf->file); /* is heeded by that: what cannot be read does not count */
    object.content.at = content;
    return object;
}

static void note(void *owner, enum content_kind kind, struct box box) {
    places_note(&((struct pdf *)owner)->places, kind, box);
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

static struct content_balance read_content(struct pdf *pdf, qpdf_oh page) {
    struct content_balance balance;
    unsigned char *content = NULL;
    size_t size = 0;

    qpdf_oh_get_page_content_data(pdf->file, page, &content, &size);
    no_error(pdf, "a page's content");
    balance = content_read((struct bytes){content, size},
                           qpdf_oh_get_key(pdf->file, page, "/Resources"), &pdf->reader);
    free(content);
    return balance;
}

/* The stream that begins a page: the graphics state is saved as often as it is restored. */
static qpdf_oh beginning(struct pdf *pdf, unsigned unopened) {
    char text[2 * SAVES_MAX + 4] = "q\n";

    if (unopened == 0)
        return qpdf_oh_new_object(pdf->file, pdf->save);
    unopened = unopened < SAVES_MAX ? unopened : SAVES_MAX;
    for (unsigned i = 0; i < unopened; i++)
        strcpy(text + 2 * i + 2, "q\n");
    return new_stream(pdf, text);
}

static void wrap_content(struct pdf *pdf, qpdf_oh page, qpdf_oh begin, qpdf_oh end) {
    qpdf_oh old = qpdf_oh_get_key(pdf->file, page, "/Contents");
    qpdf_oh content = qpdf_oh_new_array(pdf->file);

    qpdf_oh_append_item(pdf->file, content, begin);
    if (qpdf_oh_is_array(pdf->file, old)) {
        for (int i = 0; i < qpdf_oh_get_array_n_items(pdf->file, old); i++)
            qpdf_oh_append_item(pdf->file, content, qpdf_oh_get_array_item(pdf->file, old, i));
    } else if (qpdf_oh_is_stream(pdf->file, old)) {
        qpdf_oh_append_item(pdf->file, content, old);
    }
    qpdf_oh_append_item(pdf->file, content, end);
    qpdf_oh_replace_key(pdf->file, page, "/Contents", content);
}

/* The operators that draw the mark, behind those of the page. */
static char *write_end(const struct pdf *pdf, const struct place *place, const char *name,
                       const char *closers) {
    struct matrix by = place_matrix(&pdf->places.page, place, DRAWN);
    char *text;

    if (asprintf(&text,
                 "\n%sQ\n/Artifact <</Type /Pagination /Subtype /Watermark>> BDC\n"
                 "q %.6f %.6f %.6f %.6f %.4f %.4f cm %s Do Q\nEMC\n",
                 closers ? closers : "", by.a, by.b, by.c, by.d, by.e, by.f, name) < 0)
        fail("died", "out of memory");
    return text;
}

static void stamp_page(struct pdf *pdf, size_t number) {
    qpdf_oh page = qpdf_get_page_n(pdf->file, number);
    struct page seen = look_at(pdf, page);
    struct content_balance balance;
    const struct place *place;
    char name[32], *end;

    places_make(&pdf->places, &seen, &pdf->sizes);
    balance = read_content(pdf, page);
    place = places_best(&pdf->places);
    add_resource(pdf, page, place->shape, name, sizeof name);
    end = write_end(pdf, place, name, balance.closers);
    wrap_content(pdf, page, beginning(pdf, balance.unopened), ending(pdf, end));
    no_error(pdf, "a page");
    free(balance.closers);
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
    pdf.sizes.mark = mark;
    qpdf_push_inherited_attributes_to_page(pdf.file);
    pdf.save = new_stream(&pdf, "q\n");
    pdf.reader = (struct content_reader){.owner = &pdf,
                                         .draws = note,
                                         .object = find_object,
                                         .has_wide_codes = has_wide_codes,
                                         .budget = CONTENT};
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
