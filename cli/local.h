/* local.h: the local warehouse: finds the one that runs or starts one. */
#ifndef DBK_CLI_LOCAL_H
#define DBK_CLI_LOCAL_H

#include "cli.h"
#include "errors.h"

typedef struct cli_target { /* where to connect; owned texts */
    char *host;
    char *http_path;
    char *token;
} cli_target;

void cli_target_reset(cli_target *target); /* wipes the token */

/* Fills target with a warehouse that answers. Several dbk at once share one. False with fault set;
 * also when cli_watch_signal asked to stop. */
bool cli_local_find(cli_target *target, bool quiet, cli_fault *fault);

/* Host and port of "http://127.0.0.1:8080/...". False: not of that form. */
bool cli_local_parse_url(const char *url, char host[256], uint16_t *port);
/* What `python -m warehouse --port-file` wrote. False: not (yet) complete. */
bool cli_local_parse_state(const char *json, size_t len, cli_target *target, int64_t *pid);

#endif
