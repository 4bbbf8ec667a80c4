/* rpc_codes.h - the error codes of the protocol that the gateway itself gives; gateway/README.md
 * lists all of them. */
#pragma once

enum rpc_code {
    RPC_PARSE = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_UNKNOWN_METHOD = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL = -32603,
    RPC_NOT_LOGGED_IN = -32001,
    RPC_NOT_ALLOWED = -32002,
    RPC_NOT_FOUND = -32003,
    RPC_STALE = -32004,
    RPC_CONFLICT = -32005,
    RPC_LIMIT = -32006,
    RPC_UNAVAILABLE = -32007,
};
