// Databricks' JDBC driver in SEA mode against the warehouse that the environment names. One line per case:
// PASS name | FAIL name: what | SKIP name: why; END when it came to the end. Run by oracle.py:
//   java -cp databricks-jdbc.jar Jdbc.java

import java.math.BigDecimal;
import java.net.URI;
import java.sql.Connection;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.TreeSet;

class Jdbc {
    interface Case {
        void run() throws Exception;
    }

    static String url(String more) {
        URI server = URI.create(System.getenv("DATABRICKS_SERVER_HOSTNAME"));
        return "jdbc:databricks://" + server.getHost() + ":" + server.getPort() + "/default;transportMode=http;ssl="
            + (server.getScheme().equals("https") ? 1 : 0) + ";AuthMech=3;UseThriftClient=0;EnableTelemetry=0;httpPath="
            + System.getenv("DATABRICKS_HTTP_PATH") + more;
    }

    static Connection open(String more) throws SQLException {
        Properties who = new Properties();
        who.put("UID", "token");
        who.put("PWD", System.getenv("DATABRICKS_TOKEN"));
        return DriverManager.getConnection(url(more), who);
    }

    static void same(Object expected, Object found) {
        if (!String.valueOf(expected).equals(String.valueOf(found))) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    static void holds(boolean truth, String what) {
        if (!truth) {
            throw new AssertionError(what);
        }
    }

    static List<String> column(ResultSet rows, String name) throws SQLException {
        List<String> found = new ArrayList<>();
        try (rows) {
            while (rows.next()) {
                found.add(rows.getString(name));
            }
        }
        return found;
    }

    static void check(String name, Case code) {
        try {
            code.run();
            System.out.println("PASS " + name);
        } catch (Throwable error) {
            System.out.println("FAIL " + name + " " + String.valueOf(error).replace('\n', ' '));
            error.printStackTrace();
        }
    }

    static Connection c;

    static void query(String text, Reader reader) throws Exception {
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(text)) {
            reader.read(r);
        }
    }

