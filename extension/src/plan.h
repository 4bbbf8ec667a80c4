/*
 * plan.h: prepared statements, kept for the life of the backend, one plan per acting role.
 *
 * A plan made under one role must never run under another: row-level security is part of the plan.
 * PostgreSQL notices a change of role and plans anew each time, which is safe but slow where roles
 * take turns on one connection; keeping one plan per role is both.
 */
#ifndef ONEFIN_PLAN_H
#define ONEFIN_PLAN_H

#include "postgres.h"

#include "executor/spi.h"
#include "utils/jsonb.h"

#define OF_MAX_ARGS 16

typedef struct OfPlan {
    Oid role;
    SPIPlanPtr plan;
    struct OfPlan *next;
} OfPlan;

/* A statement's text and parameter types, static in the function that runs it. */
typedef struct OfStatement {
    const char *sql;
    int nargs;
    Oid types[OF_MAX_ARGS];
    OfPlan *plans;
} OfStatement;

/* Parameters of one execution: values with a NULL flag each, filled by the of_arg_ functions. */
typedef struct OfArgs {
    int n;
    Datum values[OF_MAX_ARGS];
    char nulls[OF_MAX_ARGS];
} OfArgs;

extern void of_arg(OfArgs *args, Datum value, bool isnull);
extern void of_arg_id(OfArgs *args, int64 id); /* 0 is NULL */
extern void of_arg_text(OfArgs *args, const char *text);

extern uint64 of_run(OfStatement *statement, const OfArgs *args, bool read_only);
extern uint64 of_run_as_owner(OfStatement *statement, const OfArgs *args, bool read_only);
extern void of_change_row(OfStatement *statement, const OfArgs *args);

extern Datum of_value(OfStatement *statement, const OfArgs *args, bool as_owner, bool read_only);

extern int64 of_result_id(uint64 row, int column); /* NULL is 0 */
extern char *of_result_text(uint64 row, int column);
extern Datum of_result(uint64 row, int column, bool *isnull);
extern Datum of_result_copy(uint64 row, int column, MemoryContext context);

extern void of_return_rows(FunctionCallInfo fcinfo);

/* SPI_connect and SPI_finish that fail loudly. */
extern void of_spi_begin(void);
extern void of_spi_end(void);

#endif
