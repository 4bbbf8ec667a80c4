/*
 * rights.c: the two questions that the policies ask of a row of conversation: who may read it, and
 * who may post it.
 */
#include "postgres.h"

#include "rights.h"

#include "fmgr.h"
#include "identity.h"
#include "nodes/supportnodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

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

static bool is_for_all(const text *visibility) {
    return VARSIZE_ANY_EXHDR(visibility) == 3 && memcmp(VARDATA_ANY(visibility), "all", 3) == 0;
}

/* Whose rights a statement reads with: found at its first row. */
typedef struct Reader {
    const ArrayType *orgs; /* NULL: nobody's of the role asked for */
    bool notes;
} Reader;

static Reader *begin_reading(FmgrInfo *function, text *role) {
    const OfActor *actor = of_actor();
    Reader *reader = MemoryContextAllocZero(function->fn_mcxt, sizeof(Reader));
    MemoryContext before = MemoryContextSwitchTo(function->fn_mcxt);

    if (actor->role == of_role_by_name(text_to_cstring(role)))
        reader->orgs = of_my_orgs(actor);
    reader->notes = actor->role != OF_CLIENT;
    MemoryContextSwitchTo(before);
    function->fn_extra = reader;
    return reader;
}

/*
 * Who may read what of the companies' conversations: the role named, in the companies that it sees,
 * notes only as staff. A policy asks it of each row of a statement: the rights are found once, with
 * its first row. That is cheaper than a sub-select for them, of which the plan, its start and each
 * row pay a part: a tenth of a page of 50 messages.
 */
PG_FUNCTION_INFO_V1(onefin_may_read);
Datum onefin_may_read(PG_FUNCTION_ARGS) {
    const Reader *reader = fcinfo->flinfo->fn_extra;

    if (reader == NULL)
        reader = begin_reading(fcinfo->flinfo, PG_GETARG_TEXT_PP(0));
    PG_RETURN_BOOL(reader->orgs && of_among(PG_GETARG_INT64(1), reader->orgs) &&
                   (reader->notes || is_for_all(PG_GETARG_TEXT_PP(2))));
}

/*
 * Who reads a topic mostly may, so the planner is to expect that all rows pass. By its own guess it
 * would read and sort the whole topic for a page of 50.
 */
PG_FUNCTION_INFO_V1(onefin_may_read_support);
Datum onefin_may_read_support(PG_FUNCTION_ARGS) {
    Node *request = (Node *)PG_GETARG_POINTER(0);

    if (!IsA(request, SupportRequestSelectivity))
        PG_RETURN_POINTER(NULL);
    ((SupportRequestSelectivity *)request)->selectivity = 1.0;
    PG_RETURN_POINTER(request);
}

/*
 * Who may post what: as oneself, into a company that one sees, and a note only as staff. Asked for
 * the one row of a send, it is cheaper than the sets that policies for reading compare with.
 */
PG_FUNCTION_INFO_V1(onefin_may_post);
Datum onefin_may_post(PG_FUNCTION_ARGS) {
    const OfActor *actor = of_actor();

    PG_RETURN_BOOL(actor->account != 0 && actor->account == PG_GETARG_INT64(1) &&
                   of_sees_org(actor, PG_GETARG_INT64(0)) &&
                   (actor->role != OF_CLIENT || is_for_all(PG_GETARG_TEXT_PP(2))));
}
