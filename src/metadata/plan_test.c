#include "unit.h"

#include "metadata/parts.h"

static dbk_slice or_none(const char *text) {
    return text != NULL ? dbk_slice_of(text) : (dbk_slice){0};
}

#define ROUTINES(from, type)                                                                  \
    "SELECT routine_catalog, routine_schema, routine_name, comment, specific_name FROM " from \
    ".information_schema.routines WHERE routine_type = '" type "'"
#define ROUTINES_ORDER " ORDER BY routine_catalog, routine_schema, routine_name"
#define PARAMETERS(from)                                                                     \
    "SELECT p.specific_catalog, p.specific_schema, p.specific_name, p.parameter_name, "      \
    "p.parameter_mode, p.is_result, p.data_type, p.numeric_precision, p.numeric_scale, "     \
    "p.character_octet_length, p.ordinal_position, p.comment FROM " from                     \
    ".information_schema.parameters p JOIN " from ".information_schema.routines r ON "       \
    "p.specific_catalog = r.specific_catalog AND p.specific_schema = r.specific_schema AND " \
    "p.specific_name = r.specific_name WHERE r.routine_type = 'PROCEDURE'"
#define PARAMETERS_ORDER \
    " ORDER BY p.specific_catalog, p.specific_schema, p.specific_name, p.ordinal_position"

