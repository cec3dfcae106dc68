#include "complete.h"

#include "unit.h"

#include <string.h>

/* catalog main with schemas sales and web; sales has orders and odd one; orders has id and amount */
static size_t list(void *ctx, const char *catalog, const char *schema, const char *table,
                   const char *const **names) {
    static const char *const catalogs[] = {"main", "samples"};
    static const char *const schemas[] = {"sales", "web"};
    static const char *const tables[] = {"orders", "odd one"};
    static const char *const columns[] = {"id", "amount", "am\xc3\xa4nd"};
    (void)ctx;
    *names = NULL;
    if (catalog == NULL) {
        *names = catalogs;
        return 2;
    }
    if (strcmp(catalog, "main") != 0) {
        return 0;
    }
    if (schema == NULL) {
        *names = schemas;
        return 2;
    }
    if (strcmp(schema, "sales") != 0) {
        return 0;
    }
    *names = table == NULL ? tables : columns;
    return table == NULL ? 2 : strcmp(table, "orders") == 0 ? 3 : 0;
}

DBK_TEST(cli_completions) {
    static const struct {
        const char *pending, *line;
        size_t from;
        const char *items; /* with spaces between them */
        const char *common;
    } rows[] = {
        {"", "SELEC", 0, "SELECT", "SELECT "},
        {"", "selec", 0, "select", "select "},
        {"", "\\ti", 0, "\\timing", "\\timing "},
        {"", "\\d", 0, "\\d \\dn \\dt \\dv", "\\d"},
        {"", "SELECT * FROM ord", 14, "orders", "orders "},
        {"", "SELECT * FROM o", 14, "`odd one` orders", "o"},
        {"", "SELECT * FROM mai", 14, "main", "main."},
        {"", "SELECT * FROM main.", 19, "sales web", ""},
        {"", "SELECT * FROM main.s", 19, "sales", "sales."},
        {"", "SELECT * FROM main.sales.or", 25, "orders", "orders "},
        {"", "SELECT * FROM sales.or", 20, "orders", "orders "},
        {"", "SELECT * FROM main.sales.orders WHERE am", 38, "`am\xc3\xa4nd` amount", "am"},
        {"", "SELECT * FROM orders o WHERE o.i", 31, "id", "id"},
        {"", "SELECT * FROM orders AS o WHERE orders.i", 39, "id", "id"},
        {"SELECT *\nFROM orders\n", "WHERE amo", 6, "amount", "amount"},
        {"", "\\d ord", 3, "orders", "orders "},
        {"", "SELECT * FROM main.sales.`od", 25, "`odd one`", "`odd one` "},
        {"", "SELECT * FROM a.b.c.d.e", 14, "", NULL},
        {"", "nothingbeginslikethis", 0, "", NULL},
        {"", "", 0, "", NULL},
    };
    const cli_names_source source = {.list = list, .catalog = "main", .schema = "sales"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_completion found = {0};
        cli_buf items = {0};
        CHECK_CASE(rows[i].line);
        cli_complete(&source, rows[i].pending, rows[i].line, strlen(rows[i].line), &found);
        for (size_t k = 0; k < found.count; k++) {
            cli_buf_addf(&items, "%s%s", k > 0 ? " " : "", found.items[k]);
        }
        CHECK_STR(cli_buf_str(&items), rows[i].items);
        CHECK_STR(found.common, rows[i].common);
        if (found.count > 0) {
            CHECK_EQ_SIZE(found.from, rows[i].from);
        }
        cli_completion_reset(&found);
        cli_buf_reset(&items);
    }
}

DBK_TEST(cli_completions_without_names) {
    const cli_names_source source = {.list = list};
    cli_completion found = {0};
    cli_complete(&source, "", "SELECT * FROM sam", 17, &found);
    CHECK_STR(found.common, "samples.");
    cli_completion_reset(&found);
}
