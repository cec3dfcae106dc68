/* drivers/adbc/adbc_abi.h: the binary interface of ADBC 1.1.0 (and 1.0.0), as declarations.
 *
 * No distribution has a package with the header, so the facts of the interface (order and types of the
 * fields, names and numbers) are written down here; the sizes are asserted below, and
 * tests/adbc/test_adbc_abi.py compares every offset, number and signature with the header that the
 * wheel of the Python driver manager carries. The Arrow structs come from dbkernel.h. */
#ifndef DBK_ADBC_ABI_H
#define DBK_ADBC_ABI_H

#include "dbkernel.h"

#define ADBC_EXPORT __attribute__((visibility("default")))

typedef uint8_t AdbcStatusCode;
enum {
    ADBC_STATUS_OK = 0,
    ADBC_STATUS_UNKNOWN = 1,
    ADBC_STATUS_NOT_IMPLEMENTED = 2,
    ADBC_STATUS_NOT_FOUND = 3,
    ADBC_STATUS_ALREADY_EXISTS = 4,
    ADBC_STATUS_INVALID_ARGUMENT = 5,
    ADBC_STATUS_INVALID_STATE = 6,
    ADBC_STATUS_INVALID_DATA = 7,
    ADBC_STATUS_INTEGRITY = 8,
    ADBC_STATUS_INTERNAL = 9,
    ADBC_STATUS_IO = 10,
    ADBC_STATUS_CANCELLED = 11,
    ADBC_STATUS_TIMEOUT = 12,
    ADBC_STATUS_UNAUTHENTICATED = 13,
    ADBC_STATUS_UNAUTHORIZED = 14
};

#define ADBC_VERSION_1_0_0 1000000
#define ADBC_VERSION_1_1_0 1001000

/* In vendor_code, at entry: the caller's AdbcError has the fields of 1.1.0. */
#define ADBC_ERROR_VENDOR_CODE_PRIVATE_DATA INT32_MIN

struct AdbcDriver;

struct AdbcError {
    char *message;
    int32_t vendor_code;
    char sqlstate[5];
    void (*release)(struct AdbcError *error);
    void *private_data; /* from here on: 1.1.0 */
    struct AdbcDriver *private_driver;
};

struct AdbcErrorDetail {
    const char *key;
    const uint8_t *value;
    size_t value_length;
};

struct AdbcDatabase {
    void *private_data;
    struct AdbcDriver *private_driver;
};

struct AdbcConnection {
    void *private_data;
    struct AdbcDriver *private_driver;
};

struct AdbcStatement {
    void *private_data;
    struct AdbcDriver *private_driver;
};

struct AdbcPartitions {
    size_t num_partitions;
    const uint8_t **partitions;
    const size_t *partition_lengths;
    void *private_data;
    void (*release)(struct AdbcPartitions *partitions);
};

/* Every function: the name after "Adbc", its arguments before the AdbcError. The order is that of the
 * fields of AdbcDriver. Three families of 1.1.0 are declared by hand below: they take no AdbcError. */
