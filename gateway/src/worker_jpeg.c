/*
 * worker_jpeg.c - stamps a JPEG without decoding it.
 *
 * A JPEG is made of blocks of 8 by 8 coefficients. Only the blocks under the mark are decoded,
 * drawn over, and encoded again, by the file's own quantisation and sampling; all others are
 * carried over as they are. So the picture does not lose by being stamped, and its markers (EXIF,
 * profile, ...) stay byte for byte.
 *
 * The blocks under the mark become a small JPEG in memory, the patch, which libjpeg decodes and
 * encodes like any other.
 */
#include "worker_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#define MARKER_MAX 65535

/* Errors and warnings. */

static void on_error(j_common_ptr codec) {
    char text[JMSG_LENGTH_MAX];

    codec->err->format_message(codec, text);
    if (codec->err->msg_code == JERR_OUT_OF_MEMORY)
        fail("too_large", "The picture needs more memory than it may have.");
    fail("broken", "The picture is damaged: %s.", text);
}

/* Files with a byte too many here or there are common, and nothing is missing in them. */
static void on_message(j_common_ptr codec, int level) {
    if (level < 0 && codec->err->msg_code != JWRN_EXTRANEOUS_DATA &&
        codec->err->msg_code != JWRN_JFIF_MAJOR)
        on_error(codec);
}

static struct jpeg_error_mgr *errors(struct jpeg_error_mgr *errors) {
    jpeg_std_error(errors);
    errors->error_exit = on_error;
    errors->emit_message = on_message;
    return errors;
}

/* The whole picture. */

struct picture {
    struct jpeg_decompress_struct from;
    struct jpeg_error_mgr errors;
    jvirt_barray_ptr *blocks; /* of each component */
};

static void read_picture(struct picture *picture, struct bytes input, bool with_markers) {
    picture->from.err = errors(&picture->errors);
    jpeg_create_decompress(&picture->from);
    jpeg_mem_src(&picture->from, input.at, input.size);
    for (int i = 0; with_markers && i < 16; i++)
        jpeg_save_markers(&picture->from, JPEG_APP0 + i, MARKER_MAX);
    if (with_markers)
        jpeg_save_markers(&picture->from, JPEG_COM, MARKER_MAX);
    jpeg_read_header(&picture->from, TRUE);
    picture->blocks = jpeg_read_coefficients(&picture->from);
}

/* The patch: where it is, in units of the largest block (MCU), and in pixels. */
struct patch {
    unsigned column, row; /* its first MCU */
    unsigned left, top, width, height;
};

static unsigned smaller(unsigned one, unsigned two) {
    return one < two ? one : two;
}

static struct patch find_patch(const struct picture *picture, const struct ink *ink) {
    unsigned across = picture->from.max_h_samp_factor * DCTSIZE;
    unsigned down = picture->from.max_v_samp_factor * DCTSIZE;
    struct patch patch = {.column = ink->left / across, .row = ink->top / down};
    unsigned right = (ink->left + ink->width + across - 1) / across * across;
    unsigned bottom = (ink->top + ink->height + down - 1) / down * down;

    patch.left = patch.column * across;
    patch.top = patch.row * down;
    patch.width = smaller(right, picture->from.image_width) - patch.left;
    patch.height = smaller(bottom, picture->from.image_height) - patch.top;
    return patch;
}

/* Copies the blocks of a component between the picture and the patch. */
static void copy_blocks(struct picture *picture, int i, j_common_ptr codec, jvirt_barray_ptr blocks,
                        const jpeg_component_info *part, const struct patch *patch, bool back) {
    const jpeg_component_info *whole = &picture->from.comp_info[i];
    unsigned column = patch->column * whole->h_samp_factor;
    unsigned row = patch->row * whole->v_samp_factor;
    unsigned columns = smaller(part->width_in_blocks, whole->width_in_blocks - column);
    unsigned rows = smaller(part->height_in_blocks, whole->height_in_blocks - row);

    for (unsigned y = 0; y < rows; y++) {
        JBLOCKROW there = picture->from.mem->access_virt_barray(
            (j_common_ptr)&picture->from, picture->blocks[i], row + y, 1, back)[0];
        JBLOCKROW here = codec->mem->access_virt_barray(codec, blocks, y, 1, !back)[0];

        if (back)
            memcpy(there + column, here, columns * sizeof(JBLOCK));
        else
            memcpy(here, there + column, columns * sizeof(JBLOCK));
    }
}

static unsigned round_up(unsigned number, unsigned unit) {
    return (number + unit - 1) / unit * unit;
}

