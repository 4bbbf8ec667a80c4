/*
 * among.h: whether a company is one of many.
 */
#ifndef ONEFIN_AMONG_H
#define ONEFIN_AMONG_H

#include "postgres.h"

#include "utils/array.h"

extern bool of_among(int64 id, const ArrayType *ids);

#endif