static const struct plan_row {
    dbk_metadata_call call;
    const char *args[4]; /* catalog, schema, object, column */
    dbk_metadata_how how;
    const char *sql, *catalog;
} plans[] = {
    {DBK_METADATA_CATALOGS, {NULL}, DBK_METADATA_STATEMENT, "SHOW CATALOGS", NULL},
    {DBK_METADATA_CATALOGS,
     {NULL, NULL, "a\\_b%"},
     DBK_METADATA_STATEMENT,
     "SHOW CATALOGS LIKE 'a_b*'",
     NULL},
    /* schemas: spec 2.1 */
    {DBK_METADATA_SCHEMAS, {NULL}, DBK_METADATA_STATEMENT, "SHOW SCHEMAS IN ALL CATALOGS", NULL},
    {DBK_METADATA_SCHEMAS, {"main"}, DBK_METADATA_STATEMENT, "SHOW SCHEMAS IN `main`", "main"},
    {DBK_METADATA_SCHEMAS, {"%"}, DBK_METADATA_STATEMENT, "SHOW SCHEMAS IN `%`", "%"},
    {DBK_METADATA_SCHEMAS, {"*"}, DBK_METADATA_STATEMENT, "SHOW SCHEMAS IN `*`", "*"},
    {DBK_METADATA_SCHEMAS,
     {"a", "d%"},
     DBK_METADATA_STATEMENT,
     "SHOW SCHEMAS IN `a` LIKE 'd*'",
     "a"},
    {DBK_METADATA_SCHEMAS,
     {NULL, "%"},
     DBK_METADATA_STATEMENT,
     "SHOW SCHEMAS IN ALL CATALOGS LIKE '*'",
     NULL},
    {DBK_METADATA_SCHEMAS, {""}, DBK_METADATA_NO_ROWS, NULL, NULL},
    {DBK_METADATA_SCHEMAS, {"a", ""}, DBK_METADATA_NO_ROWS, NULL, NULL},
    /* tables: spec 3.1 */
    {DBK_METADATA_TABLES, {NULL}, DBK_METADATA_STATEMENT, "SHOW TABLES IN ALL CATALOGS", NULL},
    {DBK_METADATA_TABLES, {"%"}, DBK_METADATA_STATEMENT, "SHOW TABLES IN ALL CATALOGS", NULL},
    {DBK_METADATA_TABLES, {"%%"}, DBK_METADATA_STATEMENT, "SHOW TABLES IN ALL CATALOGS", NULL},
    {DBK_METADATA_TABLES, {""}, DBK_METADATA_NO_ROWS, NULL, NULL},
    {DBK_METADATA_TABLES, {"a"}, DBK_METADATA_STATEMENT, "SHOW TABLES IN CATALOG `a`", "a"},
    {DBK_METADATA_TABLES, {"x\\_y"}, DBK_METADATA_STATEMENT, "SHOW TABLES IN CATALOG `x_y`", "x_y"},
    {DBK_METADATA_TABLES, {"c`d"}, DBK_METADATA_STATEMENT, "SHOW TABLES IN CATALOG `c``d`", "c`d"},
    {DBK_METADATA_TABLES, {"x\\"}, DBK_METADATA_STATEMENT, "SHOW TABLES IN CATALOG `x\\`", "x\\"},
    {DBK_METADATA_TABLES, {"a*"}, DBK_METADATA_STATEMENT, "SHOW TABLES IN CATALOG `a*`", "a*"},
    {DBK_METADATA_TABLES, {"**"}, DBK_METADATA_STATEMENT, "SHOW TABLES IN CATALOG `**`", "**"},
    {DBK_METADATA_TABLES, {"*"}, DBK_METADATA_FAN_OUT, "SHOW CATALOGS", NULL},
    {DBK_METADATA_TABLES, {"a%"}, DBK_METADATA_FAN_OUT, "SHOW CATALOGS", NULL},
    {DBK_METADATA_TABLES, {"_", "s", "t"}, DBK_METADATA_FAN_OUT, "SHOW CATALOGS", NULL},
    {DBK_METADATA_TABLES,
     {"a", "d_f", "t%"},
     DBK_METADATA_STATEMENT,
     "SHOW TABLES IN CATALOG `a` SCHEMA LIKE 'd.f' LIKE 't*'",
     "a"},
    {DBK_METADATA_TABLES,
     {NULL, NULL, "t"},
     DBK_METADATA_STATEMENT,
     "SHOW TABLES IN ALL CATALOGS LIKE 't'",
     NULL},
    {DBK_METADATA_TABLES,
     {"a", "", ""},
     DBK_METADATA_STATEMENT,
     "SHOW TABLES IN CATALOG `a` SCHEMA LIKE '' LIKE ''",
     "a"},
    /* columns */
    {DBK_METADATA_COLUMNS, {NULL}, DBK_METADATA_STATEMENT, "SHOW COLUMNS IN ALL CATALOGS", NULL},
    {DBK_METADATA_COLUMNS, {"%"}, DBK_METADATA_STATEMENT, "SHOW COLUMNS IN CATALOG `%`", "%"},
    {DBK_METADATA_COLUMNS,
     {"m", "s", "t%", "c_"},
     DBK_METADATA_STATEMENT,
     "SHOW COLUMNS IN CATALOG `m` SCHEMA LIKE 's' TABLE LIKE 't*' LIKE 'c.'",
     "m"},
    {DBK_METADATA_COLUMNS,
     {NULL, NULL, NULL, "c"},
     DBK_METADATA_STATEMENT,
     "SHOW COLUMNS IN ALL CATALOGS LIKE 'c'",
     NULL},
    {DBK_METADATA_COLUMNS, {""}, DBK_METADATA_NO_ROWS, NULL, NULL},
    {DBK_METADATA_COLUMNS, {"a", ""}, DBK_METADATA_NO_ROWS, NULL, NULL},
    {DBK_METADATA_COLUMNS, {"a", "s", ""}, DBK_METADATA_NO_ROWS, NULL, NULL},
    {DBK_METADATA_COLUMNS, {"a", "s", "t", ""}, DBK_METADATA_NO_ROWS, NULL, NULL},
    /* functions, procedures and their columns */
    {DBK_METADATA_FUNCTIONS,
     {NULL},
     DBK_METADATA_STATEMENT,
     ROUTINES("system", "FUNCTION") ROUTINES_ORDER,
     NULL},
    {DBK_METADATA_FUNCTIONS,
     {"%", "a\\_b", "f'%"},
     DBK_METADATA_STATEMENT,
     ROUTINES("`%`", "FUNCTION") " AND routine_schema LIKE 'a\\\\_b' AND routine_name LIKE "
                                 "'f''%'" ROUTINES_ORDER,
     "%"},
    {DBK_METADATA_FUNCTIONS,
     {"c", "", ""},
     DBK_METADATA_STATEMENT,
     ROUTINES("`c`",
              "FUNCTION") " AND routine_schema LIKE '' AND routine_name LIKE ''" ROUTINES_ORDER,
     "c"},
    {DBK_METADATA_PROCEDURES,
     {"c", NULL, "*"},
     DBK_METADATA_STATEMENT,
     ROUTINES("`c`", "PROCEDURE") " AND routine_name LIKE '*'" ROUTINES_ORDER,
     "c"},
    {DBK_METADATA_PROCEDURE_COLUMNS,
     {NULL},
     DBK_METADATA_STATEMENT,
     PARAMETERS("system") PARAMETERS_ORDER,
     NULL},
    {DBK_METADATA_PROCEDURE_COLUMNS,
     {"c", "s%", "p\\", "q'"},
     DBK_METADATA_STATEMENT,
     PARAMETERS("`c`") " AND p.specific_schema LIKE 's%' AND p.specific_name LIKE 'p\\\\' AND "
                       "p.parameter_name LIKE 'q'''" PARAMETERS_ORDER,
     "c"},
    /* keys */
    {DBK_METADATA_PRIMARY_KEYS,
     {"c", "s", "t"},
     DBK_METADATA_STATEMENT,
     "SHOW KEYS IN CATALOG `c` IN SCHEMA `s` IN TABLE `t`",
     "c"},
    {DBK_METADATA_PRIMARY_KEYS,
     {"%", "*", "t'; --"},
     DBK_METADATA_STATEMENT,
     "SHOW KEYS IN CATALOG `%` IN SCHEMA `*` IN TABLE `t'; --`",
     "%"},
    {DBK_METADATA_FOREIGN_KEYS,
     {"c", "s", "t"},
     DBK_METADATA_STATEMENT,
     "SHOW FOREIGN KEYS IN CATALOG `c` IN SCHEMA `s` IN TABLE `t`",
     "c"},
    {DBK_METADATA_FOREIGN_KEYS, {"c", "s"}, DBK_METADATA_NO_ROWS, NULL, NULL},
    {DBK_METADATA_FOREIGN_KEYS, {NULL}, DBK_METADATA_NO_ROWS, NULL, NULL},
    {DBK_METADATA_TABLE_TYPES, {NULL}, DBK_METADATA_STATIC, NULL, NULL},
    {DBK_METADATA_TYPE_INFO, {NULL}, DBK_METADATA_STATIC, NULL, NULL},
};

