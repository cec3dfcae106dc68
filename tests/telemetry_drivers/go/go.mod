module session

go 1.25.0

require github.com/databricks/databricks-sql-go v0.0.0

// A copy of the driver with the kernel's archive beside its cgo files; see bindings/go/README.md.
replace github.com/databricks/databricks-sql-go => ../../../build/go/driver
