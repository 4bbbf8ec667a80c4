/*
 * utf8.h - whether bytes are UTF-8 (RFC 3629), however they are cut into pieces.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Where in the text: all zero at its beginning. */
struct utf8 {
    unsigned char missing;     /* bytes of the character that is begun */
    unsigned char least, most; /* the next of them */
};

/* Goes on by a piece; false when it cannot be UTF-8, whatever follows. */
bool utf8_take(struct utf8 *text, const char *bytes, size_t size);

/* May the text end here? */
bool utf8_is_whole(const struct utf8 *text);
