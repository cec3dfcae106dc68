#include "metadata/parts.h"

/* ---- blank: the White_Space property of Unicode ---- */

/* The code point at the start of s and its length in bytes; s is UTF-8 and not empty. A byte that
 * starts nothing stands for itself. */
size_t dbk_utf8_next(dbk_slice s, uint32_t *out) {
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint8_t lead = (uint8_t)s.ptr[0];
    size_t len = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    if (len <= 1 || len > s.len) {
        *out = lead;
        return 1;
    }
    uint32_t cp = lead & lead_bits[len];
    for (size_t i = 1; i < len; i++) {
        if (((uint8_t)s.ptr[i] & 0xc0) != 0x80) {
            *out = lead;
            return 1;
        }
        cp = (cp << 6) | ((uint8_t)s.ptr[i] & 0x3f);
    }
    *out = cp;
    return len;
}

static bool is_space(uint32_t cp) {
    return (cp >= 0x09 && cp <= 0x0d) || cp == 0x20 || cp == 0x85 || cp == 0xa0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 || cp == 0x202f ||
           cp == 0x205f || cp == 0x3000;
}

bool dbk_metadata_is_blank(dbk_slice s) {
    while (s.len > 0) {
        uint32_t cp = 0;
        size_t len = dbk_utf8_next(s, &cp);
        if (!is_space(cp)) {
            return false;
        }
        s = dbk_slice_n(s.ptr + len, s.len - len);
    }
    return true;
}

/* ---- the rules: spec metadata.md 2.2 [ran] ---- */

static dbk_status check_identifier(dbk_slice s, dbk_error *err) {
    if (s.len == 0) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "identifier must not be empty");
    }
    if (dbk_metadata_is_blank(s)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "identifier must not be all whitespace");
    }
    if (memchr(s.ptr, '`', s.len) != NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "identifier must not contain a backtick character");
    }
    if (memchr(s.ptr, '\0', s.len) != NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "identifier must not contain a NUL byte");
    }
    if (s.len > DBK_NAME_MAX) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "identifier exceeds %d-byte limit (%zu bytes)", DBK_NAME_MAX, s.len);
    }
    return DBK_OK;
}

static dbk_status check_pattern(dbk_slice s, dbk_error *err) {
    if (s.len > 0 && dbk_metadata_is_blank(s)) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "LIKE pattern must not be all whitespace (pass None for \"match "
                             "all\")");
    }
    if (s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT, "LIKE pattern must not contain a NUL byte");
    }
    if (s.len > DBK_NAME_MAX) {
        return dbk_error_set(err, DBK_INVALID_ARGUMENT,
                             "LIKE pattern exceeds %d-byte limit (%zu bytes)", DBK_NAME_MAX, s.len);
    }
    return DBK_OK;
}

/* ---- the arguments of each call, in the order they are judged ---- */

typedef enum arg_kind {
    ARG_PATTERN,
    ARG_NAME,
    ARG_NAME_OR_EMPTY, /* "" is no mistake: no rows (spec metadata.md 2.1) */
    ARG_NEEDED_NAME
} arg_kind;

typedef struct arg {
    const char *name; /* in messages */
    size_t offset;    /* of the slice in the request */
    arg_kind kind;
} arg;

#define ARG(name, member, kind) \
    { name, offsetof(dbk_metadata_request, member), kind }
#define MAX_ARGS 6

static const arg call_args[][MAX_ARGS] = {
    [DBK_METADATA_SCHEMAS] = {ARG("catalog", catalog, ARG_NAME_OR_EMPTY),
                              ARG("schema_pattern", schema, ARG_PATTERN)},
    [DBK_METADATA_TABLES] = {ARG("catalog", catalog, ARG_PATTERN),
                             ARG("schema_pattern", schema, ARG_PATTERN),
                             ARG("table_pattern", object, ARG_PATTERN)},
    [DBK_METADATA_COLUMNS] = {ARG("catalog", catalog, ARG_NAME_OR_EMPTY),
                              ARG("schema_pattern", schema, ARG_PATTERN),
                              ARG("table_pattern", object, ARG_PATTERN),
                              ARG("column_pattern", column, ARG_PATTERN)},
    [DBK_METADATA_FUNCTIONS] = {ARG("catalog", catalog, ARG_NAME),
                                ARG("schema_pattern", schema, ARG_PATTERN),
                                ARG("function_pattern", object, ARG_PATTERN)},
    [DBK_METADATA_PROCEDURES] = {ARG("catalog", catalog, ARG_NAME),
                                 ARG("schema_pattern", schema, ARG_PATTERN),
                                 ARG("procedure_pattern", object, ARG_PATTERN)},
    [DBK_METADATA_PROCEDURE_COLUMNS] = {ARG("catalog", catalog, ARG_NAME),
                                        ARG("schema_pattern", schema, ARG_PATTERN),
                                        ARG("procedure_pattern", object, ARG_PATTERN),
                                        ARG("column_pattern", column, ARG_PATTERN)},
    [DBK_METADATA_PRIMARY_KEYS] = {ARG("catalog", catalog, ARG_NAME),
                                   ARG("schema", schema, ARG_NAME),
                                   ARG("table", object, ARG_NEEDED_NAME)},
    [DBK_METADATA_FOREIGN_KEYS] = {ARG("parent_catalog", parent_catalog, ARG_NAME),
                                   ARG("parent_schema", parent_schema, ARG_NAME),
                                   ARG("parent_table", parent_table, ARG_NAME),
                                   ARG("foreign_catalog", catalog, ARG_NAME),
                                   ARG("foreign_schema", schema, ARG_NAME),
                                   ARG("foreign_table", object, ARG_NAME)},
    [DBK_METADATA_TYPE_INFO] = {{0}},
};

