/*
 * s3_xml.c - reads texts out of the answers of an S3 store.
 *
 * They are flat and small, and have no attributes or prefixes where we look: a parser would be more
 * than is needed.
 */
#include "s3.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text;
    char meaning;
} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};

static void decode(char *text) {
    char *to = text;

    while (*text) {
        size_t length = 1;
        char c = *text;

        for (size_t i = 0; c == '&' && i < sizeof entities / sizeof *entities; i++) {
            if (strncmp(text, entities[i].text, strlen(entities[i].text)) == 0) {
                length = strlen(entities[i].text);
                c = entities[i].meaning;
                break;
            }
        }
        *to++ = c;
        text += length;
    }
    *to = '\0';
}

char *s3_xml(const char *xml, const char *tag, const char **at) {
    char *opening = memory_format("<%s>", tag), *closing = memory_format("</%s>", tag);
    const char *start = xml ? strstr(xml, opening) : NULL;
    const char *end = start ? strstr(start, closing) : NULL;
    char *text = NULL;

    if (end) {
        start += strlen(opening);
        text = memory_part(start, end - start);
        decode(text);
        if (at)
            *at = end + strlen(closing);
    }
    free(opening);
    free(closing);
    return text;
}
