#include "net/net.h"

#include "unit.h"

DBK_TEST(op_header_compiles) {
    CHECK(true);
}
