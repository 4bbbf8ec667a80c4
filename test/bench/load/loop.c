/* loop.c - sockets and time: epoll, connecting, reading, writing. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM      (1 << 18) /* bytes read at once */
#define TICK      5         /* milliseconds */
#define A_SOURCE  4000      /* connections from one address */
#define READINESS 512       /* sockets looked at in one go */

static int poller = -1;

double now(void) {
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

double own_cpu(void) {
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

void loop_watch(struct source *source, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = source};
    int what = source->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (poller < 0)
        poller = epoll_create1(EPOLL_CLOEXEC);
    if (source->events == events)
        return;
    if (epoll_ctl(poller, what, source->fd, &event) != 0)
        fail("epoll: %s", strerror(errno));
    source->events = events;
}

void loop_run(void) {
    struct epoll_event events[READINESS];
    double ticked = 0;

    for (;;) {
        int count = epoll_wait(poller, events, READINESS, TICK);

        for (int i = 0; i < count; i++) {
            struct source *source = events[i].data.ptr;

            if (source->fd >= 0)
                source->ready(source, events[i].events);
        }
        if (now() - ticked >= TICK / 1000.0) {
            crowd_go_on();
            if (job->tick)
                job->tick();
            ticked = now();
        }
    }
}

static void close_client(struct client *client) {
    close(client->source.fd);
    client->source.fd = -1;
    client->source.events = 0;
    client->state = GONE;
    buffer_clear(&client->input);
    buffer_clear(&client->output);
}

void lose_client(struct client *client, const char *why) {
    if (!job->gone || !crowd_is_told()) /* whom a server does not want at first, it never will */
        fail("connection %u is gone: %s", client->number, why);
    close_client(client);
    job->gone(client);
}

static void flush(struct client *client) {
    struct buffer *output = &client->output;
    ssize_t sent = send(client->source.fd, output->bytes, output->size, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN) {
        lose_client(client, strerror(errno));
        return;
    }
    if (sent > 0) {
        memmove(output->bytes, output->bytes + sent, output->size - sent);
        output->size -= sent;
    }
    loop_watch(&client->source, output->size ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void send_bytes(struct client *client, const char *bytes, size_t size) {
    ssize_t sent = 0;

    if (!client->output.size)
        sent = send(client->source.fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0)
        sent = 0; /* what is wrong shows when it is read or written again */
    if ((size_t)sent < size) {
        buffer_add(&client->output, bytes + sent, size - sent);
        loop_watch(&client->source, EPOLLIN | EPOLLOUT);
    }
}

/* What is left of a message that has not come whole is put before what comes next. */
static void receive(struct client *client) {
    static char room[ROOM];
    size_t before = client->input.size;
    ssize_t got;
    size_t used;

    if (before >= ROOM)
        fail("a message to %u is too large", client->number);
    if (before)
        memcpy(room, client->input.bytes, before);
    got = recv(client->source.fd, room + before, ROOM - before, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        lose_client(client, got < 0 ? strerror(errno) : "closed by the server");
        return;
    }
    used = client->protocol->received(client, room, before + got);
    if (client->state != GONE)
        buffer_keep(&client->input, room + used, before + got - used);
}

static void opened(struct client *client) {
    int error = 0;
    socklen_t size = sizeof error;

    getsockopt(client->source.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        lose_client(client, strerror(error));
        return;
    }
    client->state = SHAKING;
    loop_watch(&client->source, EPOLLIN);
    client->protocol->opened(client);
}

static void ready(struct source *source, uint32_t events) {
    struct client *client = (struct client *)source;

    if (client->state == CONNECTING) {
        opened(client);
        return;
    }
    if (events & EPOLLOUT)
        flush(client);
    if (client->state != GONE && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(client);
}

/* Each some thousands come from an address of their own: one has 28,000 ports at most. */
static void bind_source(int fd, unsigned number) {
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000101 + number / A_SOURCE)};
    int on = 1;

    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        fail("bind: %s", strerror(errno));
}

void connect_client(struct client *client, unsigned port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        fail("socket: %s", strerror(errno));
    inet_pton(AF_INET, options.host, &to.sin_addr);
    bind_source(fd, client->number);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client->source.fd = fd;
    client->source.ready = ready;
    client->state = CONNECTING;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        lose_client(client, strerror(errno));
        return;
    }
    loop_watch(&client->source, EPOLLOUT);
}
