/*
 * transfer.c - libcurl's multi interface on the loop.
 *
 * libcurl says which sockets it waits for and when it wants to be called next; it gets an ev_io for
 * each socket and one ev_timer. Names are looked up by a thread of its own. Transfers that ended
 * are told after each call into it, when it is safe to start and to end others.
 */
#include "transfer.h"
#include "compat.h"
#include "memory.h"

#include <ev.h>
#include <stdlib.h>
#include <sys/queue.h>

#define CONNECT_TIMEOUT 10L /* seconds */
#define SILENCE         30L /* seconds without a byte */
#define IDLE_LIMIT      16L /* connections kept for the next transfer */

struct transfer {
    LIST_ENTRY(transfer) all;
    CURL *easy;
    transfer_done_fn *done;
    void *owner;
};

static struct {
    CURLM *multi; /* NULL until the first transfer */
    ev_timer timer;
    LIST_HEAD(, transfer) all;
} transfers;

static void transfer_free(struct transfer *transfer) {
    LIST_REMOVE(transfer, all);
    curl_multi_remove_handle(transfers.multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    free(transfer);
}

static void tell_ended(void) {
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(transfers.multi, &left))) {
        struct transfer *transfer;
        CURLcode result = message->data.result; /* gone with the handle */

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        transfer->done(transfer->owner, transfer->easy, result);
        transfer_free(transfer);
    }
}

static void act(curl_socket_t socket, int what) {
    int running;

    curl_multi_socket_action(transfers.multi, socket, what, &running);
    tell_ended();
}

static void on_socket(EV_P UNUSED, ev_io *io, int events) {
    act(io->fd,
        (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_time(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    act(CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl waits for something else on a socket. */
static int watch_socket(CURL *easy UNUSED, curl_socket_t socket, int what, void *user UNUSED,
                        void *watcher) {
    ev_io *io = watcher;

    if (what == CURL_POLL_REMOVE) {
        if (io)
            ev_io_stop(EV_DEFAULT_ io);
        free(io);
        return 0;
    }
    if (!io) {
        io = memory_zeroed(sizeof *io);
        ev_init(io, on_socket);
        curl_multi_assign(transfers.multi, socket, io);
    }
    ev_io_stop(EV_DEFAULT_ io);
    ev_io_set(io, socket,
              (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    ev_io_start(EV_DEFAULT_ io);
    return 0;
}

static int set_timer(CURLM *multi UNUSED, long milliseconds, void *user UNUSED) {
    ev_timer_stop(EV_DEFAULT_ & transfers.timer);
    if (milliseconds >= 0) {
        ev_now_update(EV_DEFAULT); /* or the time that a long callback took would be missing */
        ev_timer_set(&transfers.timer, milliseconds / 1000.0, 0);
        ev_timer_start(EV_DEFAULT_ & transfers.timer);
    }
    return 0;
}

static void start_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    transfers.multi = curl_multi_init();
    curl_multi_setopt(transfers.multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(transfers.multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(transfers.multi, CURLMOPT_MAXCONNECTS, IDLE_LIMIT);
    ev_init(&transfers.timer, on_time);
}

CURL *transfer_easy(void) {
    CURL *easy;

    if (!transfers.multi)
        start_curl();
    easy = curl_easy_init();
    if (!easy)
        abort(); /* no memory; see memory.h */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, SILENCE);
    return easy;
}

struct transfer *transfer_start(CURL *easy, transfer_done_fn *done, void *owner) {
    struct transfer *transfer = memory_zeroed(sizeof *transfer);

    transfer->easy = easy;
    transfer->done = done;
    transfer->owner = owner;
    LIST_INSERT_HEAD(&transfers.all, transfer, all);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_multi_add_handle(transfers.multi, easy);
    return transfer;
}

void transfer_abort(struct transfer *transfer) {
    transfer_free(transfer);
}

void transfer_stop(void) {
    if (!transfers.multi)
        return;
    while (!LIST_EMPTY(&transfers.all))
        transfer_free(LIST_FIRST(&transfers.all));
    curl_multi_cleanup(transfers.multi);
    ev_timer_stop(EV_DEFAULT_ & transfers.timer);
    transfers.multi = NULL;
    curl_global_cleanup();
}
