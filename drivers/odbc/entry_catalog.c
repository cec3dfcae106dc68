#include "entry.h"

/* Exported: the catalog functions. They differ only in which names they take. */

typedef struct given { /* a name as the application gave it */
    const void *text;
    SQLLEN length;
} given;

enum { NAMES_MAX = 6 };

static SQLRETURN catalog(SQLHSTMT p, bool wide, SQLUSMALLINT fn, catalog_fn what,
                         const given names[NAMES_MAX], SQLUSMALLINT option) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, fn, &s);
    if (rc != SQL_SUCCESS) {
        return rc;
    }
    if (s->async_fn != 0) {
        return stmt_leave(s, op_drive(s, fn, SQL_STILL_EXECUTING));
    }
    arg a[NAMES_MAX];
    unsigned unit = unit_of(p, SQL_HANDLE_STMT, wide);
    for (size_t i = 0; i < NAMES_MAX; i++) {
        arg_take(&a[i], names[i].text, names[i].length, unit);
        rc = rc == SQL_SUCCESS ? arg_check(&s->h, &a[i]) : rc;
    }
    if (rc == SQL_SUCCESS) {
        catalog_args args = {
            .catalog = a[0].text, .schema = a[1].text, .object = a[2].text, .option = option};
        if (what == CAT_FOREIGN_KEYS) {
            args.catalog2 = a[3].text;
            args.schema2 = a[4].text;
            args.object2 = a[5].text;
        } else if (what == CAT_TABLES) {
            args.types = a[3].text;
        } else {
            args.column = a[3].text;
        }
        rc = op_drive(s, fn, catalog_run(s, what, &args));
        if (rc == SQL_ERROR && stmt_recover(s)) {
            rc = op_drive(s, fn, catalog_run(s, what, &args));
        }
    }
    for (size_t i = 0; i < NAMES_MAX; i++) {
        arg_end(&a[i]);
    }
    return stmt_leave(s, rc);
}