static dbk_metadata_request request_of(const struct plan_row *row) {
    return (dbk_metadata_request){
        .call = row->call,
        .catalog = or_none(row->args[0]),
        .schema = or_none(row->args[1]),
        .object = or_none(row->args[2]),
        .column = or_none(row->args[3]),
    };
}

DBK_TEST(sql_of_each_call) {
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        dbk_error err = {0};
        dbk_metadata_plan plan = {0};
        dbk_metadata_request r = request_of(&plans[i]);
        CHECK_CASE(plans[i].sql != NULL ? plans[i].sql : dbk_metadata_word(r.call));
        CHECK_OK(dbk_metadata_make_plan(&r, &plan, &err), &err);
        CHECK_EQ_I64(plan.how, plans[i].how);
        CHECK_STR(plan.sql.ptr, plans[i].sql);
        CHECK_STR(plan.catalog.ptr, plans[i].catalog);
        dbk_metadata_plan_reset(&plan);
        dbk_metadata_plan_reset(&plan); /* once more is harmless */
    }
}

DBK_TEST(one_statement_per_catalog) {
    dbk_error err = {0};
    dbk_str sql = {0};
    dbk_metadata_request r = {
        .call = DBK_METADATA_TABLES,
        .catalog = DBK_SLICE("ma%"),
        .schema = DBK_SLICE("s_"),
        .object = DBK_SLICE("it's"),
    };
    CHECK(dbk_metadata_catalog_matches(&r, DBK_SLICE("main")));
    CHECK(dbk_metadata_catalog_matches(&r, DBK_SLICE("Main2")));
    CHECK(!dbk_metadata_catalog_matches(&r, DBK_SLICE("other")));
    CHECK_OK(dbk_metadata_catalog_sql(&r, DBK_SLICE("ma`in"), &sql, &err), &err);
    CHECK_SLICE(sql, "SHOW TABLES IN CATALOG `ma``in` SCHEMA LIKE 's.' LIKE 'it''s'");
    dbk_str_reset(&sql);
}

static dbk_status plan_all(dbk_error *err) {
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < COUNT_OF(plans) && st == DBK_OK; i++) {
        dbk_metadata_plan plan = {0};
        dbk_metadata_request r = request_of(&plans[i]);
        st = dbk_metadata_make_plan(&r, &plan, err);
        CHECK(st == DBK_OK || (plan.sql.ptr == NULL && plan.catalog.ptr == NULL));
        dbk_metadata_plan_reset(&plan);
    }
    return st;
}

DBK_OOM_TEST(plans_without_memory) {
    dbk_status st = plan_all(err);
    dbk_metadata_request r = {.call = DBK_METADATA_TABLES, .catalog = DBK_SLICE("a%")};
    dbk_str sql = {0};
    if (st == DBK_OK) {
        st = dbk_metadata_catalog_sql(&r, DBK_SLICE("ab"), &sql, err);
    }
    dbk_str_reset(&sql);
    return st;
}
