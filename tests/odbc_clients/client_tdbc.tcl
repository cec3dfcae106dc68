# Tcl's tdbc::odbc: tclsh client_tdbc.tcl DATA_SOURCE
package require tdbc::odbc
encoding system utf-8
fconfigure stdout -encoding utf-8
tdbc::odbc::connection create db "DSN=[lindex $argv 0]"
db allrows {CREATE OR REPLACE TABLE tdbc_items (id INT, name STRING, price DOUBLE, day DATE)}
set insert [db prepare {INSERT INTO tdbc_items VALUES (:id, :name, :price, :day)}]
foreach {parameter type} {id integer name varchar price double day date} { $insert paramtype $parameter in $type }
$insert allrows [dict create id 1 name "caf\u00e9 \u65e5\u672c" price 12.5 day 2024-02-29]
$insert allrows [dict create id 2]
$insert close
foreach row [db allrows -as dicts {SELECT * FROM tdbc_items WHERE id < :most ORDER BY id} {most 10}] {
    set values {}
    foreach column {id name price day} {
        lappend values [expr {[dict exists $row $column] ? [dict get $row $column] : "NULL"}]
    }
    puts [join $values |]
}
catch {db allrows {SELECT * FROM no_such_table}} message options
puts "state [lindex [dict get $options -errorcode] 2]"
puts "tables [dict keys [db tables tdbc_items]]"
puts "columns [dict keys [db columns tdbc_items]]"
db close
