#include "session/internal.h"

#include <math.h>
#include <stdlib.h>

#include "unit.h"

DBK_TEST(double_text_rows) {
    static const struct {
        double v;
        const char *want;
    } rows[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {1.5, "1.5"},
        {-2.25, "-2.25"},
        {0.1, "0.1"},
        {1e10, "10000000000"},
        {1e-7, "0.0000001"},
        {123456.789, "123456.789"},
        {1e22, "10000000000000000000000"},
        {9007199254740993.0, "9007199254740992"},
        {5e-324, NULL}, /* only read back */
        {1.7976931348623157e308, NULL},
        {2.2250738585072014e-308, NULL},
    };
    char text[400];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].want != NULL ? rows[i].want : "read back");
        dbk_double_text(rows[i].v, text, sizeof text);
        if (rows[i].want != NULL) {
            CHECK_STR(text, rows[i].want);
        }
        CHECK(strtod(text, NULL) == rows[i].v);
        CHECK(strchr(text, 'e') == NULL);
    }
}

DBK_TEST(double_text_of_what_is_no_number) {
    char text[400];
    dbk_double_text((double)NAN, text, sizeof text);
    CHECK_STR(text, "NaN");
    dbk_double_text((double)INFINITY, text, sizeof text);
    CHECK_STR(text, "inf");
    dbk_double_text(-(double)INFINITY, text, sizeof text);
    CHECK_STR(text, "-inf");
}