ODBC_EXPORT SQLRETURN SQL_API SQLTables(SQLHSTMT p, SQLCHAR *catalog_name,
                                        SQLSMALLINT catalog_length, SQLCHAR *schema,
                                        SQLSMALLINT schema_length, SQLCHAR *object,
                                        SQLSMALLINT object_length, SQLCHAR *types,
                                        SQLSMALLINT types_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length},
                                    {schema, schema_length},
                                    {object, object_length},
                                    {types, types_length}};
    return catalog(p, false, SQL_API_SQLTABLES, CAT_TABLES, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLTablesW(SQLHSTMT p, SQLWCHAR *catalog_name,
                                         SQLSMALLINT catalog_length, SQLWCHAR *schema,
                                         SQLSMALLINT schema_length, SQLWCHAR *object,
                                         SQLSMALLINT object_length, SQLWCHAR *types,
                                         SQLSMALLINT types_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length},
                                    {schema, schema_length},
                                    {object, object_length},
                                    {types, types_length}};
    return catalog(p, true, SQL_API_SQLTABLES, CAT_TABLES, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLColumns(SQLHSTMT p, SQLCHAR *catalog_name,
                                         SQLSMALLINT catalog_length, SQLCHAR *schema,
                                         SQLSMALLINT schema_length, SQLCHAR *object,
                                         SQLSMALLINT object_length, SQLCHAR *field,
                                         SQLSMALLINT column_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length},
                                    {schema, schema_length},
                                    {object, object_length},
                                    {field, column_length}};
    return catalog(p, false, SQL_API_SQLCOLUMNS, CAT_COLUMNS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLColumnsW(SQLHSTMT p, SQLWCHAR *catalog_name,
                                          SQLSMALLINT catalog_length, SQLWCHAR *schema,
                                          SQLSMALLINT schema_length, SQLWCHAR *object,
                                          SQLSMALLINT object_length, SQLWCHAR *field,
                                          SQLSMALLINT column_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length},
                                    {schema, schema_length},
                                    {object, object_length},
                                    {field, column_length}};
    return catalog(p, true, SQL_API_SQLCOLUMNS, CAT_COLUMNS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLPrimaryKeys(SQLHSTMT p, SQLCHAR *catalog_name,
                                             SQLSMALLINT catalog_length, SQLCHAR *schema,
                                             SQLSMALLINT schema_length, SQLCHAR *object,
                                             SQLSMALLINT object_length) {
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, false, SQL_API_SQLPRIMARYKEYS, CAT_PRIMARY_KEYS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLPrimaryKeysW(SQLHSTMT p, SQLWCHAR *catalog_name,
                                              SQLSMALLINT catalog_length, SQLWCHAR *schema,
                                              SQLSMALLINT schema_length, SQLWCHAR *object,
                                              SQLSMALLINT object_length) {
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, true, SQL_API_SQLPRIMARYKEYS, CAT_PRIMARY_KEYS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLForeignKeys(SQLHSTMT p, SQLCHAR *catalog_name,
                                             SQLSMALLINT catalog_length, SQLCHAR *schema,
                                             SQLSMALLINT schema_length, SQLCHAR *object,
                                             SQLSMALLINT object_length, SQLCHAR *catalog2,
                                             SQLSMALLINT catalog2_length, SQLCHAR *schema2,
                                             SQLSMALLINT schema2_length, SQLCHAR *object2,
                                             SQLSMALLINT object2_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length}, {schema, schema_length},
                                    {object, object_length},        {catalog2, catalog2_length},
                                    {schema2, schema2_length},      {object2, object2_length}};
    return catalog(p, false, SQL_API_SQLFOREIGNKEYS, CAT_FOREIGN_KEYS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLForeignKeysW(SQLHSTMT p, SQLWCHAR *catalog_name,
                                              SQLSMALLINT catalog_length, SQLWCHAR *schema,
                                              SQLSMALLINT schema_length, SQLWCHAR *object,
                                              SQLSMALLINT object_length, SQLWCHAR *catalog2,
                                              SQLSMALLINT catalog2_length, SQLWCHAR *schema2,
                                              SQLSMALLINT schema2_length, SQLWCHAR *object2,
                                              SQLSMALLINT object2_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length}, {schema, schema_length},
                                    {object, object_length},        {catalog2, catalog2_length},
                                    {schema2, schema2_length},      {object2, object2_length}};
    return catalog(p, true, SQL_API_SQLFOREIGNKEYS, CAT_FOREIGN_KEYS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLProcedures(SQLHSTMT p, SQLCHAR *catalog_name,
                                            SQLSMALLINT catalog_length, SQLCHAR *schema,
                                            SQLSMALLINT schema_length, SQLCHAR *object,
                                            SQLSMALLINT object_length) {
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, false, SQL_API_SQLPROCEDURES, CAT_PROCEDURES, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLProceduresW(SQLHSTMT p, SQLWCHAR *catalog_name,
                                             SQLSMALLINT catalog_length, SQLWCHAR *schema,
                                             SQLSMALLINT schema_length, SQLWCHAR *object,
                                             SQLSMALLINT object_length) {
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, true, SQL_API_SQLPROCEDURES, CAT_PROCEDURES, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLProcedureColumns(SQLHSTMT p, SQLCHAR *catalog_name,
                                                  SQLSMALLINT catalog_length, SQLCHAR *schema,
                                                  SQLSMALLINT schema_length, SQLCHAR *object,
                                                  SQLSMALLINT object_length, SQLCHAR *field,
                                                  SQLSMALLINT column_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length},
                                    {schema, schema_length},
                                    {object, object_length},
                                    {field, column_length}};
    return catalog(p, false, SQL_API_SQLPROCEDURECOLUMNS, CAT_PROCEDURE_COLUMNS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLProcedureColumnsW(SQLHSTMT p, SQLWCHAR *catalog_name,
                                                   SQLSMALLINT catalog_length, SQLWCHAR *schema,
                                                   SQLSMALLINT schema_length, SQLWCHAR *object,
                                                   SQLSMALLINT object_length, SQLWCHAR *field,
                                                   SQLSMALLINT column_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length},
                                    {schema, schema_length},
                                    {object, object_length},
                                    {field, column_length}};
    return catalog(p, true, SQL_API_SQLPROCEDURECOLUMNS, CAT_PROCEDURE_COLUMNS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLStatistics(SQLHSTMT p, SQLCHAR *catalog_name,
                                            SQLSMALLINT catalog_length, SQLCHAR *schema,
                                            SQLSMALLINT schema_length, SQLCHAR *object,
                                            SQLSMALLINT object_length, SQLUSMALLINT unique,
                                            SQLUSMALLINT accuracy) {
    (void)unique;
    (void)accuracy;
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, false, SQL_API_SQLSTATISTICS, CAT_STATISTICS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLStatisticsW(SQLHSTMT p, SQLWCHAR *catalog_name,
                                             SQLSMALLINT catalog_length, SQLWCHAR *schema,
                                             SQLSMALLINT schema_length, SQLWCHAR *object,
                                             SQLSMALLINT object_length, SQLUSMALLINT unique,
                                             SQLUSMALLINT accuracy) {
    (void)unique;
    (void)accuracy;
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, true, SQL_API_SQLSTATISTICS, CAT_STATISTICS, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLTablePrivileges(SQLHSTMT p, SQLCHAR *catalog_name,
                                                 SQLSMALLINT catalog_length, SQLCHAR *schema,
                                                 SQLSMALLINT schema_length, SQLCHAR *object,
                                                 SQLSMALLINT object_length) {
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, false, SQL_API_SQLTABLEPRIVILEGES, CAT_TABLE_PRIVILEGES, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLTablePrivilegesW(SQLHSTMT p, SQLWCHAR *catalog_name,
                                                  SQLSMALLINT catalog_length, SQLWCHAR *schema,
                                                  SQLSMALLINT schema_length, SQLWCHAR *object,
                                                  SQLSMALLINT object_length) {
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, true, SQL_API_SQLTABLEPRIVILEGES, CAT_TABLE_PRIVILEGES, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLColumnPrivileges(SQLHSTMT p, SQLCHAR *catalog_name,
                                                  SQLSMALLINT catalog_length, SQLCHAR *schema,
                                                  SQLSMALLINT schema_length, SQLCHAR *object,
                                                  SQLSMALLINT object_length, SQLCHAR *field,
                                                  SQLSMALLINT column_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length},
                                    {schema, schema_length},
                                    {object, object_length},
                                    {field, column_length}};
    return catalog(p, false, SQL_API_SQLCOLUMNPRIVILEGES, CAT_COLUMN_PRIVILEGES, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLColumnPrivilegesW(SQLHSTMT p, SQLWCHAR *catalog_name,
                                                   SQLSMALLINT catalog_length, SQLWCHAR *schema,
                                                   SQLSMALLINT schema_length, SQLWCHAR *object,
                                                   SQLSMALLINT object_length, SQLWCHAR *field,
                                                   SQLSMALLINT column_length) {
    const given names[NAMES_MAX] = {{catalog_name, catalog_length},
                                    {schema, schema_length},
                                    {object, object_length},
                                    {field, column_length}};
    return catalog(p, true, SQL_API_SQLCOLUMNPRIVILEGES, CAT_COLUMN_PRIVILEGES, names, 0);
}

ODBC_EXPORT SQLRETURN SQL_API SQLSpecialColumns(SQLHSTMT p, SQLUSMALLINT kind,
                                                SQLCHAR *catalog_name, SQLSMALLINT catalog_length,
                                                SQLCHAR *schema, SQLSMALLINT schema_length,
                                                SQLCHAR *object, SQLSMALLINT object_length,
                                                SQLUSMALLINT scope, SQLUSMALLINT nullable) {
    (void)scope;
    (void)nullable;
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, false, SQL_API_SQLSPECIALCOLUMNS, CAT_SPECIAL_COLUMNS, names, kind);
}

ODBC_EXPORT SQLRETURN SQL_API SQLSpecialColumnsW(SQLHSTMT p, SQLUSMALLINT kind,
                                                 SQLWCHAR *catalog_name, SQLSMALLINT catalog_length,
                                                 SQLWCHAR *schema, SQLSMALLINT schema_length,
                                                 SQLWCHAR *object, SQLSMALLINT object_length,
                                                 SQLUSMALLINT scope, SQLUSMALLINT nullable) {
    (void)scope;
    (void)nullable;
    const given names[NAMES_MAX] = {
        {catalog_name, catalog_length}, {schema, schema_length}, {object, object_length}};
    return catalog(p, true, SQL_API_SQLSPECIALCOLUMNS, CAT_SPECIAL_COLUMNS, names, kind);
}

static SQLRETURN get_type_info(SQLHSTMT p, SQLSMALLINT type) {
    stmt *s = NULL;
    SQLRETURN rc = stmt_enter(p, SQL_API_SQLGETTYPEINFO, &s);
    return rc != SQL_SUCCESS ? rc : stmt_leave(s, type_info_run(s, type));
}

ODBC_EXPORT SQLRETURN SQL_API SQLGetTypeInfo(SQLHSTMT p, SQLSMALLINT type) {
    return get_type_info(p, type);
}
ODBC_EXPORT SQLRETURN SQL_API SQLGetTypeInfoW(SQLHSTMT p, SQLSMALLINT type) {
    return get_type_info(p, type);
}
