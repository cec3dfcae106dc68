// node cursors.js FOLDER: cursors of node odbc in FOLDER, opened and closed by callbacks on eight connections at once, with the
// garbage collector at work: where its worker threads and its objects' lives meet. CONNECTION_STRING says to whom.
'use strict';

const odbc = require(`${process.argv[2]}/lib/odbc`);

const LANES = 8;
const ROUNDS = 300;

function openAndClose(connection) {
  return new Promise((resolve, reject) => {
    connection.query('SELECT 1 AS a', { cursor: true, fetchSize: 3 }, (failed, cursor) => {
      if (failed) {
        reject(failed);
        return;
      }
      cursor.close((refused) => (refused ? reject(refused) : resolve()));
    });
  });
}

async function lane() {
  const connection = await odbc.connect(process.env.CONNECTION_STRING);
  for (let i = 0; i < ROUNDS; i += 1) {
    await openAndClose(connection);
    if (i % 5 === 0) {
      global.gc();
    }
  }
  await connection.close();
}

Promise.all(Array.from({ length: LANES }, lane)).then(
  () => console.log(`${LANES * ROUNDS} cursors opened and closed`),
  (error) => {
    console.log(String(error), JSON.stringify(error.odbcErrors));
    process.exitCode = 1;
  },
);
