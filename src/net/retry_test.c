#include "net/net.h"

#include "unit.h"

DBK_TEST(retry_header_compiles) {
    CHECK(true);
}
