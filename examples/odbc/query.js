// Node.js: node query.js DATA_SOURCE, with the package odbc (https://www.npmjs.com/package/odbc).
const odbc = require('odbc');

async function main() {
  const connection = await odbc.connect(`DSN=${process.argv[2]}`);
  await connection.query('CREATE OR REPLACE TABLE node_items (id INT, name STRING, price DECIMAL(10,2), day DATE)');
  const insert = await connection.createStatement();
  await insert.prepare('INSERT INTO node_items VALUES (?, ?, CAST(? AS DECIMAL(10,2)), CAST(? AS DATE))');
  for (const row of [[1, 'café 😀', '12.50', '2024-02-29'], [2, null, null, null]]) {
    await insert.bind(row);
    await insert.execute();
  }
  await insert.close();
  const rows = await connection.query('SELECT * FROM node_items WHERE id < ? ORDER BY id', [10]);
  for (const row of rows) {
    console.log(rows.columns.map((column) => row[column.name] ?? 'NULL').join('|'));
  }
  const cursor = await connection.query('SELECT id FROM range(1000)', { cursor: true, fetchSize: 300 });
  let count = 0;
  while (!cursor.noData) {
    count += (await cursor.fetch()).length;
  }
  console.log(`rows ${count}`);
  await cursor.close();
  await connection.query('SELECT * FROM no_such_table').catch((error) => console.log(`state ${error.odbcErrors[0].state}`));
  await connection.close();
}

main();
