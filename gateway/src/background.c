/*
 * background.c - one thread, a queue to it and one back, both under one lock; ev_async wakes the
 * loop. A task in a queue belongs to the thread until it is back in the loop.
 */
#include "background.h"
#include "compat.h"
#include "log.h"

#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

struct queue {
    struct background_task *first, **end;
};

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue waiting, finished;
    bool stopping;
    ev_async async;
} background;

static void put(struct queue *queue, struct background_task *task) {
    task->next = NULL;
    *queue->end = task;
    queue->end = &task->next;
}

static struct background_task *take(struct queue *queue) {
    struct background_task *task = queue->first;

    if (task) {
        queue->first = task->next;
        if (!queue->first)
            queue->end = &queue->first;
    }
    return task;
}

static void *run(void *nothing UNUSED) {
    struct background_task *task;

    pthread_mutex_lock(&background.lock);
    for (;;) {
        while (!(task = take(&background.waiting)) && !background.stopping)
            pthread_cond_wait(&background.wake, &background.lock);
        if (!task)
            break;
        pthread_mutex_unlock(&background.lock);
        task->work(task);
        pthread_mutex_lock(&background.lock);
        put(&background.finished, task);
        ev_async_send(EV_DEFAULT_ & background.async);
    }
    pthread_mutex_unlock(&background.lock);
    return NULL;
}

static void tell_finished(void) {
    struct background_task *task;

    for (;;) {
        pthread_mutex_lock(&background.lock);
        task = take(&background.finished);
        pthread_mutex_unlock(&background.lock);
        if (!task)
            break;
        task->done(task);
    }
}

static void on_finished(EV_P UNUSED, ev_async *async UNUSED, int events UNUSED) {
    tell_finished();
}

bool background_start(void) {
    sigset_t all, before;
    int error;

    background.waiting.end = &background.waiting.first;
    background.finished.end = &background.finished.first;
    pthread_mutex_init(&background.lock, NULL);
    pthread_cond_init(&background.wake, NULL);
    ev_async_init(&background.async, on_finished);
    ev_async_start(EV_DEFAULT_ & background.async);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&background.thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        log_error("no thread for temporary files: %s", strerror(error));
    return !error;
}

void background_run(struct background_task *task) {
    if (background.stopping) { /* there is no thread, and nobody who would wait */
        task->work(task);
        task->done(task);
        return;
    }
    pthread_mutex_lock(&background.lock);
    put(&background.waiting, task);
    pthread_cond_signal(&background.wake);
    pthread_mutex_unlock(&background.lock);
}

void background_stop(void) {
    pthread_mutex_lock(&background.lock);
    background.stopping = true;
    pthread_cond_signal(&background.wake);
    pthread_mutex_unlock(&background.lock);
    pthread_join(background.thread, NULL);
    tell_finished();
    ev_async_stop(EV_DEFAULT_ & background.async);
}
