// POCO Data: client_poco DATA_SOURCE
#include <Poco/Data/ODBC/Connector.h>
#include <Poco/Data/ODBC/ODBCException.h>
#include <Poco/Data/RecordSet.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/Statement.h>

#include <iostream>
#include <string>

using namespace Poco::Data::Keywords;

int main(int, char **argv) {
    Poco::Data::ODBC::Connector::registerConnector();
    Poco::Data::Session sql("ODBC", "DSN=" + std::string(argv[1]));
    sql << "CREATE OR REPLACE TABLE poco_items (id INT, name STRING, price DOUBLE, day DATE)", now;
    int id = 1;
    std::string name = "café 😀";
    double price = 12.5;
    Poco::Data::Date day(2024, 2, 29);
    sql << "INSERT INTO poco_items VALUES (?, ?, ?, ?)", use(id), use(name), use(price), use(day), now;
    Poco::Nullable<std::string> no_name;
    Poco::Nullable<double> no_price;
    id = 2;
    sql << "INSERT INTO poco_items (id, name, price) VALUES (?, ?, ?)", use(id), use(no_name), use(no_price), now;
    int most = 10;
    Poco::Data::Statement select(sql);
    select << "SELECT * FROM poco_items WHERE id < ? ORDER BY id", use(most);
    select.execute();
    Poco::Data::RecordSet rows(select);
    for (bool more = rows.moveFirst(); more; more = rows.moveNext()) {
        for (std::size_t i = 0; i < rows.columnCount(); i++) {
            std::cout << (i == 0 ? "" : "|") << (rows.isNull(rows.columnName(i)) ? "NULL" : rows[i].convert<std::string>());
        }
        std::cout << "\n";
    }
    try {
        sql << "SELECT * FROM no_such_table", now;
    } catch (const Poco::Data::ODBC::ODBCException &error) {
        std::cout << "error " << (error.displayText().find("42S02") != std::string::npos) << "\n";
    }
}
