/*
 * sniff.c - signatures of what people send a bookkeeper. Office files are zip archives that name
 * their kind in an early entry; a zip without such a name is just that.
 */
#include "sniff.h"

#include <string.h>

#define OOXML "application/vnd.openxmlformats-officedocument."
#define ODF   "application/vnd.oasis.opendocument."

static const struct signature {
    size_t at;
    const char *bytes;
    size_t size;
    const char *type;
} signatures[] = {
    {0, "%PDF-", 5, "application/pdf"},   {0, "\x89PNG\r\n\x1a\n", 8, "image/png"},
    {0, "\xff\xd8\xff", 3, "image/jpeg"}, {0, "GIF87a", 6, "image/gif"},
    {0, "GIF89a", 6, "image/gif"},        {8, "WEBPVP8", 7, "image/webp"},
    {0, "II*\0", 4, "image/tiff"},        {0, "MM\0*", 4, "image/tiff"},
    {4, "ftypheic", 8, "image/heic"},     {4, "ftypheix", 8, "image/heic"},
    {4, "ftypmif1", 8, "image/heic"},
};

static const struct {
    const char *name; /* somewhere near the beginning */
    const char *type;
} archives[] = {
    {"word/", OOXML "wordprocessingml.document"},
    {"xl/", OOXML "spreadsheetml.sheet"},
    {"ppt/", OOXML "presentationml.presentation"},
    {"mimetype" ODF "text", ODF "text"},
    {"mimetype" ODF "spreadsheet", ODF "spreadsheet"},
    {"mimetype" ODF "presentation", ODF "presentation"},
};

const char *sniff_type(const void *bytes, size_t size) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const struct signature *one = &signatures[i];

        if (size >= one->at + one->size &&
            memcmp((const char *)bytes + one->at, one->bytes, one->size) == 0)
            return one->type;
    }
    if (size < 4 || memcmp(bytes, "PK\3\4", 4) != 0)
        return "application/octet-stream";
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++) {
        if (memmem(bytes, size, archives[i].name, strlen(archives[i].name)))
            return archives[i].type;
    }
    return "application/zip";
}
