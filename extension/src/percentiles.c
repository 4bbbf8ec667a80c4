/*
 * percentiles.c: the aggregate onefin.percentiles(), percentile_cont() over arrays of whole
 * numbers.
 *
 * All values are put together, and those that are asked for are selected: a month's durations need
 * not be sorted for its median.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include <math.h>

typedef struct Percentiles {
    int64 *values;
    int64 n;
    int64 room;
    float8 *fractions;
    int nfractions;
} Percentiles;

static float8 *read_fractions(ArrayType *array, int n) {
    float8 *fractions = palloc(sizeof(float8) * Max(n, 1));

    if (ARR_HASNULL(array))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a fraction is NULL")));
    memcpy(fractions, ARR_DATA_PTR(array), sizeof(float8) * n);
    for (int i = 0; i < n; i++)
        if (!(fractions[i] >= 0 && fractions[i] <= 1))
            ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
                            errmsg("a fraction is between 0 and 1, not %g", fractions[i])));
    return fractions;
}

static Percentiles *begin(ArrayType *fractions, MemoryContext context) {
    MemoryContext before = MemoryContextSwitchTo(context);
    Percentiles *state = palloc0(sizeof(Percentiles));

    state->room = 256;
    state->values = palloc(sizeof(int64) * state->room);
    state->nfractions = ArrayGetNItems(ARR_NDIM(fractions), ARR_DIMS(fractions));
    state->fractions = read_fractions(fractions, state->nfractions);
    MemoryContextSwitchTo(before);
    return state;
}

static void add(Percentiles *state, const ArrayType *array) {
    int n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

    if (ARR_HASNULL(array))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("a value is NULL")));
    if (state->n + n > state->room) {
        state->room = Max(2 * state->room, state->n + n);
        state->values = repalloc_huge(state->values, sizeof(int64) * state->room);
    }
    memcpy(state->values + state->n, ARR_DATA_PTR(array), sizeof(int64) * n);
    state->n += n;
}

/* Arguments: the state, values, fractions. Those of the first call that has both count. */
PG_FUNCTION_INFO_V1(onefin_percentiles_add);
Datum onefin_percentiles_add(PG_FUNCTION_ARGS) {
    Percentiles *state = PG_ARGISNULL(0) ? NULL : (Percentiles *)PG_GETARG_POINTER(0);
    MemoryContext context;

    if (!AggCheckCallContext(fcinfo, &context))
        elog(ERROR, "percentiles_add was not called as an aggregate");
    if (PG_ARGISNULL(1) || PG_ARGISNULL(2)) {
        if (state == NULL)
            PG_RETURN_NULL();
        PG_RETURN_POINTER(state);
    }
    if (state == NULL)
        state = begin(PG_GETARG_ARRAYTYPE_P(2), context);
    add(state, PG_GETARG_ARRAYTYPE_P(1));
    PG_RETURN_POINTER(state);
}

static inline void swap(int64 *a, int64 *b) {
    int64 kept = *a;

    *a = *b;
    *b = kept;
}

/* The value of a rank (from 0), by quickselect. All before it are not greater then, all behind it
 * not smaller. */
static int64 select_rank(int64 *values, int64 n, int64 rank) {
    int64 from = 0;
    int64 to = n - 1;

    while (from < to) {
        int64 pivot = values[from + (to - from) / 2];
        int64 low = from;
        int64 high = to;

        CHECK_FOR_INTERRUPTS();
        while (low <= high) {
            while (values[low] < pivot)
                low++;
            while (values[high] > pivot)
                high--;
            if (low <= high)
                swap(&values[low++], &values[high--]);
        }
        if (rank <= high)
            to = high;
        else if (rank >= low)
            from = low;
        else
            break;
    }
    return values[rank];
}

/* The fraction of the values lies at or below it, between two of them in proportion. */
static float8 percentile(const Percentiles *state, float8 fraction) {
    float8 place = fraction * (float8)(state->n - 1);
    int64 rank = (int64)floor(place);
    int64 value = select_rank(state->values, state->n, rank);
    int64 next;

    if (rank == (int64)ceil(place))
        return (float8)value;
    next = state->values[rank + 1];
    for (int64 i = rank + 2; i < state->n; i++)
        next = Min(next, state->values[i]);
    return (float8)value + (place - (float8)rank) * ((float8)next - (float8)value);
}

PG_FUNCTION_INFO_V1(onefin_percentiles_end);
Datum onefin_percentiles_end(PG_FUNCTION_ARGS) {
    const Percentiles *state = PG_ARGISNULL(0) ? NULL : (const Percentiles *)PG_GETARG_POINTER(0);
    Datum *values;

    if (state == NULL || state->n == 0)
        PG_RETURN_NULL();
    values = palloc(sizeof(Datum) * Max(state->nfractions, 1));
    for (int i = 0; i < state->nfractions; i++)
        values[i] = Float8GetDatum(percentile(state, state->fractions[i]));
    PG_RETURN_ARRAYTYPE_P(construct_array(values, state->nfractions, FLOAT8OID, sizeof(float8),
                                          FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
