#include "local.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

void cli_target_reset(cli_target *target) {
    if (target->token != NULL) {
        explicit_bzero(target->token, strlen(target->token));
    }
    free(target->host);
    free(target->http_path);
    free(target->token);
    *target = (cli_target){0};
}

bool cli_local_parse_state(const char *json, size_t len, cli_target *target, int64_t *pid) {
    json_t *root = json_loadb(json, len, 0, NULL);
    const char *url = json_string_value(json_object_get(root, "url"));
    const char *http_path = json_string_value(json_object_get(root, "http_path"));
    const char *token = json_string_value(json_object_get(root, "token"));
    json_int_t number = json_integer_value(json_object_get(root, "pid"));
    bool complete = url != NULL && http_path != NULL && token != NULL && number > 0;
    if (complete) {
        cli_target_reset(target);
        target->host = cli_strdup(url);
        target->http_path = cli_strdup(http_path);
        target->token = cli_strdup(token);
        *pid = number;
    }
    json_decref(root);
    return complete;
}

bool cli_local_parse_url(const char *url, char host[256], uint16_t *port) {
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    url += sizeof scheme - 1;
    const char *name = url[0] == '[' ? url + 1 : url;
    size_t len = url[0] == '[' ? strcspn(name, "]") : strcspn(name, ":/");
    const char *rest = name + len + (url[0] == '[' && name[len] == ']' ? 1 : 0);
    if (len == 0 || len > 255 || rest[0] != ':') {
        return false;
    }
    char *end = NULL;
    unsigned long number = strtoul(rest + 1, &end, 10);
    if (rest[1] < '0' || rest[1] > '9' || number == 0 || number > 65535 ||
        (*end != '\0' && *end != '/')) {
        return false;
    }
    memcpy(host, name, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return true;
}