/* What jpeg_write_coefficients wants to exist before it is called; it counts components itself. */
static jvirt_barray_ptr *new_blocks(struct jpeg_compress_struct *to, const struct picture *picture,
                                    jpeg_component_info *parts) {
    jvirt_barray_ptr *blocks = calloc(to->num_components, sizeof *blocks);
    unsigned across = picture->from.max_h_samp_factor * DCTSIZE;
    unsigned down = picture->from.max_v_samp_factor * DCTSIZE;

    for (int i = 0; i < to->num_components; i++) {
        const jpeg_component_info *one = &picture->from.comp_info[i];

        parts[i].width_in_blocks = round_up(to->image_width, across) / across * one->h_samp_factor;
        parts[i].height_in_blocks = round_up(to->image_height, down) / down * one->v_samp_factor;
        blocks[i] = to->mem->request_virt_barray((j_common_ptr)to, JPOOL_IMAGE, TRUE,
                                                 parts[i].width_in_blocks,
                                                 parts[i].height_in_blocks, one->v_samp_factor);
    }
    to->mem->realize_virt_arrays((j_common_ptr)to);
    return blocks;
}

/* A JPEG like the picture, to be written to memory. */
static void begin_writing(struct jpeg_compress_struct *to, struct jpeg_error_mgr *manager,
                          struct picture *picture, unsigned char **at, unsigned long *size) {
    to->err = errors(manager);
    jpeg_create_compress(to);
    jpeg_mem_dest(to, at, size);
    jpeg_copy_critical_parameters(&picture->from, to);
}

static struct bytes cut_patch(struct picture *picture, const struct patch *patch) {
    struct jpeg_compress_struct to;
    struct jpeg_error_mgr manager;
    jpeg_component_info parts[MAX_COMPONENTS];
    jvirt_barray_ptr *blocks;
    unsigned char *at = NULL;
    unsigned long size = 0;

    begin_writing(&to, &manager, picture, &at, &size);
    to.image_width = patch->width;
    to.image_height = patch->height;
    blocks = new_blocks(&to, picture, parts);
    for (int i = 0; i < to.num_components; i++)
        copy_blocks(picture, i, (j_common_ptr)&to, blocks[i], &parts[i], patch, false);
    jpeg_write_coefficients(&to, blocks);
    jpeg_finish_compress(&to);
    jpeg_destroy_compress(&to);
    free(blocks);
    return (struct bytes){at, size};
}

/* Drawing. */

static struct ink_format format_of(const struct jpeg_decompress_struct *from) {
    struct ink_format format = {.bands = from->output_components, .model = INK_GREY};

    if (from->out_color_space == JCS_RGB)
        format.model = INK_RGB;
    else if (from->out_color_space == JCS_CMYK)
        format.model = from->saw_Adobe_marker ? INK_CMYK_INVERTED : INK_CMYK;
    else if (from->out_color_space != JCS_GRAYSCALE)
        fail("unsupported", "The picture has colours of a kind that cannot be stamped.");
    return format;
}

static void draw_row(const struct ink *ink, const struct ink_format *format,
                     const struct patch *patch, unsigned y, unsigned char *pixels) {
    int row = (int)(patch->top + y) - ink->top;

    if (row >= 0 && row < ink->height)
        ink_over(ink, format, 0, row, pixels + (ink->left - patch->left) * format->bands,
                 ink->width);
}

static void begin_encoding(struct jpeg_compress_struct *to, struct picture *picture,
                           const struct patch *patch, J_COLOR_SPACE colours) {
    jpeg_copy_critical_parameters(&picture->from, to);
    to->image_width = patch->width;
    to->image_height = patch->height;
    to->in_color_space = colours;
    to->input_components = picture->from.num_components;
    to->dct_method = JDCT_ISLOW;
    jpeg_start_compress(to, TRUE);
}

/* The patch with the ink on it, as a JPEG again. */
static struct bytes draw_patch(struct bytes patch_jpeg, struct picture *picture,
                               const struct patch *patch, const struct ink *ink) {
    struct jpeg_decompress_struct from;
    struct jpeg_compress_struct to;
    struct jpeg_error_mgr manager;
    struct ink_format format;
    unsigned char *row, *at = NULL;
    unsigned long size = 0;

    from.err = to.err = errors(&manager);
    jpeg_create_decompress(&from);
    jpeg_create_compress(&to);
    jpeg_mem_src(&from, patch_jpeg.at, patch_jpeg.size);
    jpeg_mem_dest(&to, &at, &size);
    jpeg_read_header(&from, TRUE);
    jpeg_start_decompress(&from);
    format = format_of(&from);
    begin_encoding(&to, picture, patch, from.out_color_space);
    row = malloc((size_t)patch->width * format.bands);
    for (unsigned y = 0; y < patch->height; y++) {
        jpeg_read_scanlines(&from, &row, 1);
        draw_row(ink, &format, patch, y, row);
        jpeg_write_scanlines(&to, &row, 1);
    }
    jpeg_finish_compress(&to);
    jpeg_destroy_compress(&to);
    jpeg_destroy_decompress(&from);
    free(row);
    return (struct bytes){at, size};
}

