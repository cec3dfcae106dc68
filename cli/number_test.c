#include "number.h"

#include "cell.h"

#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct text {
    char chars[CLI_CELL_SCRATCH];
} text;

static void end_text(text *t, size_t len) {
    CHECK(len < sizeof t->chars);
    t->chars[len] = '\0';
}

DBK_TEST(cli_integers) {
    static const struct {
        int64_t value;
        const char *want;
    } rows[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {99, "99"},
        {100, "100"},
        {-1, "-1"},
        {1234567, "1234567"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        text t;
        CHECK_CASE(rows[i].want);
        end_text(&t, cli_put_i64(t.chars, rows[i].value));
        CHECK_STR(t.chars, rows[i].want);
    }
    text t;
    end_text(&t, cli_put_u64(t.chars, UINT64_MAX));
    CHECK_STR(t.chars, "18446744073709551615");
}

DBK_TEST(cli_doubles) {
    static const struct {
        double value;
        const char *want;
    } rows[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.30000000000000004, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {2.0 / 3, "0.6666666666666666"},
        {100.0, "100.0"},
        {123456.789, "123456.789"},
        {9007199254740993.0, "9007199254740992.0"},
        {1e15, "1000000000000000.0"},
        {1e16, "1e+16"},
        {1.5e20, "1.5e+20"},
        {1e300, "1e+300"},
        {1e-4, "0.0001"},
        {0.00012345, "0.00012345"},
        {1e-5, "1e-05"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {(double)INFINITY, "Infinity"},
        {-(double)INFINITY, "-Infinity"},
        {(double)NAN, "NaN"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        text t;
        CHECK_CASE(rows[i].want);
        end_text(&t, cli_put_double(t.chars, rows[i].value));
        CHECK_STR(t.chars, rows[i].want);
    }
}

static uint64_t next_random(uint64_t *state) { /* xorshift: the same numbers in every run */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

DBK_TEST(cli_doubles_read_back_as_the_same_value) {
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = next_random(&state);
        double value = 0;
        memcpy(&value, &bits, 8);
        if (i % 2 == 0) { /* plain amounts, too: cents, thousandths */
            static const double divisors[] = {100.0, 1000.0, 3.0, 7.0};
            value = (double)(int64_t)(bits >> 30) / divisors[i / 2 % 4];
        }
        if (!isfinite(value)) {
            continue;
        }
        text t;
        end_text(&t, cli_put_double(t.chars, value));
        CHECK_CASE(t.chars);
        CHECK(strtod(t.chars, NULL) == value);
    }
}

DBK_TEST(cli_floats_read_back_as_the_same_value) {
    uint64_t state = 2463534242u;
    for (int i = 0; i < 200000; i++) {
        uint32_t bits = (uint32_t)next_random(&state);
        float value = 0;
        memcpy(&value, &bits, 4);
        if (i % 2 == 0) {
            value = (float)(bits >> 8) / (i % 4 == 0 ? 100.0f : 1000.0f);
        }
        if (!isfinite((double)value)) {
            continue;
        }
        text t;
        end_text(&t, cli_put_float(t.chars, value));
        CHECK_CASE(t.chars);
        CHECK(strtof(t.chars, NULL) == value);
    }
}

DBK_TEST(cli_floats) {
    static const struct {
        float value;
        const char *want;
    } rows[] = {
        {0.1f, "0.1"},
        {1.0f, "1.0"},
        {3.14f, "3.14"},
        {-0.0f, "-0.0"},
        {16777216.0f, "16777216.0"},
        {1e10f, "10000000000.0"},
        {1e-5f, "1e-05"},
        {3.4028235e38f, "3.4028235e+38"},
        {1.1754944e-38f, "1.1754944e-38"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        text t;
        CHECK_CASE(rows[i].want);
        end_text(&t, cli_put_float(t.chars, rows[i].value));
        CHECK_STR(t.chars, rows[i].want);
    }
}

DBK_TEST(cli_decimals_that_fit_in_64_bits) {
    static const struct {
        int64_t value;
        int scale;
        const char *want;
    } rows[] = {
        {0, 0, "0"},
        {0, 2, "0.00"},
        {5, 2, "0.05"},
        {-5, 2, "-0.05"},
        {150, 2, "1.50"},
        {-150, 2, "-1.50"},
        {100, 0, "100"},
        {7, -3, "7000"},
        {0, -3, "0"},
        {99, 2, "0.99"},
        {12345, 3, "12.345"},
        {INT64_MAX, 18, "9.223372036854775807"},
        {INT64_MIN, 0, "-9223372036854775808"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t wide[4] = {rows[i].value, -1, -1, -1};
        CHECK_CASE(rows[i].want);
        if (rows[i].value >= 0) {
            memset(&wide[1], 0, 24);
        }
        for (size_t width = 8; width <= 32; width *= 2) {
            text t;
            end_text(&t, cli_put_decimal(t.chars, wide, width, rows[i].scale));
            CHECK_STR(t.chars, rows[i].want);
        }
    }
    int32_t narrow = -12345;
    text t;
    end_text(&t, cli_put_decimal(t.chars, &narrow, 4, 2));
    CHECK_STR(t.chars, "-123.45");
}

DBK_TEST(cli_decimals_of_128_and_256_bits) {
    /* 10^38 - 1, the largest DECIMAL(38) */
    const uint64_t nines[2] = {0x098a223fffffffffu, 0x4b3b4ca85a86c47au};
    const uint64_t minus_nines[2] = {~nines[0] + 1, ~nines[1]};
    const uint64_t lowest[4] = {0, 0, 0, 0x8000000000000000u};
    const uint64_t ten_to_19[2] = {10000000000000000000u, 0};
    text t;
    end_text(&t, cli_put_decimal(t.chars, nines, 16, 0));
    CHECK_STR(t.chars, "99999999999999999999999999999999999999");
    end_text(&t, cli_put_decimal(t.chars, minus_nines, 16, 38));
    CHECK_STR(t.chars, "-0.99999999999999999999999999999999999999");
    end_text(&t, cli_put_decimal(t.chars, minus_nines, 16, 2));
    CHECK_STR(t.chars, "-999999999999999999999999999999999999.99");
    end_text(&t, cli_put_decimal(t.chars, ten_to_19, 16, 18));
    CHECK_STR(t.chars, "10.000000000000000000");
    end_text(&t, cli_put_decimal(t.chars, lowest, 32, 0));
    CHECK_STR(t.chars,
              "-57896044618658097711785492504343953926634992332820282019728792003956564819968");
    end_text(&t, cli_put_decimal(t.chars, lowest, 32, -76));
    CHECK_EQ_SIZE(strlen(t.chars), 1 + 77 + 76);
}

DBK_TEST(cli_dates) {
    static const struct {
        int64_t days;
        const char *want;
    } rows[] = {
        {0, "1970-01-01"},
        {-1, "1969-12-31"},
        {11016, "2000-02-29"},
        {11017, "2000-03-01"},
        {-719162, "0001-01-01"},
        {2932896, "9999-12-31"},
        {2932897, "+10000-01-01"},
        {-719163, "0000-12-31"},
        {-719529, "-0001-12-31"},
        {19782, "2024-02-29"},
        {INT32_MAX, "+5881580-07-11"},
        {INT32_MIN, "-5877641-06-23"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        text t;
        CHECK_CASE(rows[i].want);
        end_text(&t, cli_put_date(t.chars, rows[i].days));
        CHECK_STR(t.chars, rows[i].want);
    }
}

DBK_TEST(cli_timestamps) {
    static const struct {
        int64_t ticks, per_s;
        const char *want;
    } rows[] = {
        {0, 1, "1970-01-01 00:00:00"},
        {-1, 1, "1969-12-31 23:59:59"},
        {-1, 1000000, "1969-12-31 23:59:59.999999"},
        {1500, 1000, "1970-01-01 00:00:01.5"},
        {1, 1000000000, "1970-01-01 00:00:00.000000001"},
        {1120000000, 1000000000, "1970-01-01 00:00:01.12"},
        {-62135596800000000, 1000000, "0001-01-01 00:00:00"},
        {253402300799999999, 1000000, "9999-12-31 23:59:59.999999"},
        {INT64_MIN, 1000000000, "1677-09-21 00:12:43.145224192"},
        {INT64_MAX, 1000000000, "2262-04-11 23:47:16.854775807"},
        {INT64_MIN, 1, "-292277022657-01-27 08:29:52"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        text t;
        CHECK_CASE(rows[i].want);
        end_text(&t, cli_put_timestamp(t.chars, rows[i].ticks, rows[i].per_s, ' '));
        CHECK_STR(t.chars, rows[i].want);
    }
}

DBK_TEST(cli_times_and_intervals) {
    text t;
    end_text(&t, cli_put_time(t.chars, 86399999999, 1000000));
    CHECK_STR(t.chars, "23:59:59.999999");
    end_text(&t, cli_put_duration(t.chars, 0, 1000000));
    CHECK_STR(t.chars, "0 00:00:00");
    end_text(&t, cli_put_duration(t.chars, -1, 1000000));
    CHECK_STR(t.chars, "-0 00:00:00.000001");
    end_text(&t, cli_put_duration(t.chars, 93784500, 1000));
    CHECK_STR(t.chars, "1 02:03:04.5");
    end_text(&t, cli_put_duration(t.chars, INT64_MIN, 1000000));
    CHECK_STR(t.chars, "-106751991 04:00:54.775808");
    end_text(&t, cli_put_months(t.chars, 14));
    CHECK_STR(t.chars, "1-2");
    end_text(&t, cli_put_months(t.chars, -25));
    CHECK_STR(t.chars, "-2-1");
    end_text(&t, cli_put_months(t.chars, INT32_MIN));
    CHECK_STR(t.chars, "-178956970-8");
}
