#include "net/net.h"

#include "unit.h"

DBK_TEST(http_header_compiles) {
    CHECK(true);
}
