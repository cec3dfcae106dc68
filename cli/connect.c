#include "connect.h"

#include "local.h"
#include "trace.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dbkernel.h"

/* A person waits: a refused connection is reported after about four seconds, not after half a
 * minute. */
enum { RETRY_MIN_MS = 100, RETRY_MAX_MS = 10000, RETRY_COUNT = 4 };

/* Result chunks kept ahead of the writer. Each may take 20 MiB and more; a few hide the network's
 * latency, more only cost memory. */
#define CHUNKS_AHEAD "3"

static const char *flag_or_environment(const char *flag, const char *variable) {
    if (flag != NULL) {
        return flag;
    }
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* ---- the token ---- */

static bool read_token(const char *path, char **out, cli_fault *fault) {
    cli_buf text = {0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int failed = fd < 0 ? errno : cli_read_all(fd, &text);
    if (fd >= 0) {
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077u) != 0) {
            (void)fprintf(stderr, "warning: other users can read %s: chmod 600\n", path);
        }
        (void)close(fd);
    }
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL) {
        text.len--;
    }
    if (failed != 0) {
        cli_fault_set(fault, CLI_EXIT_USAGE, "cannot read the token file %s: %s", path,
                      strerror(failed));
    } else if (text.len == 0) {
        cli_fault_set(fault, CLI_EXIT_USAGE, "the token file %s is empty", path);
    } else {
        *out = cli_strndup(text.ptr, text.len);
    }
    if (text.ptr != NULL) {
        explicit_bzero(text.ptr, text.cap);
    }
    cli_buf_reset(&text);
    return *out != NULL;
}

static void missing(cli_fault *fault, const char *what, const char *flag, const char *variable) {
    cli_fault_set(fault, CLI_EXIT_USAGE, "no %s: set %s or use %s", what, variable, flag);
    fault->hint =
        cli_strdup("without a workspace, try --local: it finds or starts a local warehouse");
}

/* As the other tools of Databricks find them; a token goes before them. */
static const char *client_id(void) {
    const char *secret = flag_or_environment(NULL, "DATABRICKS_CLIENT_SECRET");
    return secret != NULL ? flag_or_environment(NULL, "DATABRICKS_CLIENT_ID") : NULL;
}

static bool find_token(const cli_args *args, cli_target *target, cli_fault *fault) {
    if (args->token_file != NULL) {
        return read_token(args->token_file, &target->token, fault);
    }
    const char *token = flag_or_environment(NULL, "DATABRICKS_TOKEN");
    if (token != NULL) {
        target->token = cli_strdup(token);
    } else if (client_id() == NULL) {
        missing(fault, "token", "--token-file", "DATABRICKS_TOKEN");
    }
    return token != NULL || client_id() != NULL;
}

/* What is said on the command line goes before the environment, a host before a profile. */
static const char *find_profile(const cli_args *args) {
    bool placed = args->local || args->host != NULL || args->token_file != NULL ||
                  flag_or_environment(NULL, "DATABRICKS_HOST") != NULL;
    return placed && args->profile == NULL
               ? NULL
               : flag_or_environment(args->profile, "DATABRICKS_CONFIG_PROFILE");
}

static bool find_target(const cli_args *args, cli_target *target, cli_fault *fault) {
    if (args->local) {
        return cli_local_find(target, args->quiet, fault);
    }
    const char *host = flag_or_environment(args->host, "DATABRICKS_HOST");
    const char *http_path = flag_or_environment(args->http_path, "DATABRICKS_HTTP_PATH");
    if (host == NULL) {
        missing(fault, "host", "--host", "DATABRICKS_HOST");
        return false;
    }
    if (http_path == NULL) {
        missing(fault, "HTTP path of a warehouse", "--http-path", "DATABRICKS_HTTP_PATH");
        return false;
    }
    if (!find_token(args, target, fault)) {
        return false;
    }
    size_t len = strlen(host);
    while (len > 0 && host[len - 1] == '/') { /* as copied from a browser */
        len--;
    }
    target->host = cli_strndup(host, len);
    target->http_path = cli_strdup(http_path);
    return true;
}

/* ---- the configuration ---- */

static bool set_behaviour(KernelSessionConfig *config, const cli_args *args, bool arrow) {
    bool ok = kernel_session_config_set_retry_config(config, RETRY_MIN_MS, RETRY_MAX_MS,
                                                     RETRY_COUNT, 0) == KernelStatusCode_Success;
    ok = ok && kernel_session_config_set_client_conf(config, "cloudfetch_max_chunks_in_memory",
                                                     CHUNKS_AHEAD) == KernelStatusCode_Success;
    if (!arrow) {
        ok = ok && kernel_session_config_set_client_conf(config, "complex_types_as_json", "true") ==
                       KernelStatusCode_Success;
        ok = ok && kernel_session_config_set_client_conf(config, "intervals_as_string", "true") ==
                       KernelStatusCode_Success;
    }
    for (size_t i = 0; ok && i < args->conf_count; i++) {
        ok = kernel_session_config_set_session_conf(
                 config, args->confs[i].key, args->confs[i].value) == KernelStatusCode_Success;
    }
    return ok;
}

static bool set_target(KernelSessionConfig *config, const cli_args *args,
                       const cli_target *target) {
    const char *catalog = flag_or_environment(args->catalog, "DATABRICKS_CATALOG");
    const char *schema = flag_or_environment(args->schema, "DATABRICKS_SCHEMA");
    const char *profile = find_profile(args);
    KernelStatusCode st =
        profile != NULL
            ? dbk_session_config_set_profile(config, NULL, profile, args->http_path)
            : kernel_session_config_set_http_path(config, target->host, target->http_path);
    if (st == KernelStatusCode_Success && profile == NULL) {
        st = target->token != NULL ? kernel_session_config_set_auth_pat(config, target->token)
                                   : kernel_session_config_set_auth_m2m(
                                         config, client_id(), getenv("DATABRICKS_CLIENT_SECRET"));
    }
    if (st != KernelStatusCode_Success) {
        return false;
    }
    return (catalog == NULL && schema == NULL) ||
           dbk_session_config_set_namespace(config, catalog, schema) == KernelStatusCode_Success;
}

bool cli_configure(const cli_args *args, bool arrow, KernelSessionConfig **out, cli_fault *fault) {
    cli_target target = {0};
    KernelSessionConfig *config = NULL;
    bool ok = find_profile(args) != NULL || find_target(args, &target, fault);
    if (ok) {
        ok = kernel_session_config_new(&config) == KernelStatusCode_Success &&
             set_target(config, args, &target) && set_behaviour(config, args, arrow) &&
             cli_trace_listen(config, args);
        if (!ok) {
            cli_fault_take(fault, true);
            kernel_session_config_free(config);
        }
    }
    cli_target_reset(&target);
    *out = ok ? config : NULL;
    return ok;
}

bool cli_connect(const cli_args *args, bool arrow, kernel_session_t **out, cli_fault *fault) {
    KernelSessionConfig *config = NULL;
    bool ok = cli_configure(args, arrow, &config, fault);
    if (ok) {
        cli_watch_connecting();
        ok = kernel_session_open_cancellable(config, out, cli_watch_token()) ==
             KernelStatusCode_Success; /* takes config */
        if (!ok) {
            cli_fault_take(fault, true);
        }
        cli_watch_end();
    }
    return ok;
}