    interface Reader {
        void read(ResultSet rows) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        c = open("");
        check("connect", () -> {
            holds(c.isValid(10), "not valid");
            holds(c.getMetaData().getDatabaseProductName().length() > 0, "no product name");
        });
        check("select_one", () -> query("SELECT 1 AS n, 'é' AS s", r -> {
            holds(r.next(), "no row");
            same(1, r.getInt("n"));
            same("é", r.getString(2));
            holds(!r.next(), "a second row");
        }));
        check("types", () -> query(
            "SELECT true AS b, CAST(1 AS TINYINT) AS t, CAST(2 AS SMALLINT) AS s, 3 AS i, 4L AS l, CAST(1.5 AS FLOAT) AS f, "
                + "2.5D AS d, CAST(1.25 AS DECIMAL(10,2)) AS c, DATE '2026-01-02' AS dt, "
                + "TIMESTAMP '2026-01-02 03:04:05.678' AS ts, X'00ff' AS x, CAST(NULL AS INT) AS u",
            r -> {
                ResultSetMetaData m = r.getMetaData();
                int[] types = {Types.BOOLEAN, Types.TINYINT, Types.SMALLINT, Types.INTEGER, Types.BIGINT, Types.FLOAT,
                    Types.DOUBLE, Types.DECIMAL, Types.DATE, Types.TIMESTAMP, Types.BINARY, Types.INTEGER};
                for (int i = 0; i < types.length; i++) {
                    same(m.getColumnLabel(i + 1) + " " + types[i], m.getColumnLabel(i + 1) + " " + m.getColumnType(i + 1));
                }
                same("10,2", m.getPrecision(8) + "," + m.getScale(8));
                holds(r.next(), "no row");
                holds(r.getBoolean(1), "b");
                same(1, r.getByte(2));
                same(2, r.getShort(3));
                same(3, r.getInt(4));
                same(4, r.getLong(5));
                same(1.5f, r.getFloat(6));
                same(2.5, r.getDouble(7));
                same(new BigDecimal("1.25"), r.getBigDecimal(8));
                same(Date.valueOf("2026-01-02"), r.getDate(9));
                holds(r.getTimestamp(10).toString().startsWith("2026-01-02 03:04:05.678"), r.getTimestamp(10).toString());
                same(255, r.getBytes(11)[1] & 0xff);
                r.getInt(12);
                holds(r.wasNull(), "NULL");
            }));
        check("nested_types", () -> query("SELECT array(1, 2) AS a, map('k', 1) AS m, named_struct('x', 1) AS s", r -> {
            holds(r.next(), "no row");
            same("[1,2]", r.getString(1).replace(" ", ""));
            same("{\"k\":1}", r.getString(2).replace(" ", ""));
            same("{\"x\":1}", r.getString(3).replace(" ", ""));
        }));
        check("empty_result", () -> query("SELECT 1 AS a, 'x' AS b WHERE 1 = 0", r -> {
            holds(!r.next(), "a row");
            same("a b", r.getMetaData().getColumnName(1) + " " + r.getMetaData().getColumnName(2));
        }));
        check("prepared_parameters", () -> {
            try (PreparedStatement p = c.prepareStatement("SELECT ? AS i, ? AS s, ? AS d, ? AS dt, ? AS b, ? IS NULL AS n")) {
                p.setInt(1, 42);
                p.setString(2, "it's");
                p.setBigDecimal(3, new BigDecimal("12.34"));
                p.setDate(4, Date.valueOf("2026-05-15"));
                p.setBoolean(5, true);
                p.setNull(6, Types.VARCHAR);
                try (ResultSet r = p.executeQuery()) {
                    holds(r.next(), "no row");
                    same("42 it's 12.34 2026-05-15 true true", r.getInt(1) + " " + r.getString(2) + " " + r.getBigDecimal(3)
                        + " " + r.getDate(4) + " " + r.getBoolean(5) + " " + r.getBoolean(6));
                }
                p.setInt(1, -1);
                try (ResultSet r = p.executeQuery()) {
                    holds(r.next() && r.getInt(1) == -1, "the second value");
                }
            }
        });
        check("ddl_dml_counts", () -> {
            try (Statement s = c.createStatement()) {
                s.execute("CREATE OR REPLACE TABLE main.default.oracle_jdbc (a INT, b STRING)");
                same(3, s.executeUpdate("INSERT INTO main.default.oracle_jdbc VALUES (1, 'x'), (2, 'y'), (3, NULL)"));
                same(2, s.executeUpdate("UPDATE main.default.oracle_jdbc SET b = 'z' WHERE a > 1"));
                same(1, s.executeUpdate("DELETE FROM main.default.oracle_jdbc WHERE a = 1"));
                same("[z, z]", column(s.executeQuery("SELECT b FROM main.default.oracle_jdbc ORDER BY a"), "b"));
            }
        });
        check("batch_insert", () -> {
            try (PreparedStatement p = c.prepareStatement("INSERT INTO main.default.oracle_jdbc VALUES (?, ?)")) {
                for (int i = 10; i < 13; i++) {
                    p.setInt(1, i);
                    p.setString(2, "batch");
                    p.addBatch();
                }
                same(3, p.executeBatch().length);
            }
            query("SELECT count(*) FROM main.default.oracle_jdbc WHERE b = 'batch'", r -> {
                r.next();
                same(3, r.getInt(1));
            });
        });
        check("catalogs", () -> holds(column(c.getMetaData().getCatalogs(), "TABLE_CAT").contains("main"), "no main"));
        check("schemas", () -> same("[default]", column(c.getMetaData().getSchemas("main", "defaul_"), "TABLE_SCHEM")));
        check("schemas_of_all_catalogs",
            () -> holds(column(c.getMetaData().getSchemas(), "TABLE_SCHEM").contains("information_schema"), "none"));
        check("tables", () -> {
            try (Statement s = c.createStatement()) {
                s.execute("CREATE OR REPLACE VIEW main.default.oracle_jdbc_v AS SELECT 1 AS one");
            }
            same("[oracle_jdbc]", column(
                c.getMetaData().getTables("main", "default", "oracle_jdbc%", new String[] {"TABLE"}), "TABLE_NAME"));
            same("[oracle_jdbc_v]", column(
                c.getMetaData().getTables("main", "default", "oracle_jdbc%", new String[] {"VIEW"}), "TABLE_NAME"));
            same("[oracle_jdbc, oracle_jdbc_v]", new TreeSet<>(column(
                c.getMetaData().getTables("main", "default", "oracle_jdbc%", null), "TABLE_NAME")));
        });
        check("columns", () -> {
            try (ResultSet r = c.getMetaData().getColumns("main", "default", "oracle_jdbc", "%")) {
                List<String> found = new ArrayList<>();
                while (r.next()) {
                    found.add(r.getString("COLUMN_NAME") + " " + r.getInt("DATA_TYPE") + " " + r.getString("TYPE_NAME") + " "
                        + r.getInt("ORDINAL_POSITION"));
                }
                holds(found.toString().matches("\\[a 4 INT [01], b 12 STRING [12]\\]"), found.toString());
            }
        });
        check("keys", () -> {
            try (Statement s = c.createStatement()) {
                s.execute("DROP TABLE IF EXISTS main.default.oracle_child");
                s.execute("CREATE OR REPLACE TABLE main.default.oracle_parent (id INT NOT NULL, CONSTRAINT parent_pk PRIMARY KEY (id))");
                s.execute("CREATE TABLE main.default.oracle_child (id INT, CONSTRAINT child_fk FOREIGN KEY (id) "
                    + "REFERENCES main.default.oracle_parent (id))");
            }
            same("[id]", column(c.getMetaData().getPrimaryKeys("main", "default", "oracle_parent"), "COLUMN_NAME"));
            same("[oracle_parent]", column(c.getMetaData().getImportedKeys("main", "default", "oracle_child"), "PKTABLE_NAME"));
            same("[oracle_child]", column(c.getMetaData().getCrossReference("main", "default", "oracle_parent", "main",
                "default", "oracle_child"), "FKTABLE_NAME"));
        });
        check("functions", () -> column(c.getMetaData().getFunctions("main", "default", "%"), "FUNCTION_NAME"));
        check("table_types", () -> holds(column(c.getMetaData().getTableTypes(), "TABLE_TYPE").contains("VIEW"), "no VIEW"));
        check("type_info", () -> holds(column(c.getMetaData().getTypeInfo(), "TYPE_NAME").contains("DECIMAL"), "no DECIMAL"));
        check("large_result", () -> query("SELECT id, CAST(id AS STRING) AS s, uuid() AS u FROM range(2000000)", r -> {
            long n = 0;
            while (r.next()) {
                if (r.getLong(1) != n || n % 100_000 == 0 && !r.getString(2).equals(Long.toString(n))) {
                    throw new AssertionError("row " + n + " is " + r.getLong(1));
                }
                n++;
            }
            same(2_000_000, n);
        }));
        check("row_limit", () -> {
            try (Statement s = c.createStatement()) {
                s.setMaxRows(7);
                same(7, column(s.executeQuery("SELECT id FROM range(1000)"), "id").size());
            }
        });
        check("error", () -> {
            try {
                query("SELECT * FROM no_such_table_here", r -> {});
            } catch (SQLException error) {
                holds(error.getMessage().contains("no_such_table_here"), error.getMessage());
                return;
            }
            throw new AssertionError("no error");
        });
        check("cancel", () -> {
            try (Statement s = c.createStatement()) {
                Thread canceller = new Thread(() -> {
                    boolean sent = false;
                    while (!sent) { // until the driver knows the statement's id
                        try {
                            Thread.sleep(200);
                            s.cancel();
                            sent = true;
                        } catch (SQLException | InterruptedException tooEarly) {
                            sent = tooEarly instanceof InterruptedException;
                        }
                    }
                });
                canceller.start();
                String ended = "finished";
                try {
                    s.executeQuery("/*lw: pending=20*/ SELECT count(*) FROM range(0, 1000000000000) WHERE pow(rand(), 2) < 0.5 AND sqrt(id) > 1");
                } catch (SQLException error) {
                    ended = error.getMessage();
                }
                canceller.interrupt();
                canceller.join();
                holds(ended.toUpperCase().contains("CANCEL"), ended);
            }
        });
        check("timeout", () -> {
            try (Statement s = c.createStatement()) {
                s.setQueryTimeout(2);
                try {
                    s.executeQuery("SELECT count(*) FROM range(0, 1000000000000) WHERE pow(rand(), 2) < 0.5 AND sqrt(id) > 1");
                } catch (SQLException error) {
                    holds(error.getMessage().toLowerCase().contains("time"), error.getMessage());
                    return;
                }
                throw new AssertionError("no error");
            }
        });
        check("session_catalog_and_schema", () -> {
            try (Connection other = open(";ConnCatalog=system;ConnSchema=information_schema");
                 Statement s = other.createStatement();
                 ResultSet r = s.executeQuery("SELECT current_catalog(), current_schema()")) {
                r.next();
                same("system information_schema", r.getString(1) + " " + r.getString(2));
            }
        });
        check("session_conf", () -> {
            try (Connection other = open(";ansi_mode=false");
                 Statement s = other.createStatement(); ResultSet r = s.executeQuery("SELECT CAST('x' AS INT)")) {
                r.next();
                holds(r.getObject(1) == null, "ANSI is on");
            }
        });
        check("async", () -> {
            try (Statement s = c.createStatement()) {
                com.databricks.jdbc.api.IDatabricksStatement d = s.unwrap(com.databricks.jdbc.api.IDatabricksStatement.class);
                d.executeAsync("SELECT count(*) AS n FROM range(1000000) WHERE id % 7 = 3");
                ResultSet r = d.getExecutionResult();
                while (!r.unwrap(com.databricks.jdbc.api.IDatabricksResultSet.class).getExecutionStatus()
                            .getExecutionState().toString().equals("SUCCEEDED")) {
                    Thread.sleep(50);
                    r = d.getExecutionResult();
                }
                holds(r.next(), "no row");
                same(142857, r.getLong(1));
            }
        });
        check("close", () -> {
            c.close();
            holds(c.isClosed(), "open");
        });
        System.out.println("END");
        System.exit(0);
    }
}
