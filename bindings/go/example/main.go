// Queries a warehouse with the official driver on this kernel; see ../README.md.
//
//	DATABRICKS_HOST, DATABRICKS_HTTP_PATH, DATABRICKS_TOKEN    which warehouse
//	go run -tags databricks_kernel . [maximum]
package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	dbsql "github.com/databricks/databricks-sql-go"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	maximum := 5
	if len(os.Args) > 1 {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil {
			return fmt.Errorf("maximum: %w", err)
		}
		maximum = n
	}
	connector, err := dbsql.NewConnector(
		dbsql.WithServerHostname(os.Getenv("DATABRICKS_HOST")),
		dbsql.WithHTTPPath(os.Getenv("DATABRICKS_HTTP_PATH")),
		dbsql.WithAccessToken(os.Getenv("DATABRICKS_TOKEN")),
		dbsql.WithUseKernel(true), // the default is the Thrift protocol, without the kernel
	)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()

	// The statement is cancelled on the server when the time is over.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rows, err := db.QueryContext(ctx, "SELECT id, id * id AS square FROM range(?) ORDER BY id", maximum)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, square int64
		if err := rows.Scan(&id, &square); err != nil {
			return err
		}
		fmt.Printf("%d\t%d\n", id, square)
	}
	return rows.Err()
}
