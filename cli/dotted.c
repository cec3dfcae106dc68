#include "dotted.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* One part that begins at *at, which moves behind it; NULL: empty or not closed. */
static char *take_part(const char **at) {
    const char *p = *at;
    cli_buf part = {0};
    bool quoted = *p == '`';
    bool closed = !quoted;
    for (p += quoted ? 1 : 0; *p != '\0' && (quoted || *p != '.'); p++) {
        if (quoted && *p == '`' && p[1] != '`') {
            closed = true;
            p++;
            break;
        }
        p += quoted && *p == '`' ? 1 : 0;
        cli_buf_add_char(&part, *p);
    }
    *at = p;
    char *name = closed && part.len > 0 ? cli_strndup(part.ptr, part.len) : NULL;
    cli_buf_reset(&part);
    return name;
}

bool cli_dotted_parse(cli_dotted *dotted, const char *text, size_t count) {
    *dotted = (cli_dotted){0};
    for (size_t i = 0; i < count; i++) {
        free(dotted->parts[0]); /* NULL: there were less than three so far */
        dotted->parts[0] = dotted->parts[1];
        dotted->parts[1] = dotted->parts[2];
        dotted->parts[2] = take_part(&text);
        if (dotted->parts[2] == NULL) {
            break;
        }
        if (*text == '\0') {
            return true;
        }
        if (*text++ != '.') { /* text behind a closing backtick */
            break;
        }
    }
    cli_dotted_reset(dotted);
    return false;
}

void cli_dotted_reset(cli_dotted *dotted) {
    for (size_t i = 0; i < COUNT_OF(dotted->parts); i++) {
        free(dotted->parts[i]);
    }
    *dotted = (cli_dotted){0};
}

void cli_like_exactly(cli_buf *out, const char *name) {
    for (; *name != '\0'; name++) {
        if (*name == '%' || *name == '_' || *name == '\\') {
            cli_buf_add_char(out, '\\');
        }
        cli_buf_add_char(out, *name);
    }
}

static bool is_plain(const char *name) {
    bool plain = isalpha((unsigned char)*name) || *name == '_';
    for (; *name != '\0'; name++) {
        plain = plain && (isalnum((unsigned char)*name) || *name == '_');
    }
    return plain;
}

void cli_identifier(cli_buf *out, const char *name) {
    if (is_plain(name)) {
        cli_buf_add_str(out, name);
        return;
    }
    cli_buf_add_char(out, '`');
    for (; *name != '\0'; name++) {
        cli_buf_add_str(out, *name == '`' ? "`" : "");
        cli_buf_add_char(out, *name);
    }
    cli_buf_add_char(out, '`');
}