#define ADBC_FUNCTIONS_1_0_0(X)                                                                    \
    X(DatabaseInit, struct AdbcDatabase *)                                                         \
    X(DatabaseNew, struct AdbcDatabase *)                                                          \
    X(DatabaseSetOption, struct AdbcDatabase *, const char *, const char *)                        \
    X(DatabaseRelease, struct AdbcDatabase *)                                                      \
    X(ConnectionCommit, struct AdbcConnection *)                                                   \
    X(ConnectionGetInfo, struct AdbcConnection *, const uint32_t *, size_t,                        \
      struct ArrowArrayStream *)                                                                   \
    X(ConnectionGetObjects, struct AdbcConnection *, int, const char *, const char *,              \
      const char *, const char **, const char *, struct ArrowArrayStream *)                        \
    X(ConnectionGetTableSchema, struct AdbcConnection *, const char *, const char *, const char *, \
      struct ArrowSchema *)                                                                        \
    X(ConnectionGetTableTypes, struct AdbcConnection *, struct ArrowArrayStream *)                 \
    X(ConnectionInit, struct AdbcConnection *, struct AdbcDatabase *)                              \
    X(ConnectionNew, struct AdbcConnection *)                                                      \
    X(ConnectionSetOption, struct AdbcConnection *, const char *, const char *)                    \
    X(ConnectionReadPartition, struct AdbcConnection *, const uint8_t *, size_t,                   \
      struct ArrowArrayStream *)                                                                   \
    X(ConnectionRelease, struct AdbcConnection *)                                                  \
    X(ConnectionRollback, struct AdbcConnection *)                                                 \
    X(StatementBind, struct AdbcStatement *, struct ArrowArray *, struct ArrowSchema *)            \
    X(StatementBindStream, struct AdbcStatement *, struct ArrowArrayStream *)                      \
    X(StatementExecuteQuery, struct AdbcStatement *, struct ArrowArrayStream *, int64_t *)         \
    X(StatementExecutePartitions, struct AdbcStatement *, struct ArrowSchema *,                    \
      struct AdbcPartitions *, int64_t *)                                                          \
    X(StatementGetParameterSchema, struct AdbcStatement *, struct ArrowSchema *)                   \
    X(StatementNew, struct AdbcConnection *, struct AdbcStatement *)                               \
    X(StatementPrepare, struct AdbcStatement *)                                                    \
    X(StatementRelease, struct AdbcStatement *)                                                    \
    X(StatementSetOption, struct AdbcStatement *, const char *, const char *)                      \
    X(StatementSetSqlQuery, struct AdbcStatement *, const char *)                                  \
    X(StatementSetSubstraitPlan, struct AdbcStatement *, const uint8_t *, size_t)

