/*
 * method.c: the functions of schema onefin_api as methods.
 *
 * A method is found in the catalog by its name, once a backend; a change of any function makes all
 * be found anew. One written in C is called as it is, with its defaults where callers leave
 * parameters out. For the others there is one statement for each set of parameters given, with a
 * plan per role (plan.h): SELECT onefin_api.method(name => $1, ...).
 */
#include "postgres.h"

#include "method.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_language_d.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type_d.h"
#include "compat.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
#include "nodes/readfuncs.h"
#include "optimizer/optimizer.h"
#include "plan.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

typedef struct Variant {
    uint32 given; /* bit i: parameter i is in the statement */
    OfStatement statement;
    struct Variant *next;
} Variant;

typedef struct Method {
    char name[NAMEDATALEN]; /* key */
    bool returns_set;
    int nparams;
    int nrequired;
    char *params[OF_MAX_ARGS];
    Oid types[OF_MAX_ARGS];
    bool direct;       /* by its address, below; else by a statement */
    FmgrInfo function; /* fn_oid is set in any case */
    NullableDatum defaults[OF_MAX_ARGS];
    Variant *variants;
} Method;

static HTAB *methods = NULL;
static MemoryContext methods_memory = NULL;
static bool methods_stale = true;

static void on_function_change(Datum arg, int cache, uint32 hash) {
    methods_stale = true;
}

static void free_plans(void) {
    HASH_SEQ_STATUS scan;
    Method *method;

    hash_seq_init(&scan, methods);
    while ((method = hash_seq_search(&scan)) != NULL)
        for (Variant *v = method->variants; v; v = v->next)
            for (OfPlan *p = v->statement.plans; p; p = p->next)
                SPI_freeplan(p->plan);
}

/* An empty table of methods, at first and after a function changed. */
static void start_afresh(void) {
    HASHCTL control = {.keysize = NAMEDATALEN, .entrysize = sizeof(Method)};

    if (methods_memory == NULL) {
        CacheRegisterSyscacheCallback(PROCOID, on_function_change, (Datum)0);
        methods_memory =
            AllocSetContextCreate(TopMemoryContext, "onefin methods", ALLOCSET_DEFAULT_SIZES);
    } else {
        free_plans();
        methods = NULL;
        MemoryContextReset(methods_memory);
    }
    control.hcxt = methods_memory;
    methods = hash_create("onefin methods", 64, &control, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
    methods_stale = false;
}

static void unknown_method(const char *name) {
    ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION), errmsg("no method \"%s\"", name),
                    errhint("The methods are the functions of schema onefin_api.")));
}

/* The function of a name in onefin_api; names there are not overloaded. */
static HeapTuple find_function(const char *name) {
    Oid schema = get_namespace_oid("onefin_api", false);
    CatCList *list = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum(name));
    HeapTuple found = NULL;

    for (int i = 0; i < list->n_members && !found; i++)
        if (((Form_pg_proc)GETSTRUCT(&list->members[i]->tuple))->pronamespace == schema)
            found = heap_copytuple(&list->members[i]->tuple);
    ReleaseSysCacheList(list);
    return found;
}

/* Takes the constants that stand for parameters left out. False when one is no constant. */
static bool take_defaults(HeapTuple function, Method *method) {
    bool isnull;
    Datum list = SysCacheGetAttr(PROCOID, function, Anum_pg_proc_proargdefaults, &isnull);
    int place = method->nrequired;
    ListCell *cell;

    if (isnull)
        return true;
    foreach (cell, (List *)stringToNode(TextDatumGetCString(list))) {
        Node *expression = eval_const_expressions(NULL, lfirst(cell));
        Const *constant = (Const *)expression;

        if (!IsA(expression, Const))
            return false;
        method->defaults[place].isnull = constant->constisnull;
        method->defaults[place].value =
            constant->constisnull
                ? (Datum)0
                : datumCopy(constant->constvalue, constant->constbyval, constant->constlen);
        place++;
    }
    return true;
}

