/*
 * server.c - libwebsockets' context: on our loop, with our limits, headers and static page.
 */
#include "server.h"
#include "compat.h"
#include "config.h"
#include "http.h"
#include "log.h"
#include "session.h"
#include "store.h"
#include "watch.h"
#include "ws.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define RX_BUFFER   1024 /* bytes kept for each WebSocket connection */
#define NUDGE_EVERY 1.0  /* seconds */
#define OTHER_FILES 1024 /* HTTP connections, files and database connections beside WebSockets */

/* libwebsockets keeps the pings of all connections in one sorted list, and walks it for each: at
 * 10,000 connections that was a fifth of the gateway's time. session.c pings. */
static const lws_retry_bo_t no_pings;

static struct lws_context *context;
static ev_timer nudger;
static struct lws_http_mount page_mount, api_mounts[5];

static const struct lws_protocols protocols[] = {
    {.name = HTTP_PROTOCOL,
     .callback = http_callback,
     .per_session_data_size = sizeof(struct exchange)},
    {.name = WS_PROTOCOL,
     .callback = ws_callback,
     .per_session_data_size = sizeof(struct session),
     .rx_buffer_size = RX_BUFFER},
    {0},
};

/* With every answer. The page has its own script and style and nothing else, and connects to its
 * own host only, whose WebSockets browsers of today count as 'self'. */
static struct lws_protocol_vhost_options headers[] = {
    {&headers[1], NULL, "content-security-policy:",
     "default-src 'none'; script-src 'self'; style-src 'self'; "
     "img-src 'self' data: blob:; font-src 'self'; manifest-src 'self'; "
     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {&headers[2], NULL, "x-content-type-options:", "nosniff"},
    {&headers[3], NULL, "referrer-policy:", "no-referrer"},
    {&headers[4], NULL, "x-frame-options:", "DENY"},
    {&headers[5], NULL, "cross-origin-opener-policy:", "same-origin"},
    {&headers[6], NULL, "cross-origin-resource-policy:", "same-origin"},
    {NULL, NULL, "connection:", "close"}, /* http.c says why */
};

/* Endings that libwebsockets does not know, which it would answer with 415. */
static struct lws_protocol_vhost_options types[] = {
    {&types[1], NULL, ".mjs", "text/javascript"},
    {&types[2], NULL, ".map", "application/json"},
    {&types[3], NULL, ".json", "application/json"},
    {&types[4], NULL, ".webmanifest", "application/manifest+json"},
    {&types[5], NULL, ".woff2", "font/woff2"},
    {&types[6], NULL, ".webp", "image/webp"},
    {NULL, NULL, ".txt", "text/plain"},
};

/* Paths of ours before the page, which has all others. */
static const struct lws_http_mount *mounts(void) {
    static const char *const paths[] = {"/files", "/uploads", "/export", "/healthz", "/metrics"};
    const struct lws_http_mount *first = NULL;

    if (access(config.page, R_OK | X_OK) == 0) {
        page_mount = (struct lws_http_mount){
            .mountpoint = "/",
            .mountpoint_len = 1,
            .origin = config.page,
            .def = "index.html",
            .origin_protocol = LWSMPRO_FILE,
            .extra_mimetypes = types,
        };
        first = &page_mount;
    } else {
        log_warning("page: %s: %s; there is no web page until \"page\" is right", config.page,
                    strerror(errno));
    }
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        api_mounts[i] = (struct lws_http_mount){
            .mount_next = first,
            .mountpoint = paths[i],
            .mountpoint_len = strlen(paths[i]),
            .origin = HTTP_PROTOCOL,
            .protocol = HTTP_PROTOCOL,
            .origin_protocol = LWSMPRO_CALLBACK,
        };
        first = &api_mounts[i];
    }
    return first;
}

/* Each second. libwebsockets (4.1.6 and 4.3.5) sets its libev timer anew while it runs, which libev
 * does not heed: its time-outs would be noticed at the next event of any socket, which may be
 * never. This makes an event. */
static void nudge(EV_P UNUSED, ev_timer *timer UNUSED, int events UNUSED) {
    session_look_after();
    watch_keep();
    sd_notify(0, "WATCHDOG=1");
    lws_cancel_service(context);
}

/* libwebsockets sizes its tables by the limit of open files: neither too few nor a million. */
static void limit_files(void) {
    rlim_t wanted = (rlim_t)config.max_connections + OTHER_FILES;
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_max < wanted)
        log_warning("max_connections: %u need %ju open files, but only %ju are allowed; raise "
                    "LimitNOFILE",
                    config.max_connections, (uintmax_t)wanted, (uintmax_t)files.rlim_max);
    files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &files);
}

bool server_start(void) {
    void *loops[] = {EV_DEFAULT};
    struct in_addr ipv4;
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
        .foreign_loops = loops,
        .port = config.port,
        .iface = config.listen,
        .protocols = protocols,
        .headers = headers,
        .mounts = mounts(),
        .pt_serv_buf_size = STORE_CHUNK,
        .timeout_secs = config.handshake_timeout,
        .retry_and_idle_policy = &no_pings,
        .server_string = "onefin-gateway",
        .vhost_name = "onefin",
    };
    struct lws_vhost *host;

    /* With IPv6 at hand libwebsockets takes an IPv4 address for no address at all, and listens on
     * every interface. */
    if (inet_pton(AF_INET, config.listen, &ipv4) == 1)
        info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
    limit_files();
    log_adopt_libwebsockets();
    context = lws_create_context(&info);
    if (!context) {
        log_error("libwebsockets does not start; is package libwebsockets-evlib-ev there?");
        return false;
    }
    host = lws_create_vhost(context, &info);
    if (!host) {
        log_error("cannot listen on %s port %u; is it another program's, or no address of ours?",
                  config.listen, config.port);
        server_stop();
        return false;
    }
    ev_timer_init(&nudger, nudge, NUDGE_EVERY, NUDGE_EVERY);
    ev_timer_start(EV_DEFAULT_ & nudger);
    log_info("ready on %s port %d", config.listen, lws_get_vhost_listen_port(host));
    return true;
}

void server_stop(void) {
    ev_timer_stop(EV_DEFAULT_ & nudger);
    lws_context_destroy(context);
}