static void paste_patch(struct bytes patch_jpeg, struct picture *picture,
                        const struct patch *patch) {
    struct picture drawn;

    read_picture(&drawn, patch_jpeg, false);
    for (int i = 0; i < drawn.from.num_components; i++)
        copy_blocks(picture, i, (j_common_ptr)&drawn.from, drawn.blocks[i],
                    &drawn.from.comp_info[i], patch, true);
    jpeg_destroy_decompress(&drawn.from);
}

/* Writing. */

static bool begins(const struct jpeg_marker_struct *marker, const char *text, size_t size) {
    return marker->data_length >= size && memcmp(marker->data, text, size) == 0;
}

/* libjpeg writes those of JFIF and Adobe by itself. An index of further pictures (MPF) would be
 * wrong: they are behind the first one, and do not come along, as they have no stamp. */
static bool is_kept(const struct jpeg_compress_struct *to,
                    const struct jpeg_marker_struct *marker) {
    if (marker->marker == JPEG_APP0)
        return !to->write_JFIF_header || !begins(marker, "JFIF", 5);
    if (marker->marker == JPEG_APP0 + 2)
        return !begins(marker, "MPF", 4);
    if (marker->marker == JPEG_APP0 + 14)
        return !to->write_Adobe_marker || !begins(marker, "Adobe", 5);
    return true;
}

/* Where blocks have details. */

#define DETAIL 24 /* of a coefficient, once it is multiplied by its step */
#define SPARSE 8  /* so many details make a block a busy one */

static bool is_busy(const JBLOCK block, const JQUANT_TBL *steps) {
    int details = 0;

    for (int i = 1; i < DCTSIZE2; i++)
        details += abs(block[i]) * steps->quantval[i] >= DETAIL;
    return details >= SPARSE;
}

/* Of the first component, which is that of brightness, or one of several. */
static double busy(void *owner, int left, int top, int width, int height) {
    struct picture *picture = owner;
    const jpeg_component_info *part = &picture->from.comp_info[0];
    unsigned step = picture->from.max_h_samp_factor / part->h_samp_factor * DCTSIZE;
    unsigned down = picture->from.max_v_samp_factor / part->v_samp_factor * DCTSIZE;
    unsigned first = left / step,
             last = smaller((left + width - 1) / step, part->width_in_blocks - 1);
    unsigned end = smaller((top + height - 1) / down, part->height_in_blocks - 1);
    double count = 0, all = 0;

    for (unsigned y = top / down; y <= end; y++) {
        JBLOCKROW row = picture->from.mem->access_virt_barray((j_common_ptr)&picture->from,
                                                              picture->blocks[0], y, 1, FALSE)[0];

        for (unsigned x = first; x <= last; x++, all++)
            count += is_busy(row[x], part->quant_table);
    }
    return all > 0 ? count / all : 0;
}

static struct bytes write_picture(struct picture *picture) {
    struct jpeg_compress_struct to;
    struct jpeg_error_mgr manager;
    unsigned char *at = NULL;
    unsigned long size = 0;

    begin_writing(&to, &manager, picture, &at, &size);
    to.optimize_coding = TRUE;
    to.restart_interval = picture->from.restart_interval;
    if (picture->from.progressive_mode)
        jpeg_simple_progression(&to);
    jpeg_write_coefficients(&to, picture->blocks);
    for (jpeg_saved_marker_ptr marker = picture->from.marker_list; marker; marker = marker->next) {
        if (is_kept(&to, marker))
            jpeg_write_marker(&to, marker->marker, marker->data, marker->data_length);
    }
    jpeg_finish_compress(&to);
    return (struct bytes){at, size};
}

struct bytes jpeg_stamp(struct bytes input, struct mark *mark, int orientation) {
    struct picture picture;
    struct ink_view view = {.owner = &picture, .busy = busy};
    struct patch patch;
    struct ink ink;

    read_picture(&picture, input, true);
    ink = ink_make(mark, picture.from.image_width, picture.from.image_height, orientation, &view);
    patch = find_patch(&picture, &ink);
    paste_patch(draw_patch(cut_patch(&picture, &patch), &picture, &patch, &ink), &picture, &patch);
    return write_picture(&picture);
}
