/* utf8.c - the well-formed byte sequences of UTF-8 (RFC 3629, 4). */
#include "utf8.h"

/* The second byte is what tells overlong forms (after E0, F0), surrogates (ED) and what is beyond
 * U+10FFFF (F4) from characters. */
static bool begin(struct utf8 *text, unsigned char byte) {
    if (byte < 0x80)
        return true;
    if (byte < 0xc2 || byte > 0xf4)
        return false;
    text->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    text->least = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    text->most = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return true;
}

static bool go_on(struct utf8 *text, unsigned char byte) {
    if (byte < text->least || byte > text->most)
        return false;
    text->missing--;
    text->least = 0x80;
    text->most = 0xbf;
    return true;
}

bool utf8_take(struct utf8 *text, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (!(text->missing ? go_on(text, bytes[i]) : begin(text, bytes[i])))
            return false;
    }
    return true;
}

bool utf8_is_whole(const struct utf8 *text) {
    return text->missing == 0;
}