static dbk_status check_utf8(const char *name, dbk_slice s, dbk_error *err) {
    return dbk_utf8_valid(s)
               ? DBK_OK
               : dbk_error_set(err, DBK_INVALID_ARGUMENT, "%s is not valid UTF-8", name);
}

static dbk_status check_arg(const arg *a, const dbk_metadata_request *r, dbk_error *err) {
    const dbk_slice *s = (const dbk_slice *)(const void *)((const char *)r + a->offset);
    if (s->ptr == NULL) {
        return a->kind != ARG_NEEDED_NAME
                   ? DBK_OK
                   : dbk_error_set(err, DBK_INVALID_ARGUMENT, "%s must not be null", a->name);
    }
    dbk_status st = check_utf8(a->name, *s, err);
    if (st != DBK_OK || (a->kind == ARG_NAME_OR_EMPTY && s->len == 0)) {
        return st;
    }
    return a->kind == ARG_PATTERN ? check_pattern(*s, err) : check_identifier(*s, err);
}

/* What cannot be left out of the keys' calls. */
static dbk_status check_keys(const dbk_metadata_request *r, dbk_error *err) {
    const char *missing = NULL;
    if (r->call == DBK_METADATA_PRIMARY_KEYS) {
        missing = r->catalog.ptr == NULL  ? "primary_keys requires a catalog identifier"
                  : r->schema.ptr == NULL ? "primary_keys requires a schema identifier"
                                          : NULL;
    } else if (r->call == DBK_METADATA_FOREIGN_KEYS && r->object.ptr != NULL) {
        missing = r->catalog.ptr == NULL  ? "foreign_keys requires foreign_catalog"
                  : r->schema.ptr == NULL ? "foreign_keys requires foreign_schema"
                                          : NULL;
    }
    return missing == NULL ? DBK_OK : dbk_error_set(err, DBK_INVALID_ARGUMENT, "%s", missing);
}

dbk_status dbk_metadata_check(const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    const arg *args = call_args[r->call];
    for (size_t i = 0; i < MAX_ARGS && args[i].name != NULL; i++) {
        DBK_TRY(check_arg(&args[i], r, err));
    }
    for (size_t i = 0; i < r->type_count; i++) {
        DBK_TRY(check_utf8("table_types", r->types[i], err));
    }
    DBK_TRY(check_keys(r, err));
done:
    return st;
}

/* ---- failures that mean "nothing there" ---- */

bool dbk_metadata_tolerates(dbk_metadata_call call, const dbk_error *failure) {
    static const char *const words[] = {"NO_SUCH_CATALOG_EXCEPTION", "TABLE_OR_VIEW_NOT_FOUND",
                                        "SCHEMA_NOT_FOUND", "INVALID_PARAMETER_VALUE"};
    bool refused = failure->http_status >= 400;
    if (call == DBK_METADATA_CATALOGS || (failure->code != DBK_SQL && !refused)) {
        return false;
    }
    if (strcmp(failure->sqlstate, "42704") == 0) {
        return true;
    }
    dbk_slice text = {dbk_error_message(failure), dbk_error_bare_length(failure)};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (text.len > 0 && memmem(text.ptr, text.len, words[i], strlen(words[i])) != NULL) {
            return true;
        }
    }
    return false;
}

const char *dbk_metadata_word(dbk_metadata_call call) {
    static const char *const words[] = {
#define DBK_METADATA_WORD(name, word) word,
        DBK_METADATA_MAP(DBK_METADATA_WORD)
#undef DBK_METADATA_WORD
    };
    return (size_t)call < sizeof words / sizeof words[0] ? words[call] : "metadata";
}
