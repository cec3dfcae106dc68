#include "names.h"

#include "dotted.h"
#include "result.h"
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "dbkernel.h"

enum { LISTS_MAX = 64, NAMES_MAX = 5000 };
#define LOAD_LIMIT_S 1.0
#define KEPT_S       60.0
#define RETRY_S      10.0

typedef struct name_list {
    char *key; /* owned; NULL: free place */
    char **names;
    size_t count;
    double until_s; /* not used behind that time */
} name_list;

struct cli_names {
    kernel_session_t *session;
    double deadline_s; /* of the call under way */
    name_list lists[LISTS_MAX];
    size_t next; /* the place that is taken next */
};

cli_names *cli_names_new(kernel_session_t *session) {
    cli_names *names = cli_alloc(1, sizeof *names);
    names->session = session;
    return names;
}

static void empty(name_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        free(list->names[i]);
    }
    free(list->names);
    free(list->key);
    *list = (name_list){0};
}

void cli_names_forget(cli_names *names) {
    for (size_t i = 0; i < LISTS_MAX; i++) {
        empty(&names->lists[i]);
    }
}

void cli_names_free(cli_names *names) {
    if (names != NULL) {
        cli_names_forget(names);
        free(names);
    }
}

/* ---- loading ---- */

static bool is_late(void *ctx) {
    const cli_names *names = ctx;
    return cli_watch_signal() != 0 || cli_now_s() > names->deadline_s;
}

static void take_rows(name_list *list, const cli_columns *columns, size_t column) {
    for (int64_t row = 0; row < columns->rows && list->count < NAMES_MAX; row++) {
        char scratch[CLI_CELL_SCRATCH];
        cli_cell cell = cli_columns_cell(columns, column, row, scratch);
        if (cell.kind == CLI_CELL_TEXT) {
            list->names[list->count++] = cli_strndup(cell.ptr, cell.len);
        }
    }
}

static bool read_names(kernel_result_stream_t *stream, size_t column, name_list *list) {
    bool ok = true;
    list->names = cli_alloc(NAMES_MAX, sizeof(char *));
    while (ok && list->count < NAMES_MAX) {
        struct ArrowArray batch = {0};
        struct ArrowSchema schema = {0};
        cli_columns columns = {0};
        cli_buf why = {0};
        ok = kernel_result_stream_next_batch(stream, &batch, &schema) == KernelStatusCode_Success;
        if (!ok || batch.release == NULL) {
            break;
        }
        if (cli_columns_init(&columns, &schema, false, &why) &&
            cli_columns_bind(&columns, &batch, &schema, &why) && column < columns.count) {
            take_rows(list, &columns, column);
        }
        cli_columns_reset(&columns);
        cli_buf_reset(&why);
        batch.release(&batch);
        schema.release(&schema);
    }
    return ok;
}

/* Names are patterns for the server: they are escaped. The catalog of TABLES is one, too. */
static bool load(cli_names *names, const char *catalog, const char *schema, const char *table,
                 name_list *list) {
    static const size_t column_of[] = {0, 0, 2, 3}; /* of the name, in each call's answer */
    cli_buf texts[3] = {{0}};
    dbk_catalog_filter filter = {.struct_size = sizeof filter, .call = DBK_CATALOG_CALL_CATALOGS};
    kernel_result_stream_t *stream = NULL;
    if (table != NULL) {
        filter.call = DBK_CATALOG_CALL_COLUMNS;
        cli_like_exactly(&texts[2], table);
        filter.object = cli_buf_str(&texts[2]);
    } else if (schema != NULL) {
        filter.call = DBK_CATALOG_CALL_TABLES;
    } else if (catalog != NULL) {
        filter.call = DBK_CATALOG_CALL_SCHEMAS;
    }
    if (schema != NULL) {
        cli_like_exactly(&texts[1], schema);
        filter.schema = cli_buf_str(&texts[1]);
    }
    if (catalog != NULL && filter.call == DBK_CATALOG_CALL_TABLES) {
        cli_like_exactly(&texts[0], catalog);
        filter.catalog = cli_buf_str(&texts[0]);
    } else {
        filter.catalog = catalog;
    }
    names->deadline_s = cli_now_s() + LOAD_LIMIT_S;
    dbk_set_wait_hook(is_late, names);
    bool ok = dbk_metadata_list(names->session, &filter, &stream) == KernelStatusCode_Success &&
              read_names(stream, column_of[filter.call], list);
    dbk_set_wait_hook(NULL, NULL);
    if (stream != NULL) {
        (void)kernel_result_stream_close(stream);
    }
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        cli_buf_reset(&texts[i]);
    }
    return ok;
}

/* ---- the cache ---- */

static char *key_of(const char *catalog, const char *schema, const char *table) {
    const char *const parts[] = {catalog, schema, table};
    cli_buf key = {0};
    for (size_t i = 0; i < COUNT_OF(parts) && parts[i] != NULL; i++) {
        cli_buf_addf(&key, "%zu:%s", strlen(parts[i]), parts[i]);
    }
    char *text = cli_strdup(cli_buf_str(&key));
    cli_buf_reset(&key);
    return text;
}

size_t cli_names_list(void *ctx, const char *catalog, const char *schema, const char *table,
                      const char *const **out) {
    cli_names *names = ctx;
    char *key = key_of(catalog, schema, table);
    double now_s = cli_now_s();
    name_list *list = NULL;
    for (size_t i = 0; i < LISTS_MAX && list == NULL; i++) {
        bool same = names->lists[i].key != NULL && strcmp(names->lists[i].key, key) == 0;
        list = same ? &names->lists[i] : NULL;
    }
    if (list == NULL || list->until_s < now_s) {
        if (list == NULL) {
            list = &names->lists[names->next];
            names->next = (names->next + 1) % LISTS_MAX;
        }
        empty(list);
        bool ok = load(names, catalog, schema, table, list);
        list->key = key;
        list->until_s = cli_now_s() + (ok ? KEPT_S : RETRY_S);
    } else {
        free(key);
    }
    *out = (const char *const *)list->names;
    return list->count;
}
