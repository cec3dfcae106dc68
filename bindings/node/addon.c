#include "module.h"

addon *addon_ref(addon *a) {
    a->refs++;
    return a;
}

void addon_unref(addon *a) {
    if (--a->refs == 0) {
        free(a);
    }
}

/* The end of the environment: a worker that stops, the process that exits. Nothing waits. */
static void tear_down(void *data) {
    addon *a = data;
    if (a->loop != NULL) {
        tasks_stop(a);
    }
    a->env = NULL;
    addon_unref(a);
}

static napi_value version(napi_env env, napi_callback_info info) {
    (void)info;
    return js_text(env, DBK_NODE_VERSION);
}

static bool define_functions(addon *a, napi_value exports) {
    static const struct {
        const char *name;
        napi_callback call;
    } functions[] = {{"version", version},
                     {"initKernelLogging", init_kernel_logging},
                     {"kernelLoggingStats", kernel_logging_stats},
                     {"setKernelLogLevel", set_kernel_log_level},
                     {"openSession", open_session}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        napi_value function = NULL;
        if (napi_create_function(a->env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, a,
                                 &function) != napi_ok ||
            napi_set_named_property(a->env, exports, functions[i].name, function) != napi_ok) {
            return false;
        }
    }
    return true;
}

static bool define_auth_mode(napi_env env, napi_value exports) {
    static const char *const modes[] = {"Pat", "OAuthM2m", "OAuthM2mJwt", "OAuthU2m", "AzureSpM2m"};
    napi_property_descriptor members[sizeof modes / sizeof modes[0]] = {0};
    napi_value object = NULL;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        members[i] =
            (napi_property_descriptor){.utf8name = modes[i], .value = js_text(env, modes[i])};
    }
    return napi_create_object(env, &object) == napi_ok &&
           napi_define_properties(env, object, sizeof modes / sizeof modes[0], members) ==
               napi_ok &&
           napi_set_named_property(env, exports, "AuthMode", object) == napi_ok;
}

NAPI_MODULE_INIT() {
    addon *a = calloc(1, sizeof *a);
    if (a == NULL) {
        throw_error(env, "GenericFailure", "Out of memory");
        return NULL;
    }
    a->refs = 1;
    a->env = env;
    /* The hook comes last: it runs before the threadsafe function ends. */
    if (!tasks_start(a) || napi_add_env_cleanup_hook(env, tear_down, a) != napi_ok) {
        throw_error(env, "GenericFailure", "Failed to start the event bridge");
        return NULL;
    }
    return define_functions(a, exports) && define_auth_mode(env, exports) &&
                   classes_define(a, exports)
               ? exports
               : NULL;
}