#define ADBC_OPTION_FUNCTIONS(X, Object)                                                \
    X(Object##GetOption, struct Adbc##Object *, const char *, char *, size_t *)         \
    X(Object##GetOptionBytes, struct Adbc##Object *, const char *, uint8_t *, size_t *) \
    X(Object##GetOptionDouble, struct Adbc##Object *, const char *, double *)           \
    X(Object##GetOptionInt, struct Adbc##Object *, const char *, int64_t *)

#define ADBC_SET_FUNCTIONS(X, Object)                                                       \
    X(Object##SetOptionBytes, struct Adbc##Object *, const char *, const uint8_t *, size_t) \
    X(Object##SetOptionDouble, struct Adbc##Object *, const char *, double)                 \
    X(Object##SetOptionInt, struct Adbc##Object *, const char *, int64_t)

#define ADBC_FUNCTIONS_1_1_0(X)                                                                   \
    ADBC_OPTION_FUNCTIONS(X, Database)                                                            \
    ADBC_SET_FUNCTIONS(X, Database)                                                               \
    X(ConnectionCancel, struct AdbcConnection *)                                                  \
    ADBC_OPTION_FUNCTIONS(X, Connection)                                                          \
    X(ConnectionGetStatistics, struct AdbcConnection *, const char *, const char *, const char *, \
      char, struct ArrowArrayStream *)                                                            \
    X(ConnectionGetStatisticNames, struct AdbcConnection *, struct ArrowArrayStream *)            \
    ADBC_SET_FUNCTIONS(X, Connection)                                                             \
    X(StatementCancel, struct AdbcStatement *)                                                    \
    X(StatementExecuteSchema, struct AdbcStatement *, struct ArrowSchema *)                       \
    ADBC_OPTION_FUNCTIONS(X, Statement)                                                           \
    ADBC_SET_FUNCTIONS(X, Statement)

#define ADBC_FIELD(name, ...) AdbcStatusCode (*name)(__VA_ARGS__, struct AdbcError *);
#define ADBC_DECLARE(name, ...) \
    ADBC_EXPORT AdbcStatusCode Adbc##name(__VA_ARGS__, struct AdbcError *);

struct AdbcDriver {
    void *private_data;
    void *private_manager;
    AdbcStatusCode (*release)(struct AdbcDriver *driver, struct AdbcError *error);
    ADBC_FUNCTIONS_1_0_0(ADBC_FIELD)
    int (*ErrorGetDetailCount)(const struct AdbcError *error); /* from here on: 1.1.0 */
    struct AdbcErrorDetail (*ErrorGetDetail)(const struct AdbcError *error, int index);
    const struct AdbcError *(*ErrorFromArrayStream)(struct ArrowArrayStream *stream,
                                                    AdbcStatusCode *status);
    ADBC_FUNCTIONS_1_1_0(ADBC_FIELD)
};

#define ADBC_ERROR_1_0_0_SIZE  offsetof(struct AdbcError, private_data)
#define ADBC_DRIVER_1_0_0_SIZE offsetof(struct AdbcDriver, ErrorGetDetailCount)

#if UINTPTR_MAX > 0xFFFFFFFFu
_Static_assert(sizeof(struct AdbcError) == 48 && ADBC_ERROR_1_0_0_SIZE == 32, "AdbcError");
_Static_assert(sizeof(struct AdbcDriver) == 464 && ADBC_DRIVER_1_0_0_SIZE == 232, "AdbcDriver");
_Static_assert(sizeof(struct AdbcPartitions) == 40, "AdbcPartitions");
#endif

ADBC_FUNCTIONS_1_0_0(ADBC_DECLARE)
ADBC_FUNCTIONS_1_1_0(ADBC_DECLARE)
ADBC_EXPORT int AdbcErrorGetDetailCount(const struct AdbcError *error);
ADBC_EXPORT struct AdbcErrorDetail AdbcErrorGetDetail(const struct AdbcError *error, int index);
ADBC_EXPORT const struct AdbcError *AdbcErrorFromArrayStream(struct ArrowArrayStream *stream,
                                                             AdbcStatusCode *status);
ADBC_EXPORT AdbcStatusCode AdbcDriverInit(int version, void *driver, struct AdbcError *error);
/* What managers look for in a file of this name, and what the Rust driver is called. */
ADBC_EXPORT AdbcStatusCode AdbcDriverDatabricksInit(int version, void *driver,
                                                    struct AdbcError *error);
ADBC_EXPORT AdbcStatusCode AdbcDatabricksInit(int version, void *driver, struct AdbcError *error);

/* ---- what stands in GetInfo, GetObjects and GetStatistics ---- */

enum {
    ADBC_INFO_VENDOR_NAME = 0,
    ADBC_INFO_VENDOR_VERSION = 1,
    ADBC_INFO_VENDOR_SQL = 3,
    ADBC_INFO_VENDOR_SUBSTRAIT = 4,
    ADBC_INFO_DRIVER_NAME = 100,
    ADBC_INFO_DRIVER_VERSION = 101,
    ADBC_INFO_DRIVER_ARROW_VERSION = 102,
    ADBC_INFO_DRIVER_ADBC_VERSION = 103
};

enum {
    ADBC_OBJECT_DEPTH_ALL = 0, /* columns */
    ADBC_OBJECT_DEPTH_CATALOGS = 1,
    ADBC_OBJECT_DEPTH_DB_SCHEMAS = 2,
    ADBC_OBJECT_DEPTH_TABLES = 3
};

enum {
    ADBC_STATISTIC_AVERAGE_BYTE_WIDTH_KEY = 0,
    ADBC_STATISTIC_DISTINCT_COUNT_KEY = 1,
    ADBC_STATISTIC_MAX_BYTE_WIDTH_KEY = 2,
    ADBC_STATISTIC_MAX_VALUE_KEY = 3,
    ADBC_STATISTIC_MIN_VALUE_KEY = 4,
    ADBC_STATISTIC_NULL_COUNT_KEY = 5,
    ADBC_STATISTIC_ROW_COUNT_KEY = 6
};

#endif
