/*
 * among.c: whether a company is one of many, as a condition that the planner understands.
 *
 * The policies of messages ask it of every row. `org_id = ANY (...)` says the same, but for it the
 * planner expects one row in a hundred to pass: it then reads the whole topic and sorts, for a page
 * of 50. Who reads a topic mostly may, so that it is to expect that all rows pass. And an id is
 * looked for by halving, not from one end.
 */
#include "postgres.h"

#include "among.h"

#include "fmgr.h"
#include "nodes/supportnodes.h"

/* ids ascend; where they do not, an id may be missed, and none is found that is not there. */
bool of_among(int64 id, const ArrayType *ids) {
    const int64 *values = (const int64 *)ARR_DATA_PTR(ids);
    int from = 0;
    int to = ARR_HASNULL(ids) ? 0 : ArrayGetNItems(ARR_NDIM(ids), ARR_DIMS(ids));

    while (from < to) {
        int middle = from + (to - from) / 2;

        if (values[middle] == id)
            return true;
        if (values[middle] < id)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

PG_FUNCTION_INFO_V1(onefin_among);
Datum onefin_among(PG_FUNCTION_ARGS) {
    PG_RETURN_BOOL(of_among(PG_GETARG_INT64(0), PG_GETARG_ARRAYTYPE_P(1)));
}

PG_FUNCTION_INFO_V1(onefin_among_support);
Datum onefin_among_support(PG_FUNCTION_ARGS) {
    Node *request = (Node *)PG_GETARG_POINTER(0);

    if (!IsA(request, SupportRequestSelectivity))
        PG_RETURN_POINTER(NULL);
    ((SupportRequestSelectivity *)request)->selectivity = 1.0;
    PG_RETURN_POINTER(request);
}