static Method *learn(const char *name) {
    HeapTuple function = find_function(name);
    Form_pg_proc form;
    Method *method;
    Oid *types;
    char **names;
    char *modes;
    MemoryContext old;

    if (function == NULL)
        unknown_method(name);
    form = (Form_pg_proc)GETSTRUCT(function);
    if (form->pronargs > OF_MAX_ARGS)
        elog(ERROR, "onefin_api.%s has more than %d parameters", name, OF_MAX_ARGS);
    old = MemoryContextSwitchTo(methods_memory);
    (void)get_func_arg_info(function, &types, &names, &modes);
    method = hash_search(methods, name, HASH_ENTER, NULL);
    method->returns_set = form->proretset;
    method->nparams = form->pronargs;
    method->nrequired = form->pronargs - form->pronargdefaults;
    method->variants = NULL;
    method->direct =
        form->prolang == ClanguageId && !form->proretset && take_defaults(function, method);
    fmgr_info_cxt(form->oid, &method->function, methods_memory);
    for (int i = 0; i < method->nparams; i++) {
        method->params[i] = names[i];
        method->types[i] = types[i];
    }
    MemoryContextSwitchTo(old);
    return method;
}

static Method *find_method(const char *name) {
    Method *method;

    if (methods_stale)
        start_afresh();
    if (strlen(name) >= NAMEDATALEN)
        unknown_method(name);
    method = hash_search(methods, name, HASH_FIND, NULL);
    return method ? method : learn(name);
}

static void wrong_type(const char *param, const char *wanted) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
             errmsg("parameter \"%s\" is not %s", param, wanted),
             errhint("Give it as JSON of that type, or leave it out where it has a default.")));
}

static char *scalar_text(const JsonbValue *value) {
    if (value->type == jbvNumeric)
        return DatumGetCString(
            DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
    return pnstrdup(value->val.string.val, value->val.string.len);
}

static Datum through_input(const char *text, Oid type) {
    Oid input;
    Oid ioparam;

    getTypeInputInfo(type, &input, &ioparam);
    return OidInputFunctionCall(input, unconstify(char *, text), ioparam, -1);
}

/* Whole numbers as JSON may write them: 7 and 7.0 are, 7.5 and "7" are not. */
static int64 whole_number(const char *param, const JsonbValue *value) {
    Numeric whole;

    if (value->type != jbvNumeric)
        wrong_type(param, "a whole number");
    whole = DatumGetNumeric(
        DirectFunctionCall2(numeric_trunc, NumericGetDatum(value->val.numeric), Int32GetDatum(0)));
    if (!DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(whole),
                                          NumericGetDatum(value->val.numeric))))
        wrong_type(param, "a whole number");
    return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(whole)));
}

static Datum id_array(const char *param, const JsonbValue *value) {
    JsonbIterator *iterator;
    JsonbIteratorToken token;
    JsonbValue element;
    ArrayBuildState *array = initArrayResult(INT8OID, CurrentMemoryContext, false);

    if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
        JsonContainerIsScalar(value->val.binary.data))
        wrong_type(param, "an array of whole numbers");
    iterator = JsonbIteratorInit(value->val.binary.data);
    while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
        if (token == WJB_ELEM)
            array = accumArrayResult(array, Int64GetDatum(whole_number(param, &element)), false,
                                     INT8OID, CurrentMemoryContext);
    return makeArrayResult(array, CurrentMemoryContext);
}

/* A JSON value as a parameter of the type, strictly: no string passes for a number. */
static Datum convert(const char *param, JsonbValue *value, Oid type) {
    switch (type) {
    case INT8OID:
        return Int64GetDatum(whole_number(param, value));
    case INT4OID:
        return DirectFunctionCall1(int84, Int64GetDatum(whole_number(param, value)));
    case NUMERICOID:
        if (value->type != jbvNumeric)
            wrong_type(param, "a number");
        return NumericGetDatum(value->val.numeric);
    case BOOLOID:
        if (value->type != jbvBool)
            wrong_type(param, "true or false");
        return BoolGetDatum(value->val.boolean);
    case INT8ARRAYOID:
        return id_array(param, value);
    case JSONBOID:
        return JsonbPGetDatum(JsonbValueToJsonb(value));
    default:
        if (value->type != jbvString)
            wrong_type(param, "a string");
        return through_input(scalar_text(value), type);
    }
}

static void reject_unknown(const Method *method, Jsonb *params) {
    JsonbIterator *iterator = JsonbIteratorInit(&params->root);
    JsonbIteratorToken token;
    JsonbValue key;

    while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE) {
        bool known = false;

        if (token != WJB_KEY)
            continue;
        for (int i = 0; i < method->nparams; i++)
            known =
                known || (strlen(method->params[i]) == (size_t)key.val.string.len &&
                          memcmp(method->params[i], key.val.string.val, key.val.string.len) == 0);
        if (!known)
            ereport(ERROR,
                    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                     errmsg("\"%s\" takes no parameter \"%s\"", method->name, scalar_text(&key)),
                     errhint("Check the spelling against the method's description.")));
    }
}

