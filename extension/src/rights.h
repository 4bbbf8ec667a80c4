/*
 * rights.h: whether a company is one of many.
 */
#ifndef ONEFIN_RIGHTS_H
#define ONEFIN_RIGHTS_H

#include "postgres.h"

#include "utils/array.h"

extern bool of_among(int64 id, const ArrayType *ids);

#endif
