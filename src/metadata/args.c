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

static dbk_status check_optional_identifier(dbk_slice s, dbk_error *err) {
    return s.ptr == NULL ? DBK_OK : check_identifier(s, err);
}

static dbk_status check_patterns(const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(check_pattern(r->schema, err));
    DBK_TRY(check_pattern(r->object, err));
    DBK_TRY(check_pattern(r->column, err));
done:
    return st;
}

/* ---- keys: three names, all needed ---- */

static dbk_status missing(const char *what, dbk_error *err) {
    return dbk_error_set(err, DBK_INVALID_ARGUMENT, "%s", what);
}

static dbk_status check_primary_keys(const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    DBK_TRY(check_optional_identifier(r->catalog, err));
    DBK_TRY(check_optional_identifier(r->schema, err));
    if (r->object.ptr == NULL) {
        return missing("table must not be null", err);
    }
    DBK_TRY(check_identifier(r->object, err));
    if (r->catalog.ptr == NULL) {
        return missing("primary_keys requires a catalog identifier", err);
    }
    if (r->schema.ptr == NULL) {
        return missing("primary_keys requires a schema identifier", err);
    }
done:
    return st;
}

static dbk_status check_foreign_keys(const dbk_metadata_request *r, dbk_error *err) {
    const dbk_slice names[] = {r->parent_catalog, r->parent_schema, r->parent_table,
                               r->catalog,        r->schema,        r->object};
    dbk_status st = DBK_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        DBK_TRY(check_optional_identifier(names[i], err));
    }
    if (r->object.ptr != NULL && r->catalog.ptr == NULL) {
        return missing("foreign_keys requires foreign_catalog", err);
    }
    if (r->object.ptr != NULL && r->schema.ptr == NULL) {
        return missing("foreign_keys requires foreign_schema", err);
    }
done:
    return st;
}

/* An empty catalog where "" means "in no catalog": no rows, not a mistake (spec 2.1). */
static dbk_status check_schemas_or_columns(const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = r->catalog.len == 0 ? DBK_OK : check_identifier(r->catalog, err);
    return st == DBK_OK ? check_patterns(r, err) : st;
}

dbk_status dbk_metadata_check(const dbk_metadata_request *r, dbk_error *err) {
    dbk_status st = DBK_OK;
    switch (r->call) {
    case DBK_METADATA_SCHEMAS:
    case DBK_METADATA_COLUMNS:
        return check_schemas_or_columns(r, err);
    case DBK_METADATA_TABLES:
        st = check_pattern(r->catalog, err);
        return st == DBK_OK ? check_patterns(r, err) : st;
    case DBK_METADATA_FUNCTIONS:
    case DBK_METADATA_PROCEDURES:
    case DBK_METADATA_PROCEDURE_COLUMNS:
        st = check_optional_identifier(r->catalog, err);
        return st == DBK_OK ? check_patterns(r, err) : st;
    case DBK_METADATA_PRIMARY_KEYS:
        return check_primary_keys(r, err);
    case DBK_METADATA_FOREIGN_KEYS:
        return check_foreign_keys(r, err);
    case DBK_METADATA_CATALOGS:
    case DBK_METADATA_TABLE_TYPES:
    case DBK_METADATA_TYPE_INFO:
        break;
    }
    return st;
}

/* ---- failures that mean "nothing there" ---- */

/* The server's own words: without the error code that our messages carry at their end. */
static dbk_slice server_message(const dbk_error *failure) {
    dbk_slice text = dbk_slice_of(dbk_error_message(failure));
    size_t code = strlen(failure->server_code);
    dbk_slice mark = DBK_SLICE("; error_code=");
    if (code > 0 && text.len >= code + mark.len &&
        memcmp(text.ptr + text.len - code, failure->server_code, code) == 0 &&
        memcmp(text.ptr + text.len - code - mark.len, mark.ptr, mark.len) == 0) {
        text.len -= code + mark.len;
    }
    return text;
}

bool dbk_metadata_tolerates(dbk_metadata_call call, const dbk_error *failure) {
    static const char *const words[] = {"NO_SUCH_CATALOG_EXCEPTION", "TABLE_OR_VIEW_NOT_FOUND",
                                        "SCHEMA_NOT_FOUND", "INVALID_PARAMETER_VALUE"};
    bool refused = failure->http_status >= 400 && failure->http_status < 500;
    if (call == DBK_METADATA_CATALOGS || (failure->code != DBK_SQL && !refused)) {
        return false;
    }
    if (strcmp(failure->sqlstate, "42704") == 0) {
        return true;
    }
    dbk_slice text = server_message(failure);
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
