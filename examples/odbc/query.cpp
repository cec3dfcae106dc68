// C++ with nanodbc (https://github.com/nanodbc/nanodbc): query DATA_SOURCE
#include <nanodbc/nanodbc.h>

#include <iostream>
#include <string>
#include <vector>

int main(int, char **argv) {
    nanodbc::connection connection("DSN=" + std::string(argv[1]));
    nanodbc::just_execute(connection, "CREATE OR REPLACE TABLE nano_items (id INT, name STRING, price DECIMAL(10,2), day DATE)");

    nanodbc::statement insert(connection, "INSERT INTO nano_items VALUES (?, ?, CAST(? AS DECIMAL(10,2)), CAST(? AS DATE))");
    std::vector<int> ids{1, 2}; // an array of parameters: two rows in one call
    std::vector<std::string> names{"café 😀", "-"}, prices{"12.50", "-"}, days{"2024-02-29", "-"};
    insert.bind(0, ids.data(), ids.size());
    insert.bind_strings(1, names, "-"); // "-" stands for NULL
    insert.bind_strings(2, prices, "-");
    insert.bind_strings(3, days, "-");
    nanodbc::just_execute(insert, static_cast<long>(ids.size()));

    auto rows = nanodbc::execute(connection, "SELECT * FROM nano_items ORDER BY id", 100); // a rowset of 100
    while (rows.next()) {
        for (short i = 0; i < rows.columns(); i++) {
            std::cout << (i == 0 ? "" : "|") << rows.get<std::string>(i, "NULL");
        }
        std::cout << "\n";
    }
    try {
        nanodbc::execute(connection, "SELECT * FROM no_such_table");
    } catch (const nanodbc::database_error &error) {
        std::cout << "state " << error.state() << "\n";
    }
}
