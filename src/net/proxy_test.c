#include "net/proxy.h"

#include "unit.h"

DBK_TEST(proxy_bypass_list) {
    static const struct {
        const char *list, *authority;
        bool want;
    } rows[] = {
        /* spec auth 12: the table for "localhost" */
        {"localhost", "localhost", true},
        {"LOCALHOST", "localhost", true},
        {".localhost", "localhost", true},
        {"*", "localhost", true},
        {"*.localhost", "localhost", true}, /* stricter kernels do not know the form */
        {"*localhost", "localhost", false},
        {"localhost:9443", "localhost:9443", true},
        {"localhost:9443", "localhost:1", false},
        {"localhost:443", "localhost", true},
        {"host", "localhost", false},
        {"127.0.0.1", "localhost", false},
        {"<local>", "localhost", false},
        {"a;localhost", "localhost", false},
        {"127.0.0.0/8", "127.0.0.1", true},
        {"127.0.0.0/8", "127.0.0.1:9", true},
        {"127.0.0.0/8", "128.0.0.1", false},
        {"127.0.0.0/8", "localhost", false},
        {"foo.net", "x.bar.net", false},
        {"net.example", "net.example", true},
        {"net.example", "a.b.net.example", true},
        {"net.example", "annet.example", false},
        /* the rest */
        {"", "localhost", false},
        {" , ,", "localhost", false},
        {"a, b.c ,localhost", "localhost", true},
        {"a b localhost", "localhost", true},
        {"a,*", "anything", true},
        {"*.internal.corp", "db.internal.corp:443", true},
        {"*.internal.corp", "internal.corp", true},
        {"*.internal.corp", "xinternal.corp", false},
        {"example.com.", "example.com", true},
        {"example.com", "example.com.", true},
        {".", "example.com", false},
        {"*.", "example.com", false},
        {"10.1.2.0/23", "10.1.3.255", true},
        {"10.1.2.0/23", "10.1.4.0", false},
        {"10.1.2.3/32", "10.1.2.3", true},
        {"10.1.2.3/33", "10.1.2.3", false},
        {"0.0.0.0/0", "10.1.2.3", true},
        {"10.0.0.0/", "10.0.0.0", false},
        {"10.0.0.0/x", "10.0.0.0", false},
        {"10.0.0.1:80", "10.0.0.1", false},
        {"10.0.0.1:443", "10.0.0.1", true},
        {"0.0.1", "10.0.0.1", false}, /* no tail of an address */
        {"::1", "[::1]:443", true},
        {"[::1]", "[::1]", true},
        {"[::1]:444", "[::1]", false},
        {"[::1]:444", "[::1]:444", true},
        {"fd00::/8", "[fd12::1]", true},
        {"fd00::/8", "[fe80::1]", false},
        {"fd00::/8", "10.0.0.1", false},
        {"", "169.254.169.254", true}, /* a cloud's service for this machine: by no proxy */
        {"", "169.254.169.254:80", true},
        {"", "169.254.169.253", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_CASE(rows[i].list);
        CHECK(dbk_proxy_bypassed(dbk_slice_of(rows[i].list), dbk_slice_of(rows[i].authority),
                                 443) == rows[i].want);
    }
}
