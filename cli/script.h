/* script.h: the statements of one `dbk query`, from arguments, files and standard input. */
#ifndef DBK_CLI_SCRIPT_H
#define DBK_CLI_SCRIPT_H

#include "args.h"
#include "errors.h"
#include "split.h"

typedef struct cli_script_item {
    cli_sql sql;
    const char *file; /* NULL: from an argument; borrowed from args */
} cli_script_item;

typedef struct cli_script {
    cli_script_item *items; /* owned */
    size_t count;
    cli_buf *texts; /* owned: the contents of the files */
    size_t text_count;
} cli_script;

/* False with fault set; script is to be reset in both cases. */
bool cli_script_read(cli_script *script, const cli_args *args, cli_fault *fault);
void cli_script_reset(cli_script *script);

#endif
