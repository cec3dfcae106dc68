<?php
// PHP: php query.php DATA_SOURCE; first PDO, then the odbc functions.
$db = new PDO("odbc:" . $argv[1], null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
$db->exec("CREATE OR REPLACE TABLE php_items (id INT, name STRING, price DECIMAL(10,2), day DATE)");
$insert = $db->prepare("INSERT INTO php_items VALUES (?, ?, ?, ?)");
$insert->execute([1, "café 😀", "12.50", "2024-02-29"]);
$insert->execute([2, null, null, null]);
$select = $db->prepare("SELECT * FROM php_items WHERE id < ? ORDER BY id");
$select->execute([10]);
foreach ($select->fetchAll(PDO::FETCH_NUM) as $row) {
    echo implode("|", array_map(fn($v) => $v ?? "NULL", $row)), "\n";
}
$long = $db->query("SELECT repeat('x', 70000)")->fetchColumn();
echo "long ", strlen($long), "\n";
try {
    $db->query("SELECT * FROM no_such_table");
} catch (PDOException $e) {
    echo "state ", $e->errorInfo[0], "\n";
}
$c = odbc_connect($argv[1], "", "");
$r = odbc_exec($c, "SELECT id, name FROM php_items ORDER BY id");
while ($row = odbc_fetch_array($r)) {
    echo $row["id"], " ", $row["name"] ?? "NULL", "\n";
}
$p = odbc_prepare($c, "SELECT name FROM php_items WHERE id = ?");
odbc_execute($p, [1]);
echo odbc_fetch_row($p) ? odbc_result($p, 1) : "none", "\n";
