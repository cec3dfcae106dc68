// What node-odbc's tests ask of a DBMS: how a table is made anew, and the columns of catalog functions. It stands in for SQL
// Server's, which like ours does not look at the SQL when it is prepared.
const odbc = require('../../../lib/odbc');

const text = (name, nullable, columnSize = 255) => ({ columnSize, dataType: odbc.SQL_VARCHAR, dataTypeName: 'SQL_VARCHAR', decimalDigits: 0, name, nullable });
const short = (name, nullable) => ({ columnSize: 5, dataType: odbc.SQL_SMALLINT, dataTypeName: 'SQL_SMALLINT', decimalDigits: 0, name, nullable });
const int = (name, nullable) => ({ columnSize: 10, dataType: odbc.SQL_INTEGER, dataTypeName: 'SQL_INTEGER', decimalDigits: 0, name, nullable });

module.exports = {
  generateCreateOrReplaceQueries: (table, fields) => [`CREATE OR REPLACE TABLE ${table} ${fields}`],
  sqlColumnsColumns: [
    text('TABLE_CAT', true), text('TABLE_SCHEM', true), text('TABLE_NAME', false), text('COLUMN_NAME', false),
    short('DATA_TYPE', false), text('TYPE_NAME', false), int('COLUMN_SIZE', true), int('BUFFER_LENGTH', true),
    short('DECIMAL_DIGITS', true), short('NUM_PREC_RADIX', true), short('NULLABLE', false), text('REMARKS', true, 4096),
    text('COLUMN_DEF', true), short('SQL_DATA_TYPE', false), short('SQL_DATETIME_SUB', true), int('CHAR_OCTET_LENGTH', true),
    int('ORDINAL_POSITION', false), text('IS_NULLABLE', true),
  ],
  sqlPrimaryKeysColumns: [
    text('TABLE_CAT', true), text('TABLE_SCHEM', true), text('TABLE_NAME', false), text('COLUMN_NAME', false), short('KEY_SEQ', false),
    text('PK_NAME', true),
  ],
  sqlForeignKeysColumns: [
    text('PKTABLE_CAT', true), text('PKTABLE_SCHEM', true), text('PKTABLE_NAME', false), text('PKCOLUMN_NAME', false),
    text('FKTABLE_CAT', true), text('FKTABLE_SCHEM', true), text('FKTABLE_NAME', false), text('FKCOLUMN_NAME', false),
    short('KEY_SEQ', false), short('UPDATE_RULE', true), short('DELETE_RULE', true), text('FK_NAME', true), text('PK_NAME', true),
    short('DEFERRABILITY', true),
  ],
  sqlTablesColumns: [
    text('TABLE_CAT', true), text('TABLE_SCHEM', true), text('TABLE_NAME', true), text('TABLE_TYPE', true), text('REMARKS', true, 4096),
  ],
};
