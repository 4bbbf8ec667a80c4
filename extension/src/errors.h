/*
 * errors.h: SQLSTATEs of our own, and how an SQLSTATE becomes a JSON-RPC code.
 */
#ifndef ONEFIN_ERRORS_H
#define ONEFIN_ERRORS_H

#include "postgres.h"
#include "utils/elog.h"

/* An edit made from a version that is no longer the newest. Class 40, as serialization_failure is:
 * read again, then repeat. */
#define ERRCODE_ONEFIN_STALE_VERSION MAKE_SQLSTATE('4', '0', 'O', 'F', '1')

/* A login of an account that has all the sessions it may have. A limit, as class 54 is, which no
 * waiting helps with. */
#define ERRCODE_ONEFIN_TOO_MANY_SESSIONS MAKE_SQLSTATE('5', '4', 'O', 'F', '1')

/* JSON-RPC error codes of the protocol (gateway/README.md); -32768..-32600 are JSON-RPC 2.0's. */
#define OF_RPC_METHOD_NOT_FOUND (-32601)
#define OF_RPC_INVALID_PARAMS   (-32602)
#define OF_RPC_NOT_LOGGED_IN    (-32001)
#define OF_RPC_NOT_ALLOWED      (-32002)
#define OF_RPC_NOT_FOUND        (-32003)
#define OF_RPC_STALE            (-32004)
#define OF_RPC_CONFLICT         (-32005)
#define OF_RPC_LIMIT            (-32006)
#define OF_RPC_UNAVAILABLE      (-32007)

extern int of_rpc_code(int sqlstate);

#endif
