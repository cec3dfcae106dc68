#include "net/net.h"

#include "unit.h"

DBK_TEST(lane_header_compiles) {
    CHECK(true);
}
