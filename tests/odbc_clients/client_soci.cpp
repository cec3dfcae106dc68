// SOCI 4: client_soci DATA_SOURCE
#include <soci/odbc/soci-odbc.h>
#include <soci/soci.h>

#include <ctime>
#include <iostream>
#include <string>

int main(int, char **argv) {
    soci::session sql(soci::odbc, "DSN=" + std::string(argv[1]));
    sql << "CREATE OR REPLACE TABLE soci_items (id INT, name STRING, price DOUBLE, day TIMESTAMP)";
    int id = 1;
    std::string name = "café 😀";
    double price = 12.5;
    std::tm day = {};
    day.tm_year = 124;
    day.tm_mon = 1;
    day.tm_mday = 29;
    soci::indicator there = soci::i_ok, null = soci::i_null;
    sql << "INSERT INTO soci_items VALUES (:id, :name, :price, :day)", soci::use(id), soci::use(name, there), soci::use(price, there), soci::use(day, there);
    id = 2;
    sql << "INSERT INTO soci_items VALUES (:id, :name, :price, :day)", soci::use(id), soci::use(name, null), soci::use(price, null), soci::use(day, null);
    soci::rowset<soci::row> rows = (sql.prepare << "SELECT * FROM soci_items WHERE id < :most ORDER BY id", soci::use(10));
    for (const soci::row &r : rows) {
        std::cout << r.get<int>(0) << "|" << r.get<std::string>(1, "NULL") << "|" << r.get<double>(2, -1.0) << "|";
        std::cout << (r.get_indicator(3) == soci::i_null ? 0 : r.get<std::tm>(3).tm_year + 1900) << "\n";
    }
    int count = 0;
    sql << "SELECT count(*) FROM soci_items", soci::into(count);
    std::cout << "rows " << count << "\n";
    try {
        sql << "SELECT * FROM no_such_table";
    } catch (const soci::odbc_soci_error &error) {
        std::cout << "state " << reinterpret_cast<const char *>(error.odbc_error_code()) << "\n";
    }
}
