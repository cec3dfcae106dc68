#include "net/net.h"

#include "unit.h"

DBK_TEST(url_header_compiles) {
    CHECK(true);
}