/* Fills args with the parameters given, null as left out. Returns which. */
static uint32 read_params(const Method *method, Jsonb *params, OfArgs *args) {
    uint32 given = 0;
    uint32 present = 0;

    if (!JB_ROOT_IS_OBJECT(params))
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("parameters are not an object"),
                 errhint("Parameters are given by name.")));
    for (int i = 0; i < method->nparams; i++) {
        JsonbValue value;

        if (getKeyJsonValueFromContainer(&params->root, method->params[i],
                                         strlen(method->params[i]), &value)) {
            present++;
            if (value.type != jbvNull) {
                of_arg(args, convert(method->params[i], &value, method->types[i]), false);
                given |= 1u << i;
                continue;
            }
        }
        if (i < method->nrequired)
            ereport(ERROR,
                    (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                     errmsg("\"%s\" needs parameter \"%s\"", method->name, method->params[i]),
                     errhint("Parameters are given by name.")));
    }
    if (present < JsonContainerSize(&params->root))
        reject_unknown(method, params);
    return given;
}

static Variant *make_variant(Method *method, uint32 given) {
    MemoryContext old = MemoryContextSwitchTo(methods_memory);
    Variant *variant = palloc0(sizeof(Variant));
    StringInfoData sql;
    int n = 0;

    initStringInfo(&sql);
    appendStringInfo(&sql,
                     method->returns_set ? "SELECT r FROM onefin_api.%s(" : "SELECT onefin_api.%s(",
                     quote_identifier(method->name));
    for (int i = 0; i < method->nparams; i++)
        if (given & (1u << i)) {
            appendStringInfo(&sql, "%s%s => $%d", n ? ", " : "",
                             quote_identifier(method->params[i]), n + 1);
            variant->statement.types[n++] = method->types[i];
        }
    appendStringInfoString(&sql, method->returns_set ? ") r" : ")");
    variant->given = given;
    variant->statement.sql = sql.data;
    variant->statement.nargs = n;
    variant->next = method->variants;
    method->variants = variant;
    MemoryContextSwitchTo(old);
    return variant;
}

static Datum run_by_statement(Method *method, uint32 given, const OfArgs *args) {
    MemoryContext context = CurrentMemoryContext;
    Variant *variant = method->variants;
    Datum result;

    while (variant && variant->given != given)
        variant = variant->next;
    if (variant == NULL)
        variant = make_variant(method, given);
    of_spi_begin();
    if (of_run(&variant->statement, args, false) != 1)
        elog(ERROR, "method %s returned no row", method->name);
    result = of_result_copy(0, 1, context);
    of_spi_end();
    return result;
}

/* As a statement would: with the right to execute, and a snapshot that sees what was done so far.
 */
static Datum run_directly(Method *method, uint32 given, const OfArgs *args) {
    LOCAL_FCINFO(fcinfo, OF_MAX_ARGS);
    int n = 0;
    Datum result;

    if (!of_may_execute(method->function.fn_oid, GetUserId()))
        aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, method->name);
    InitFunctionCallInfoData(*fcinfo, &method->function, method->nparams, DEFAULT_COLLATION_OID,
                             NULL, NULL);
    for (int i = 0; i < method->nparams; i++) {
        fcinfo->args[i] = method->defaults[i];
        if (given & (1u << i)) {
            fcinfo->args[i] = (NullableDatum){.value = args->values[n]};
            n++;
        }
    }
    CommandCounterIncrement();
    PushActiveSnapshot(GetTransactionSnapshot());
    result = FunctionCallInvoke(fcinfo);
    PopActiveSnapshot();
    if (fcinfo->isnull)
        elog(ERROR, "method %s returned nothing", method->name);
    return result;
}

/*
 * Runs a method as the current user; the result is in the caller's memory. Errors: 42883 for an
 * unknown method, 22xxx for parameters, and whatever the method raises.
 */
Datum of_method_run(const char *name, Jsonb *params) {
    Method *method = find_method(name);
    OfArgs args = {0};
    uint32 given = read_params(method, params, &args);

    return (method->direct ? run_directly : run_by_statement)(method, given, &args);
}
