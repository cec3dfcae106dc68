#include "odbc.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* iODBC calls with wchar_t (4 bytes), unixODBC with 16 bits. Who calls is told by the file the caller's
 * code is in: a look-up of symbols would find the manager that some other part of the process uses. */
unsigned env_unit_of_caller(void *caller) {
    const char *forced = getenv("DATABRICKS_ODBC_ENCODING");
    if (forced != NULL && forced[0] != '\0') {
        return strstr(forced, "32") != NULL ? 4 : strstr(forced, "16") != NULL ? 2 : 1;
    }
    Dl_info info = {0};
    if (dladdr(caller, &info) != 0 && info.dli_fname != NULL &&
        strcasestr(info.dli_fname, "iodbc") != NULL) {
        return 4;
    }
    return 2;
}

SQLRETURN env_set_attr(env *e, SQLINTEGER attr, SQLPOINTER value) {
    SQLUINTEGER number = (SQLUINTEGER)(uintptr_t)value;
    switch (attr) {
    case SQL_ATTR_ODBC_VERSION:
        if (number != SQL_OV_ODBC2 && number != SQL_OV_ODBC3 && number != SQL_OV_ODBC3_80) {
            return fail(&e->h, "HY024", "ODBC version %u is not known.", number);
        }
        e->version = (SQLINTEGER)number;
        return SQL_SUCCESS;
    case SQL_ATTR_OUTPUT_NTS:
        return number == SQL_TRUE ? SQL_SUCCESS
                                  : fail(&e->h, "HYC00", "Texts always end with a NUL here.");
    case SQL_ATTR_CONNECTION_POOLING:
        e->pooling = number;
        return SQL_SUCCESS;
    case SQL_ATTR_CP_MATCH:
        e->cp_match = number;
        return SQL_SUCCESS;
    default:
        return fail(&e->h, "HY092", "There is no environment attribute %d.", (int)attr);
    }
}

SQLRETURN env_get_attr(env *e, SQLINTEGER attr, SQLPOINTER value, SQLINTEGER *length) {
    value_out out = {.data = value, .unit = 1, .length32 = length};
    switch (attr) {
    case SQL_ATTR_ODBC_VERSION:
        return value_give(&e->h, &out, value_number(V_I32, e->version));
    case SQL_ATTR_OUTPUT_NTS:
        return value_give(&e->h, &out, value_number(V_I32, SQL_TRUE));
    case SQL_ATTR_CONNECTION_POOLING:
        return value_give(&e->h, &out, value_number(V_U32, e->pooling));
    case SQL_ATTR_CP_MATCH:
        return value_give(&e->h, &out, value_number(V_U32, e->cp_match));
    default:
        return fail(&e->h, "HY092", "There is no environment attribute %d.", (int)attr);
    }
}
