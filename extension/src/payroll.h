/*
 * payroll.h: who asks what a month pays.
 */
#ifndef ONEFIN_PAYROLL_H
#define ONEFIN_PAYROLL_H

#include "plan.h"

extern void of_arg_viewer(OfArgs *args);

#endif
