#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_statements(cli_script *script, const char *text, size_t len, const char *file) {
    cli_split split = cli_split_start(text, len);
    cli_sql sql;
    while (cli_split_next(&split, &sql)) {
        if ((script->count & (script->count - 1)) == 0) { /* full at every power of two */
            size_t cap = script->count == 0 ? 1 : script->count * 2;
            cli_script_item *grown = cli_alloc(cap, sizeof *grown);
            if (script->count > 0) {
                memcpy(grown, script->items, script->count * sizeof *grown);
            }
            free(script->items);
            script->items = grown;
        }
        script->items[script->count++] = (cli_script_item){.sql = sql, .file = file};
    }
}

static bool read_file(const char *path, cli_buf *text, cli_fault *fault) {
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int failed = fd < 0 ? errno : cli_read_all(fd, text);
    if (fd >= 0 && !standard_input) {
        (void)close(fd);
    }
    if (failed != 0) {
        cli_fault_set(fault, CLI_EXIT_USAGE, "cannot read %s: %s",
                      standard_input ? "standard input" : path, strerror(failed));
        return false;
    }
    return true;
}

bool cli_script_read(cli_script *script, const cli_args *args, cli_fault *fault) {
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    *script = (cli_script){.texts = cli_alloc(args->input_count, sizeof(cli_buf))};
    for (size_t i = 0; i < args->input_count; i++) {
        const cli_input *input = &args->inputs[i];
        if (!input->is_file) {
            add_statements(script, input->text, strlen(input->text), NULL);
            continue;
        }
        cli_buf *text = &script->texts[script->text_count++];
        if (!read_file(input->text, text, fault)) {
            return false;
        }
        const char *start = cli_buf_str(text);
        size_t mark = text->len >= 3 && memcmp(start, byte_order_mark, 3) == 0 ? 3 : 0;
        add_statements(script, start + mark, text->len - mark,
                       strcmp(input->text, "-") == 0 ? "standard input" : input->text);
    }
    if (script->count == 0) {
        cli_fault_set(fault, CLI_EXIT_USAGE, "there is no SQL statement in the input");
        return false;
    }
    return true;
}

void cli_script_reset(cli_script *script) {
    for (size_t i = 0; i < script->text_count; i++) {
        cli_buf_reset(&script->texts[i]);
    }
    free(script->texts);
    free(script->items);
    *script = (cli_script){0};
}
