// CppDB 0.3: client_cppdb DATA_SOURCE
#include <cppdb/frontend.h>

#include <ctime>
#include <iostream>
#include <string>

int main(int, char **argv) {
    cppdb::session sql("odbc:DSN=" + std::string(argv[1]) + ";@engine=unknown");
    sql << "CREATE OR REPLACE TABLE cppdb_items (id INT, name STRING, price DOUBLE, day TIMESTAMP)" << cppdb::exec;
    std::tm day = {};
    day.tm_year = 124;
    day.tm_mon = 1;
    day.tm_mday = 29;
    sql << "INSERT INTO cppdb_items VALUES (?, ?, ?, ?)" << 1 << "café 😀" << 12.5 << day << cppdb::exec;
    sql << "INSERT INTO cppdb_items VALUES (?, ?, ?, ?)" << 2 << cppdb::null << cppdb::null << cppdb::null << cppdb::exec;
    cppdb::result rows = sql << "SELECT * FROM cppdb_items WHERE id < ? ORDER BY id" << 10;
    while (rows.next()) {
        int id = 0;
        std::string name = "NULL";
        double price = -1;
        std::tm read = {};
        rows >> id;
        rows.fetch("name", name);
        rows.fetch("price", price);
        int year = rows.fetch("day", read) ? read.tm_year + 1900 : 0;
        std::cout << id << "|" << name << "|" << price << "|" << year << "\n";
    }
    try {
        sql << "SELECT * FROM no_such_table" << cppdb::row;
    } catch (const cppdb::cppdb_error &error) {
        std::cout << "error " << (std::string(error.what()).find("no_such_table") != std::string::npos) << "\n";
    }
}
