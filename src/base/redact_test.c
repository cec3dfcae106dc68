#include "unit.h"

DBK_TEST(redact_line_masks_a_bearer_token) {
    char line[] = "GET /x Authorization: Bearer abcdefghij";
    dbk_redact_line(line);
    CHECK_STR(line, "GET /x Authorization: <REDACTED>");
}
