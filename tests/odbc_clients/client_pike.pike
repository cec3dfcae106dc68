// Pike's Sql.odbc: pike client_pike.pike DATA_SOURCE
int main(int argc, array(string) argv) {
    Sql.Sql db = Sql.Sql("odbc://token@" + argv[1]);
    db->query("CREATE OR REPLACE TABLE pike_items (id INT, name STRING, price DOUBLE)");
    db->query("INSERT INTO pike_items VALUES (:id, :name, :price)", ([":id": 1, ":name": "two words", ":price": 12.5]));
    db->query("INSERT INTO pike_items VALUES (2, NULL, NULL)");
    foreach (db->query("SELECT * FROM pike_items ORDER BY id"), mapping row)
        write("%s|%s|%s\n", (string)row->id, row->name ? (string)row->name : "NULL", row->price ? (string)row->price : "NULL");
    mixed error = catch { db->query("SELECT * FROM no_such_table"); };
    write("error %d\n", has_value(describe_error(error), "no_such_table"));
    write("tables %s\n", filter(db->list_tables(), lambda(string t) { return has_suffix(t, "pike_items"); }) * " ");
    error = 0; // it holds the statement, which must go before the connection
    gc();
    return 0;
}
