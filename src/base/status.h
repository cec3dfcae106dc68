/* base/status.h: one vocabulary of outcomes from socket to Python exception. */
#ifndef DBK_BASE_STATUS_H
#define DBK_BASE_STATUS_H

/* The values are those of KernelStatusCode in databricks_kernel.h (abi/ asserts it). */
#define DBK_STATUS_MAP(X)                           \
    X(OK, 0, "Success")                             \
    X(INVALID_ARGUMENT, 1, "InvalidArgument")       \
    X(UNAUTHENTICATED, 2, "Unauthenticated")        \
    X(PERMISSION_DENIED, 3, "PermissionDenied")     \
    X(NOT_FOUND, 4, "NotFound")                     \
    X(RESOURCE_EXHAUSTED, 5, "ResourceExhausted")   \
    X(UNAVAILABLE, 6, "Unavailable")                \
    X(TIMEOUT, 7, "Timeout")                        \
    X(CANCELLED, 8, "Cancelled")                    \
    X(DATA_LOSS, 9, "DataLoss")                     \
    X(INTERNAL, 10, "Internal")                     \
    X(INVALID_HANDLE, 11, "InvalidStatementHandle") \
    X(NETWORK, 12, "NetworkError")                  \
    X(SQL, 13, "SqlError")

typedef enum dbk_status {
#define DBK_STATUS_ENUM(name, value, text) DBK_##name = (value),
    DBK_STATUS_MAP(DBK_STATUS_ENUM)
#undef DBK_STATUS_ENUM
} dbk_status;

const char *dbk_status_name(dbk_status st); /* "Timeout"; never NULL */

#endif
