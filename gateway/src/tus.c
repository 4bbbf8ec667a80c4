/* tus.c - headers of the tus protocol; see tus.h. Everything here comes from strangers. */
#include "tus.h"
#include "memory.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATH "/uploads/"

bool tus_version_fits(struct lws *wsi) {
    char *version = http_custom(wsi, "tus-resumable:");
    bool fits = version && strcmp(version, TUS_VERSION) == 0;

    free(version);
    return fits;
}

bool tus_number(struct lws *wsi, const char *name, int64_t *number) {
    char *text = http_custom(wsi, name);
    size_t length = text ? strspn(text, "0123456789") : 0;
    bool fine = length > 0 && length <= 18 && !text[length];

    if (fine)
        *number = strtoll(text, NULL, 10);
    free(text);
    return fine;
}

/* Base64 of so many characters, as text; NULL when it is none, or not in UTF-8. */
static char *decode(const char *base64, size_t length) {
    char *text = memory_zeroed(length + 1);
    int size = length % 4 == 0
                   ? EVP_DecodeBlock((unsigned char *)text, (const unsigned char *)base64, length)
                   : -1;
    json_t *string;

    for (size_t i = length; size > 0 && i > 0 && base64[i - 1] == '='; i--)
        size--;
    string = size >= 0 ? json_stringn(text, size) : NULL;
    if (!string || strlen(text) != (size_t)size) {
        free(text);
        text = NULL;
    }
    json_decref(string);
    return text;
}

/* "key base64,key base64,key" */
char *tus_metadata(struct lws *wsi, const char *key) {
    char *header = http_custom(wsi, "upload-metadata:"), *rest = header, *pair, *value = NULL;

    while (!value && (pair = strsep(&rest, ","))) {
        size_t length;

        pair += strspn(pair, " ");
        length = strcspn(pair, " ");
        if (length == strlen(key) && strncmp(pair, key, length) == 0) {
            pair += length + strspn(pair + length, " ");
            value = decode(pair, strcspn(pair, " "));
        }
    }
    free(header);
    return value;
}

static char *encode(const char *text) {
    size_t length = strlen(text);
    char *base64 = memory_new(4 * (length / 3 + 1) + 1);

    EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)text, length);
    return base64;
}

char *tus_describe(const char *filename, int64_t topic) {
    char number[24], *one = encode(filename), *two, *text;

    snprintf(number, sizeof number, "%" PRId64, topic);
    two = encode(number);
    text = memory_format("filename %s,topic %s", one, two);
    free(one);
    free(two);
    return text;
}

char *tus_id(struct lws *wsi) {
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    char *path;
    int length;

    if (lws_http_get_uri_and_method(wsi, &path, &length) < 0 ||
        length != (int)(strlen(PATH) + strlen(form)))
        return NULL;
    path += strlen(PATH);
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'x' ? !isxdigit((unsigned char)path[i]) : path[i] != form[i])
            return NULL;
    }
    return memory_part(path, strlen(form));
}

bool tus_type_fits(struct lws *wsi) {
    char type[64];

    return lws_hdr_copy(wsi, type, sizeof type, WSI_TOKEN_HTTP_CONTENT_TYPE) > 0 &&
           strcasecmp(type, TUS_TYPE) == 0;
}

bool tus_wants_little(struct lws *wsi) {
    char *wish = http_custom(wsi, "prefer:");
    bool little = wish && strcasestr(wish, "return=minimal");

    free(wish);
    return little;
}
