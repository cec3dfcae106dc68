#include "odbc.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The driver manager's own reader when one is loaded or installed (it knows where odbc.ini is and keeps
 * it in memory); else the plain file is read here. A connection never fails because neither is there. */

typedef int profile_string(const char *section, const char *entry, const char *fallback, char *out,
                           int cap, const char *file);

static profile_string *reader(void) {
    static const char *const libraries[] = {"libodbcinst.so.2", "libodbcinst.so.1",
                                            "libiodbcinst.so.2", "libodbcinst.2.dylib"};
    void *found = dlsym(RTLD_DEFAULT, "SQLGetPrivateProfileString");
    for (size_t i = 0; found == NULL && i < COUNT_OF(libraries); i++) {
        void *library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL); /* kept: it is the DM's own */
        found = library == NULL ? NULL : dlsym(library, "SQLGetPrivateProfileString");
    }
    profile_string *fn = NULL;
    memcpy(&fn, &found, sizeof fn); /* ISO C has no cast from data to function pointers */
    return fn;
}

static void add_by_manager(keys *k, profile_string *get, const char *section, const char *file) {
    char names[16384]; /* "a\0b\0\0" */
    memset(names, 0, sizeof names);
    if (get(section, NULL, "", names, (int)sizeof names - 1, file) <= 0) {
        return;
    }
    for (const char *name = names; *name != '\0'; name += strlen(name) + 1) {
        char value[8192] = "";
        (void)get(section, name, "", value, (int)sizeof value, file);
        (void)keys_add(k, text_trim(text_of(name)), text_trim(text_of(value)));
        explicit_bzero(value, sizeof value);
    }
}

static void add_from_file(keys *k, FILE *f, const char *section) {
    char *line = NULL;
    size_t cap = 0;
    bool inside = false;
    for (ssize_t len; (len = getline(&line, &cap, f)) >= 0;) {
        text t = text_trim((text){line, (size_t)len});
        if (t.len > 2 && t.ptr[0] == '[' && t.ptr[t.len - 1] == ']') {
            inside = text_is(text_trim((text){t.ptr + 1, t.len - 2}), section);
            continue;
        }
        const char *equals = t.len == 0 ? NULL : memchr(t.ptr, '=', t.len);
        if (inside && equals != NULL && t.ptr[0] != ';' && t.ptr[0] != '#') {
            size_t at = (size_t)(equals - t.ptr);
            (void)keys_add(k, text_trim((text){t.ptr, at}),
                           text_trim((text){t.ptr + at + 1, t.len - at - 1}));
        }
    }
    if (line != NULL) {
        explicit_bzero(line, cap);
    }
    free(line);
}

/* Where odbc.ini may be, in order. */
static FILE *open_file(size_t nth, const char *name) {
    const char *odbcini = getenv("ODBCINI"), *home = getenv("HOME"), *sys = getenv("ODBCSYSINI");
    buf path = {0};
    bool odbc = strcmp(name, "odbc.ini") == 0;
    if (nth == 0 && odbc && odbcini != NULL) {
        buf_add_text(&path, odbcini);
    } else if (nth == 1 && home != NULL) {
        buf_printf(&path, "%s/.%s", home, name);
    } else if (nth == 2 && sys != NULL) {
        buf_printf(&path, "%s/%s", sys, name);
    } else if (nth == 3) {
        buf_printf(&path, "/etc/%s", name);
    }
    FILE *f = path.len > 0 && !path.failed ? fopen(path.ptr, "re") : NULL;
    buf_free(&path);
    return f;
}

void ini_add_section(keys *k, const char *section, const char *file) {
    profile_string *get = reader();
    if (get != NULL) {
        add_by_manager(k, get, section, file);
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        FILE *f = open_file(i, file);
        if (f != NULL) {
            add_from_file(k, f, section);
            (void)fclose(f);
        }
    }
}
