/*
 * method.h: the functions of schema onefin_api as methods.
 */
#ifndef ONEFIN_METHOD_H
#define ONEFIN_METHOD_H

#include "postgres.h"

#include "utils/jsonb.h"

extern Datum of_method_run(const char *name, Jsonb *params);

#endif
