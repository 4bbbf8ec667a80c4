/*
 * peer.c - where a client is: at the other end of the socket, or where a reverse proxy of ours
 * says.
 *
 * A proxy appends the address that it was connected from to X-Forwarded-For. What stands before
 * that is what the client sent, and may be anything: the list is read from its end, past our own
 * proxies, to the first address that is none of them.
 */
#include "peer.h"
#include "config.h"
#include "memory.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

bool list_has(const char *list, const char *word) {
    size_t length = strlen(word);

    while (*list) {
        size_t n = strcspn(list, ", ");

        if (n == length && strncasecmp(list, word, n) == 0)
            return true;
        list += n;
        list += strspn(list, ", ");
    }
    return false;
}

static bool is_address(const char *text) {
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* A socket that takes both kinds of addresses writes IPv4 as IPv6. */
static const char *plain(const char *address) {
    static const char mapped[] = "::ffff:";
    size_t size = strlen(mapped);
    struct in_addr ipv4;

    return strncasecmp(address, mapped, size) == 0 && inet_pton(AF_INET, address + size, &ipv4) == 1
               ? address + size
               : address;
}

/* The last element of the first *size bytes of a list, which end before it from then on; NULL when
 * there is none. */
static char *take_last(char *list, size_t *size) {
    size_t end = *size, start;

    while (end > 0 && strchr(", ", list[end - 1]))
        end--;
    for (start = end; start > 0 && !strchr(", ", list[start - 1]);)
        start--;
    if (start == end)
        return NULL;
    list[end] = '\0';
    *size = start;
    return list + start;
}

static char *forwarded_for(struct lws *wsi) {
    int length = lws_hdr_total_length(wsi, WSI_TOKEN_X_FORWARDED_FOR);
    char *list = memory_zeroed(length + 1);

    if (lws_hdr_copy(wsi, list, length + 1, WSI_TOKEN_X_FORWARDED_FOR) < 0)
        *list = '\0';
    return list;
}

void peer_socket_address(struct lws *wsi, char *address, size_t room) {
    char socket[64];

    if (!lws_get_peer_simple(wsi, socket, sizeof socket))
        *socket = '\0';
    snprintf(address, room, "%s", plain(socket));
}

bool peer_address(struct lws *wsi, char *address, size_t room) {
    char socket[64], *list = NULL;
    const char *found = socket, *next;
    size_t size;

    peer_socket_address(wsi, socket, sizeof socket);
    if (list_has(config.proxies, found)) {
        list = forwarded_for(wsi);
        size = strlen(list);
        while (list_has(config.proxies, found) && (next = take_last(list, &size)) &&
               is_address(next))
            found = plain(next);
    }
    snprintf(address, room, "%s", found);
    free(list);
    return strcmp(address, socket) != 0;
}
