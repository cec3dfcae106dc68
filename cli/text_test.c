#include "text.h"

#include "local.h"
#include "progress.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

DBK_TEST(cli_widths) {
    static const struct {
        const char *name;
        uint32_t cp;
        int want;
    } rows[] = {
        {"letter", 'a', 1},
        {"tab", '\t', -1},
        {"escape", 0x1b, -1},
        {"delete", 0x7f, -1},
        {"C1", 0x85, -1},
        {"e acute", 0xe9, 1},
        {"soft hyphen", 0xad, 0},
        {"combining", 0x301, 0},
        {"CJK", 0x4e2d, 2},
        {"Hangul", 0xd55c, 2},
        {"fullwidth A", 0xff21, 2},
        {"halfwidth ka", 0xff76, 1},
        {"joiner", 0x200d, 0},
        {"override", 0x202e, -1},
        {"face", 0x1f600, 2},
        {"variation", 0xfe0f, 0},
        {"ext B", 0x20000, 2},
        {"Thai vowel", 0x0e34, 0},
        {"line separator", 0x2028, -1},
        {"last", 0x10ffff, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].name);
        CHECK_EQ_I64(cli_char_width(rows[i].cp), rows[i].want);
    }
}

DBK_TEST(cli_show_cuts_and_escapes) {
    static const struct {
        const char *name, *text;
        size_t max;
        const char *want;
        size_t width;
    } rows[] = {
        {"empty", "", 5, "", 0},
        {"fits exactly", "abcde", 5, "abcde", 5},
        {"one too many", "abcdef", 5, "abcd…", 5},
        {"no limit", "abcdef", 0, "abcdef", 6},
        {"limit of one", "ab", 1, "…", 1},
        {"newline and tab", "a\nb\tc", 0, "a\\nb\\tc", 7},
        {"terminal escape", "\x1b[31m", 0, "\\x1b[31m", 8},
        {"override",
         "a\xe2\x80\xae"
         "b",
         0, "a\\u202eb", 8},
        {"wide fits", "中文", 4, "中文", 4},
        {"wide is never halved", "中文字", 4, "中…", 3},
        {"wide at the limit", "中文字", 5, "中文…", 5},
        {"accent stays with its letter", "ae\xcc\x81x", 2, "a…", 2},
        {"accents count nothing",
         "e\xcc\x81"
         "e\xcc\x81",
         2,
         "e\xcc\x81"
         "e\xcc\x81",
         2},
        {"invalid byte",
         "a\xff"
         "b",
         0,
         "a\xef\xbf\xbd"
         "b",
         3},
        {"cut sequence", "a\xe4\xb8", 0, "a\xef\xbf\xbd\xef\xbf\xbd", 3},
        {"overlong", "\xc0\xaf", 0, "\xef\xbf\xbd\xef\xbf\xbd", 2},
        {"surrogate", "\xed\xa0\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 3},
        {"escape at the cut", "abc\n", 4, "abc…", 4},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        cli_buf out = {0};
        CHECK_CASE(rows[i].name);
        size_t width = cli_show(&out, rows[i].text, strlen(rows[i].text), rows[i].max);
        CHECK_STR(cli_buf_str(&out), rows[i].want);
        CHECK_EQ_SIZE(width, rows[i].width);
        cli_buf_reset(&out);
    }
}

DBK_TEST(cli_show_reads_only_what_it_shows) {
    cli_buf out = {0};
    /* claims 1 GiB: anything read behind the array would be seen by the sanitizers */
    CHECK_EQ_SIZE(cli_show(&out, "abcdefghij", (size_t)1 << 30, 5), 5);
    CHECK_STR(cli_buf_str(&out), "abcd…");
    cli_buf_reset(&out);
}

DBK_TEST(cli_progress_lines) {
    dbk_progress p = {.struct_size = sizeof p,
                      .state = KernelStatementStatusKind_Running,
                      .chunks_total = -1,
                      .rows_total = -1};
    cli_buf line = {0};
    cli_progress_line(&line, NULL, 1234, 80);
    CHECK_STR(cli_buf_str(&line), "connecting, 1.2 s");
    line.len = 0;
    cli_progress_line(&line, &p, 12345, 80);
    CHECK_STR(cli_buf_str(&line), "running, 12.3 s");
    p = (dbk_progress){.state = KernelStatementStatusKind_Succeeded,
                       .chunks_total = 40,
                       .chunks_done = 12,
                       .rows_total = 400,
                       .rows_decoded = 120,
                       .bytes_received = 5000000};
    line.len = 0;
    cli_progress_line(&line, &p, 1000, 80);
    CHECK_STR(cli_buf_str(&line), "reading, 12/40 chunks, 120/400 rows, 5.0 MB/s, 1.0 s");
    line.len = 0;
    cli_progress_line(&line, &p, 1000, 10);
    CHECK_STR(cli_buf_str(&line), "reading, …");
    cli_buf_reset(&line);
}

DBK_TEST(cli_suggestions) {
    CHECK(cli_looks_like("qurey", "query"));
    CHECK(cli_looks_like("formt", "format"));
    CHECK(!cli_looks_like("shell", "query"));
    CHECK(!cli_looks_like("a-very-long-word-that-is-no-option-at-all", "file"));
}

/* ---- the state of the local warehouse ---- */

DBK_TEST(cli_local_urls) {
    static const struct {
        const char *url, *host;
        uint16_t port;
        bool ok;
    } rows[] = {
        {"http://127.0.0.1:8080", "127.0.0.1", 8080, true},
        {"http://localhost:1/", "localhost", 1, true},
        {"http://[::1]:65535", "::1", 65535, true},
        {"http://127.0.0.1", "", 0, false},
        {"http://127.0.0.1:0", "", 0, false},
        {"http://127.0.0.1:65536", "", 0, false},
        {"http://127.0.0.1:80x", "", 0, false},
        {"http://:80", "", 0, false},
        {"https://127.0.0.1:80", "", 0, false},
        {"", "", 0, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char host[256] = "";
        uint16_t port = 0;
        CHECK_CASE(rows[i].url);
        CHECK_EQ_I64(cli_local_parse_url(rows[i].url, host, &port), rows[i].ok);
        CHECK_STR(host, rows[i].host);
        CHECK_EQ_U64(port, rows[i].port);
    }
}

DBK_TEST(cli_local_states) {
    static const char whole[] =
        "{\"url\":\"http://127.0.0.1:1\",\"http_path\":\"/p\",\"token\":\"t\","
        "\"pid\":42,\"more\":null}";
    static const char *const refused[] = {
        "",
        "{",
        "[]",
        "{\"url\":\"u\",\"http_path\":\"/p\",\"token\":\"t\"}",
        "{\"url\":\"u\",\"http_path\":\"/p\",\"token\":\"t\",\"pid\":0}",
        "{\"url\":1,\"http_path\":\"/p\",\"token\":\"t\",\"pid\":7}",
    };
    cli_target target = {0};
    int64_t pid = 0;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        CHECK_CASE(refused[i]);
        CHECK(!cli_local_parse_state(refused[i], strlen(refused[i]), &target, &pid));
        CHECK(target.host == NULL && pid == 0);
    }
    CHECK_CASE("whole");
    CHECK(cli_local_parse_state(whole, sizeof whole - 1, &target, &pid));
    CHECK_STR(target.host, "http://127.0.0.1:1");
    CHECK_STR(target.http_path, "/p");
    CHECK_STR(target.token, "t");
    CHECK_EQ_I64(pid, 42);
    cli_target_reset(&target);
}
