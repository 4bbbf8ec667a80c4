/*
 * background.h - work that blocks (files), done in a thread of its own.
 *
 * A task is embedded in what it works on, which must last until `done` was called: there is no way
 * to call it back. Tasks are done one after the other, in the order they came.
 */
#pragma once

#include <stdbool.h>

struct background_task {
    struct background_task *next;               /* background.c's */
    void (*work)(struct background_task *task); /* in the thread: may touch the task's owner only */
    void (*done)(struct background_task *task); /* in the loop */
};

/* Says why and returns false when there is no thread. */
bool background_start(void);

void background_run(struct background_task *task);

/* Ends the thread when all work is done, and every task's `done` was called. What is to be run later
 * is done at once. */
void background_stop(void);
