/*
 * main.c - the gateway's start, run and end.
 *
 * Everything happens in one libev loop: libwebsockets is put on it, and libpq's sockets. The end is
 * in two steps: at SIGTERM or SIGINT connections are told to go, each after the call under way, and
 * nobody new is let in; when all are gone, or after a second, the rest is cut and freed.
 */
#include "compat.h"
#include "config.h"
#include "db.h"
#include "eraser.h"
#include "follow.h"
#include "log.h"
#include "server.h"
#include "session.h"
#include "store.h"
#include "upload.h"
#include "ws.h"

#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_USAGE  2
#define PATIENCE    1.0  /* seconds to say good-bye in */
#define CHECK_EVERY 0.02 /* seconds */

static ev_signal on_terminate, on_interrupt;
static ev_timer good_bye;
static double waited;

static void check_gone(EV_P_ ev_timer *timer UNUSED, int events UNUSED) {
    waited += CHECK_EVERY;
    if ((session_count() == 0 && !upload_any()) || waited >= PATIENCE)
        ev_break(EV_A_ EVBREAK_ALL);
}

static void on_stop_signal(EV_P_ ev_signal *signal, int events UNUSED) {
    log_info("stopping (signal %d)", signal->signum);
    ev_signal_stop(EV_A_ & on_terminate);
    ev_signal_stop(EV_A_ & on_interrupt);
    ws_shut_down();
    session_shut_down();
    ev_timer_init(&good_bye, check_gone, CHECK_EVERY, CHECK_EVERY);
    ev_timer_start(EV_A_ & good_bye);
}

static void watch_signals(void) {
    signal(SIGPIPE, SIG_IGN);
    ev_signal_init(&on_terminate, on_stop_signal, SIGTERM);
    ev_signal_start(EV_DEFAULT_ & on_terminate);
    ev_signal_init(&on_interrupt, on_stop_signal, SIGINT);
    ev_signal_start(EV_DEFAULT_ & on_interrupt);
}

static int run(void) {
    if (!ev_default_loop(0)) {
        log_error("libev does not start");
        return EXIT_FAILURE;
    }
    if (!store_dir_start(config.store))
        return EXIT_FAILURE;
    if (!server_start()) {
        store->stop();
        return EXIT_FAILURE;
    }
    watch_signals();
    db_start();
    follow_start();
    eraser_start();
    ev_run(EV_DEFAULT_ 0);

    ev_timer_stop(EV_DEFAULT_ & good_bye);
    server_stop();
    follow_stop();
    upload_stop();
    eraser_stop();
    db_stop();
    store->stop();
    log_info("stopped");
    return EXIT_SUCCESS;
}

static void usage(FILE *out) {
    fputs("Usage: onefin-gateway [-c FILE] [--check-config]\n"
          "Serves the chat of a onefin database to browsers and apps.\n\n"
          "  -c, --config FILE   settings; without it all have their defaults\n"
          "      --check-config  read the settings, say what is wrong, and exit\n"
          "      --version       print the version and exit\n"
          "      --help          print this and exit\n\n"
          "Settings (with defaults):\n",
          out);
    config_help(out);
}

int main(int count, char **arguments) {
    enum { CHECK = 256, VERSION, HELP };
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, CHECK},
        {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, HELP},
        {0},
    };
    const char *path = NULL;
    bool check = false;
    int option, status = EXIT_SUCCESS;

    while ((option = getopt_long(count, arguments, "c:", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case CHECK:
            check = true;
            break;
        case VERSION:
            puts("onefin-gateway " ONEFIN_VERSION);
            return EXIT_SUCCESS;
        case HELP:
            usage(stdout);
            return EXIT_SUCCESS;
        default:
            return EXIT_USAGE;
        }
    }
    if (optind < count) {
        fprintf(stderr, "onefin-gateway: unexpected argument \"%s\"; see --help\n",
                arguments[optind]);
        return EXIT_USAGE;
    }
    if (!config_load(path))
        status = EXIT_USAGE;
    else if (!check) {
        log_set_level(config.log_level);
        status = run();
    }
    config_free();
    return status;
}
