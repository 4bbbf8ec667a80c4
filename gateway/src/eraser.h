/*
 * eraser.h - removes objects that are nobody's any more from the store.
 */
#pragma once

void eraser_start(void);

/* There may be some: looks now, or once more after the round under way. */
void eraser_look(void);

/* Before the database is stopped. */
void eraser_stop(void);
