#include "module.h"

void *object_new(addon *a, size_t size, void (*destroy)(object *)) {
    object *o = calloc(1, size);
    if (o != NULL) {
        o->refs = 1;
        o->addon = addon_ref(a);
        o->destroy = destroy;
    }
    return o;
}

void *object_ref(void *o) {
    ((object *)o)->refs++;
    return o;
}

void object_unref(void *self) {
    object *o = self;
    if (o == NULL || --o->refs > 0) {
        return;
    }
    addon *a = o->addon;
    o->destroy(o);
    free(o);
    addon_unref(a);
}

static void collected(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    object_unref(data);
}

/* Only object_wrap makes instances. */
static napi_value construct(napi_env env, napi_callback_info info) {
    call c = call_begin(env, info);
    void *made = c.addon->making;
    c.addon->making = NULL;
    if (made == NULL) {
        throw_error(env, NULL, "Class contains no `constructor`, can not new it!");
        return NULL;
    }
    if (napi_wrap(env, c.self, made, collected, NULL, NULL) != napi_ok) {
        object_unref(made);
    }
    return c.self;
}

napi_value object_wrap(class_id id, void *takes_o) {
    object *o = takes_o;
    addon *a = o->addon;
    napi_value constructor = NULL;
    napi_value instance = NULL;
    if (napi_get_reference_value(a->env, a->classes[id], &constructor) != napi_ok) {
        object_unref(o);
        return NULL;
    }
    a->making = o;
    if (napi_new_instance(a->env, constructor, 0, NULL, &instance) != napi_ok) {
        if (a->making != NULL) { /* the constructor did not run */
            a->making = NULL;
            object_unref(o);
        }
        return NULL;
    }
    return instance;
}

static const class_spec *const specs[CLASS_COUNT] = {
    [CLASS_CONNECTION] = &connection_class,
    [CLASS_STATEMENT] = &statement_class,
    [CLASS_ASYNC_STATEMENT] = &async_statement_class,
    [CLASS_ASYNC_RESULT] = &async_result_class,
    [CLASS_EXECUTION] = &execution_class,
};

void *object_unwrap(const call *c, class_id id) {
    void *o = NULL;
    if (napi_unwrap(c->env, c->self, &o) != napi_ok) {
        throw_error(c->env, "InvalidArg",
                    "Failed to unwrap exclusive reference of `%s` type from napi value",
                    specs[id]->name);
    }
    return o;
}

static bool define(addon *a, class_id id, napi_value exports) {
    const class_spec *spec = specs[id];
    napi_property_descriptor members[26] = {0};
    napi_value constructor = NULL;
    size_t count = 0;
    members[count++] = (napi_property_descriptor){.utf8name = spec->getter,
                                                  .getter = spec->get,
                                                  .attributes = napi_enumerable | napi_configurable,
                                                  .data = a};
    for (size_t i = 0; spec->methods[i].name != NULL; i++) {
        members[count++] = (napi_property_descriptor){.utf8name = spec->methods[i].name,
                                                      .method = spec->methods[i].call,
                                                      .attributes = napi_default_jsproperty,
                                                      .data = a};
    }
    return napi_define_class(a->env, spec->name, NAPI_AUTO_LENGTH, construct, a, count, members,
                             &constructor) == napi_ok &&
           napi_create_reference(a->env, constructor, 1, &a->classes[id]) == napi_ok &&
           napi_set_named_property(a->env, exports, spec->name, constructor) == napi_ok;
}

bool classes_define(addon *a, napi_value exports) {
    for (int id = 0; id < CLASS_COUNT; id++) {
        if (!define(a, (class_id)id, exports)) {
            return false;
        }
    }
    return true;
}
