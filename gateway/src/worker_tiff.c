/*
 * worker_tiff.c - stamps TIFF files, whose pages may differ in size, depth and compression.
 *
 * libvips wants all pages of a file to be alike. So each page is stamped by it as a file of its
 * own, compressed as the page was, and libtiff puts them together, without decoding them again.
 */
#include "worker_image.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <tiffio.h>
#include <unistd.h>

#define QUALITY 90

/* How a page is to be compressed again. */
struct packing {
    VipsForeignTiffCompression compression;
    bool bilevel;
    bool thumbnail; /* of another page */
};

static VipsForeignTiffCompression compression_of(uint16_t compression, bool bilevel) {
    switch (compression) {
    case COMPRESSION_NONE:
        return VIPS_FOREIGN_TIFF_COMPRESSION_NONE;
    case COMPRESSION_PACKBITS:
        return VIPS_FOREIGN_TIFF_COMPRESSION_PACKBITS;
    case COMPRESSION_LZW:
        return VIPS_FOREIGN_TIFF_COMPRESSION_LZW;
    case COMPRESSION_OJPEG:
    case COMPRESSION_JPEG:
        return VIPS_FOREIGN_TIFF_COMPRESSION_JPEG;
    case COMPRESSION_CCITTRLE:
    case COMPRESSION_CCITTFAX3:
    case COMPRESSION_CCITTFAX4:
        if (bilevel)
            return VIPS_FOREIGN_TIFF_COMPRESSION_CCITTFAX4;
        /* fall through */
    default:
        return VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE;
    }
}

static struct packing packing_of(TIFF *file, int page) {
    uint16_t compression = COMPRESSION_NONE, bits = 1, samples = 1, colours = 0;
    uint32_t subfile = 0;
    struct packing packing;

    if (!TIFFSetDirectory(file, page))
        fail("broken", "The picture is damaged: page %d cannot be read.", page + 1);
    TIFFGetFieldDefaulted(file, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(file, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(file, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetField(file, TIFFTAG_PHOTOMETRIC, &colours);
    TIFFGetFieldDefaulted(file, TIFFTAG_SUBFILETYPE, &subfile);
    packing.bilevel = bits == 1 && samples == 1 && colours <= PHOTOMETRIC_MINISBLACK;
    packing.compression = compression_of(compression, packing.bilevel);
    packing.thumbnail = page > 0 && (subfile & FILETYPE_REDUCEDIMAGE);
    return packing;
}

static struct bytes stamp_page(struct bytes input, int page, struct packing packing,
                               struct mark *mark) {
    VipsImage *image = image_load("image/tiff", input, page, 1), *marked;
    void *at;
    size_t size;

    image_check_size(image->Xsize, image->Ysize, 1);
    marked = image_marked(image, mark, packing.bilevel);
    if (packing.bilevel ? vips_tiffsave_buffer(marked, &at, &size, "compression",
                                               packing.compression, "bitdepth", 1, NULL)
                        : vips_tiffsave_buffer(marked, &at, &size, "compression",
                                               packing.compression, "Q", QUALITY, NULL))
        image_fail();
    g_object_unref(marked);
    g_object_unref(image);
    return (struct bytes){at, size};
}

/* Putting together. */

static int memory_file(struct bytes bytes) {
    int file = memfd_create("tiff", MFD_CLOEXEC);

    if (file < 0)
        fail("died", "no memory file");
    write_all(file, bytes);
    lseek(file, 0, SEEK_SET);
    return file;
}

static void copy_numbers(TIFF *from, TIFF *to) {
    static const uint32_t shorts[] = {
        TIFFTAG_BITSPERSAMPLE, TIFFTAG_COMPRESSION,     TIFFTAG_PHOTOMETRIC,
        TIFFTAG_ORIENTATION,   TIFFTAG_PLANARCONFIG,    TIFFTAG_RESOLUTIONUNIT,
        TIFFTAG_PREDICTOR,     TIFFTAG_SAMPLEFORMAT,    TIFFTAG_FILLORDER,
        TIFFTAG_INKSET,        TIFFTAG_SAMPLESPERPIXEL,
    };
    static const uint32_t longs[] = {
        TIFFTAG_IMAGEWIDTH, TIFFTAG_IMAGELENGTH,   TIFFTAG_ROWSPERSTRIP,  TIFFTAG_TILEWIDTH,
        TIFFTAG_TILELENGTH, TIFFTAG_GROUP3OPTIONS, TIFFTAG_GROUP4OPTIONS,
    };
    static const uint32_t reals[] = {TIFFTAG_XRESOLUTION, TIFFTAG_YRESOLUTION};
    uint16_t small;
    uint32_t large;
    float real;

    /* The compression decides which of the others there may be. */
    if (TIFFGetField(from, TIFFTAG_COMPRESSION, &small))
        TIFFSetField(to, TIFFTAG_COMPRESSION, small);
    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
        if (TIFFGetField(from, longs[i], &large))
            TIFFSetField(to, longs[i], large);
    }
    for (size_t i = 0; i < sizeof shorts / sizeof *shorts; i++) {
        if (TIFFGetField(from, shorts[i], &small))
            TIFFSetField(to, shorts[i], small);
    }
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        if (TIFFGetField(from, reals[i], &real))
            TIFFSetField(to, reals[i], (double)real);
    }
}

static void copy_others(TIFF *from, TIFF *to) {
    static const uint32_t blocks[] = {TIFFTAG_ICCPROFILE, TIFFTAG_XMLPACKET, TIFFTAG_JPEGTABLES,
                                      TIFFTAG_PHOTOSHOP};
    uint16_t one, two, *extra;
    uint32_t size;
    void *data;
    char *text;

    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (TIFFGetField(from, blocks[i], &size, &data))
            TIFFSetField(to, blocks[i], size, data);
    }
    if (TIFFGetField(from, TIFFTAG_EXTRASAMPLES, &one, &extra))
        TIFFSetField(to, TIFFTAG_EXTRASAMPLES, one, extra);
    if (TIFFGetField(from, TIFFTAG_YCBCRSUBSAMPLING, &one, &two))
        TIFFSetField(to, TIFFTAG_YCBCRSUBSAMPLING, one, two);
    if (TIFFGetField(from, TIFFTAG_REFERENCEBLACKWHITE, &data))
        TIFFSetField(to, TIFFTAG_REFERENCEBLACKWHITE, data);
    if (TIFFGetField(from, TIFFTAG_IMAGEDESCRIPTION, &text))
        TIFFSetField(to, TIFFTAG_IMAGEDESCRIPTION, text);
}

