/* What a browser (or anybody on this machine) asks of the login port: dbk_callback_parse. Property: values are
 * never longer than the line they came from. */
#include <stdint.h>
#include <stdlib.h>

#include "auth/browser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dbk_callback c;
    dbk_callback_parse(dbk_slice_n(data, size), &c);
    const dbk_buf *values[] = {&c.state, &c.code, &c.error, &c.description};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (values[i]->len > size) {
            abort();
        }
    }
    if ((c.has_code && c.code.len == 0) || (size == 0 && c.get)) {
        abort();
    }
    dbk_callback_reset(&c);
    return 0;
}
