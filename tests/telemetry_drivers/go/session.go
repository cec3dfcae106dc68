// One connection of the official Go driver on the kernel, as a user would make it: session DSN.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"os"

	_ "github.com/databricks/databricks-sql-go"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func run(dsn string) error {
	db, err := sql.Open("databricks", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	connection, err := db.Conn(context.Background()) // one session for all
	if err != nil {
		return err
	}
	defer connection.Close()

	if err := expect(connection, "SELECT 'secret_literal' AS a", 1); err != nil {
		return err
	}
	if err := expect(connection, "SELECT id, repeat('x', 100) AS t FROM range(0, 300000)", 300000); err != nil {
		return err
	}
	if _, err := count(connection, "SELECT * FROM there_is_no_such_table"); err == nil {
		return errors.New("a missing table is no error")
	}
	return nil
}

func expect(connection *sql.Conn, query string, wanted int) error {
	n, err := count(connection, query)
	if err == nil && n != wanted {
		err = fmt.Errorf("%d rows instead of %d", n, wanted)
	}
	return err
}

func count(connection *sql.Conn, query string) (int, error) {
	rows, err := connection.QueryContext(context.Background(), query)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}
