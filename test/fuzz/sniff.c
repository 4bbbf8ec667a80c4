/* sniff.c - first bytes of files, and all bytes as UTF-8, whole and in two pieces. */
#include "sniff.h"
#include "utf8.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *text = (const char *)bytes;
    struct utf8 whole = {0};
    bool good = utf8_take(&whole, text, size);

    if (!sniff_type(bytes, size))
        abort();
    for (size_t at = 0; at <= size && at < 64; at++) {
        struct utf8 pieces = {0};
        bool same = utf8_take(&pieces, text, at) && utf8_take(&pieces, text + at, size - at);

        if (same != good || (good && utf8_is_whole(&pieces) != utf8_is_whole(&whole)))
            abort();
    }
    return 0;
}
