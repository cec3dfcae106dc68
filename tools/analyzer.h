/* Put in front of every file by tools/tidy.sh (and by nothing else). The analyzer reads one file at a
 * time and cannot see that setting an error never returns DBK_OK; without this it follows paths that
 * do not exist and reports their null pointers. */
#if __has_include("base/error.h")
#    include "base/error.h"
#    define dbk_error_set(err, code, ...) ((void)dbk_error_set(err, code, __VA_ARGS__), (code))
#    define dbk_error_wrap(err, ...)      ((void)dbk_error_wrap(err, __VA_ARGS__), DBK_INTERNAL)
#    define dbk_error_oom(err, what)      ((void)dbk_error_oom(err, what), DBK_RESOURCE_EXHAUSTED)
#endif
