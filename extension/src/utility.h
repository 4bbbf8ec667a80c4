/*
 * utility.h: what onefin does around utility statements.
 */
#ifndef ONEFIN_UTILITY_H
#define ONEFIN_UTILITY_H

extern void of_utility_init(void);
extern char *of_utility_text(void);

#endif
