/*
 * main.c - the gateway's start, run and end.
 *
 * Everything happens in one libev loop: libwebsockets is put on it, and libpq's sockets.
 */
#include "assemble.h"
#include "background.h"
#include "compat.h"
#include "config.h"
#include "db.h"
#include "eraser.h"
#include "follow.h"
#include "jobs.h"
#include "log.h"
#include "metrics.h"
#include "presence.h"
#include "resumable.h"
#include "server.h"
#include "session.h"
#include "spool.h"
#include "store.h"
#include "transfer.h"
#include "upload.h"
#include "worker.h"

#include <ev.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#define EXIT_USAGE 2
#define DRAIN_TICK 0.02 /* seconds */
#define DRAIN_RATE 500  /* connections a second, and more where drain_time asks for it */

static ev_signal on_terminate, on_interrupt, on_hangup;
static ev_timer drainer;
static ev_tstamp drain_until;
static double drain_share; /* connections for each tick */
static double drain_due;
static const char *config_path;

static bool is_at_work(void) {
    return upload_any() || resumable_any() || assemble_any() || jobs_any();
}

/*
 * Stopping. Nobody new is let in, and /healthz says so to balancers; clients are sent elsewhere,
 * not all at once, so that they do not all come back at once; uploads, downloads, exports and
 * jobs go on. When all are gone, or after drain_time, or at a second signal, the rest is cut.
 */
static void drain(EV_P_ ev_timer *timer UNUSED, int events UNUSED) {
    drain_due += drain_share;
    session_send_some_away(drain_due);
    drain_due -= (unsigned)drain_due;
    if ((session_count() == 0 && metrics.http_connections == 0 && !is_at_work()) ||
        ev_now(EV_A) >= drain_until)
        ev_break(EV_A_ EVBREAK_ALL);
}

static void on_stop_signal(EV_P_ ev_signal *signal, int events UNUSED) {
    if (metrics.draining) {
        ev_break(EV_A_ EVBREAK_ALL);
        return;
    }
    log_fields(LOG_LEVEL_INFO, "stopping", "signal=%d connections=%u", signal->signum,
               session_count());
    sd_notify(0, "STOPPING=1");
    metrics.draining = 1;
    drain_share = DRAIN_TICK * (DRAIN_RATE + 1.5 * session_count() / config.drain_time);
    drain_until = ev_now(EV_A) + config.drain_time;
    ev_timer_init(&drainer, drain, 0, DRAIN_TICK);
    ev_timer_start(EV_A_ & drainer);
}

static void on_reload_signal(EV_P UNUSED, ev_signal *signal UNUSED, int events UNUSED) {
    if (!config_path) {
        log_info("there are no settings to read anew: the gateway was started without --config");
        return;
    }
    if (config_reload(config_path)) {
        log_set_level(config.log_level);
        log_info("the settings were read anew");
    } else {
        log_error("the settings have mistakes, see above; all stay as they were");
    }
}

static void watch_signal(ev_signal *signal, void (*heard)(EV_P_ ev_signal *, int), int number) {
    ev_signal_init(signal, heard, number);
    ev_signal_start(EV_DEFAULT_ signal);
}

static void watch_signals(void) {
    signal(SIGPIPE, SIG_IGN);
    watch_signal(&on_terminate, on_stop_signal, SIGTERM);
    watch_signal(&on_interrupt, on_stop_signal, SIGINT);
    watch_signal(&on_hangup, on_reload_signal, SIGHUP);
}

static int run(void) {
    if (!ev_default_loop(0)) {
        log_error("libev does not start");
        return EXIT_FAILURE;
    }
    if (!spool_check() || !store_start() || !background_start())
        return EXIT_FAILURE;
    if (!worker_start() || !server_start()) {
        worker_stop();
        background_stop();
        store->stop();
        return EXIT_FAILURE;
    }
    watch_signals();
    db_start();
    follow_start();
    presence_start();
    eraser_start();
    jobs_start();
    sd_notify(0, "READY=1");
    ev_run(EV_DEFAULT_ 0);

    ev_timer_stop(EV_DEFAULT_ & drainer);
    server_stop();
    presence_stop();
    follow_stop();
    upload_stop();
    resumable_stop();
    assemble_stop();
    jobs_stop();
    worker_stop();
    eraser_stop();
    background_stop();
    db_stop();
    store->stop();
    transfer_stop();
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
    bool check = false;
    int option, status = EXIT_SUCCESS;

    while ((option = getopt_long(count, arguments, "c:", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            config_path = optarg;
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
    if (!config_load(config_path))
        status = EXIT_USAGE;
    else if (!check) {
        log_set_level(config.log_level);
        status = run();
    }
    config_free();
    return status;
}
