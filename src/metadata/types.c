#include "metadata/parts.h"

#define OTHER_TYPE 1111

/* Spec metadata.md 5 [ran]: the codes of java.sql.Types. */
static const struct {
    const char *names; /* one blank between */
    int32_t code;
} codes[] = {
    {"BOOLEAN BOOL", 16},
    {"TINYINT BYTE", -6},
    {"SMALLINT SHORT", 5},
    {"INT INTEGER", 4},
    {"BIGINT LONG", -5},
    {"FLOAT REAL", 6},
    {"DOUBLE", 8},
    {"DECIMAL DEC NUMERIC", 3},
    {"STRING TEXT VARCHAR INTERVAL VOID NULL", 12},
    {"CHAR", 1},
    {"BINARY VARBINARY", -2},
    {"DATE", 91},
    {"TIMESTAMP TIMESTAMP_NTZ TIMESTAMP_LTZ", 93},
    {"ARRAY", 2003},
    {"MAP", 2000},
    {"STRUCT", 2002},
};

dbk_slice dbk_type_word(dbk_slice type_text) {
    size_t len = 0;
    while (len < type_text.len && type_text.ptr[len] != '(' && type_text.ptr[len] != '<') {
        len++;
    }
    return dbk_slice_trim(dbk_slice_n(type_text.ptr, len));
}

static bool is_one_of(dbk_slice word, dbk_slice names) {
    dbk_slice name = {0};
    while (dbk_slice_split(&names, ' ', &name)) {
        if (dbk_slice_eq_nocase(word, name)) {
            return true;
        }
    }
    return dbk_slice_eq_nocase(word, names);
}

int32_t dbk_metadata_type_code(dbk_slice type_text) {
    dbk_slice word = dbk_type_word(type_text);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (is_one_of(word, dbk_slice_of(codes[i].names))) {
            return codes[i].code;
        }
    }
    return OTHER_TYPE;
}