static void copy_pixels(TIFF *from, TIFF *to) {
    bool tiled = TIFFIsTiled(from);
    uint32_t count = tiled ? TIFFNumberOfTiles(from) : TIFFNumberOfStrips(from);

    for (uint32_t i = 0; i < count; i++) {
        tmsize_t size = TIFFGetStrileByteCount(from, i);
        void *data = malloc(size);

        if (tiled ? TIFFReadRawTile(from, i, data, size) != size ||
                        TIFFWriteRawTile(to, i, data, size) != size
                  : TIFFReadRawStrip(from, i, data, size) != size ||
                        TIFFWriteRawStrip(to, i, data, size) != size)
            fail("died", "the pages cannot be put together");
        free(data);
    }
}

static void append(TIFF *to, struct bytes page) {
    TIFF *from = TIFFFdOpen(memory_file(page), "page", "r");

    if (!from)
        fail("died", "the pages cannot be put together");
    TIFFSetField(to, TIFFTAG_SUBFILETYPE, FILETYPE_PAGE);
    copy_numbers(from, to);
    copy_others(from, to);
    copy_pixels(from, to);
    if (!TIFFWriteDirectory(to))
        fail("died", "the pages cannot be put together");
    TIFFClose(from);
}

static struct bytes stamp_pages(TIFF *from, struct bytes input, int pages, struct mark *mark) {
    int file = memfd_create("tiff", MFD_CLOEXEC), result = dup(file);
    TIFF *to = TIFFFdOpen(file, "result", "w");

    if (!to || result < 0)
        fail("died", "the pages cannot be put together");
    for (int i = 0; i < pages; i++) {
        struct packing packing = packing_of(from, i);
        struct bytes page;

        if (packing.thumbnail)
            continue;
        page = stamp_page(input, i, packing, mark);
        append(to, page);
        g_free((void *)page.at);
    }
    TIFFClose(to);
    return read_all(result);
}

struct bytes tiff_stamp(struct bytes input, int pages, struct mark *mark) {
    TIFF *from;

    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
    from = TIFFFdOpen(memory_file(input), "input", "r");
    if (!from)
        fail("broken", "The picture is damaged, or no TIFF.");
    if (pages == 1)
        return stamp_page(input, 0, packing_of(from, 0), mark);
    return stamp_pages(from, input, pages, mark);
}
