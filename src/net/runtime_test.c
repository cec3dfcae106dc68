#include "net/net.h"

#include "unit.h"

DBK_TEST(runtime_header_compiles) {
    CHECK(true);
}
