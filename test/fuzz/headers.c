/*
 * headers.c - what is read out of headers: addresses of X-Forwarded-For, lists, tokens, parameters.
 *
 * An input is four lines: X-Forwarded-For, Authorization, the parameters of the URL (with & between
 * them, already decoded), and a word to look for in the first. libwebsockets' functions for headers
 * are here, with these lines as the headers: its own would need a connection, and let less through.
 */
#include "config.h"
#include "http.h"
#include "memory.h"
#include "peer.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char *forwarded_for, *authorization, *parameters;

static const char *value_of(enum lws_token_indexes header) {
    switch (header) {
    case WSI_TOKEN_X_FORWARDED_FOR:
        return forwarded_for;
    case WSI_TOKEN_HTTP_AUTHORIZATION:
        return authorization;
    default:
        return "";
    }
}

/* libwebsockets' rules: a copy ends with a NUL, -1 when there is no room for both. */
static int copy(const char *from, size_t size, char *into, int room) {
    if (room <= 0 || size >= (size_t)room)
        return -1;
    memcpy(into, from, size);
    into[size] = '\0';
    return size;
}

int lws_hdr_total_length(struct lws *wsi UNUSED, enum lws_token_indexes header) {
    return strlen(value_of(header));
}

int lws_hdr_copy(struct lws *wsi UNUSED, char *into, int room, enum lws_token_indexes header) {
    return copy(value_of(header), strlen(value_of(header)), into, room);
}

/* The parameter of this number; its size is 0 when there is none. */
static const char *fragment(int number, size_t *size) {
    const char *at = parameters;

    for (; number > 0 && *at; number--) {
        at += strcspn(at, "&");
        at += *at == '&';
    }
    *size = strcspn(at, "&");
    return at;
}

int lws_hdr_fragment_length(struct lws *wsi UNUSED, enum lws_token_indexes header UNUSED,
                            int number) {
    size_t size;

    fragment(number, &size);
    return size;
}

int lws_hdr_copy_fragment(struct lws *wsi UNUSED, char *into, int room,
                          enum lws_token_indexes header UNUSED, int number) {
    size_t size;
    const char *from = fragment(number, &size);

    return copy(from, size, into, room);
}

const char *lws_get_peer_simple(struct lws *wsi UNUSED, char *name, size_t room) {
    snprintf(name, room, "127.0.0.1");
    return name;
}

/* What goes to the database has to be text and, an address, one. */
static void check(char *text, bool is_address) {
    unsigned char address[sizeof(struct in6_addr)];
    json_t *string = text ? json_string(text) : json_null();

    if (!string || (is_address && inet_pton(AF_INET, text, address) != 1 &&
                    inet_pton(AF_INET6, text, address) != 1))
        abort();
    json_decref(string);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char *text = memory_zeroed(size + 1), *rest = text, *word;

    if (!config.proxies)
        config_load(NULL);
    memcpy(text, bytes, size);
    forwarded_for = strsep(&rest, "\n");
    authorization = rest ? strsep(&rest, "\n") : "";
    parameters = rest ? strsep(&rest, "\n") : "";
    word = rest ? rest : "";

    check(http_address(NULL), true);
    check(http_token(NULL), false);
    check(http_parameter(NULL, "topic"), false);
    check(http_parameter(NULL, "name"), false);
    list_has(forwarded_for, word);
    free(text);
    return 0;
}
