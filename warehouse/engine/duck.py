"""First cut."""
from __future__ import annotations
import threading
import duckdb, sqlglot
from warehouse.dialect.types import from_duck
from warehouse.engine.base import Outcome
from warehouse.errors import SqlError, Canceled
from warehouse.wire import Column
class DuckEngine:
    def __init__(self, effects):
        self.effects=effects
        self.root=duckdb.connect(":memory:")
    def execute(self, session, sql, parameters, cancel):
        cur=self.root.cursor(); cancel.on_cancel(cur.interrupt); cancel.check()
        try:
            cur.execute(f"SET TimeZone='{session.zone}'")
            q=sqlglot.transpile(sql.rstrip("; \n"),read="databricks",write="duckdb")[0]
            r=cur.sql(q)
            reader=r.to_arrow_reader(61440)
        except duckdb.InterruptException: raise Canceled()
        except Exception as e: raise SqlError("ERR",str(e),"42000")
        cols=[Column(n,from_duck(t)) for n,t in zip(r.columns,r.types)]
        def count(deadline):
            c2=self.root.cursor(); t=threading.Timer(deadline,c2.interrupt); t.start()
            try: return c2.execute(f"select count(*) from ({q})").fetchone()[0]
            except Exception: return None
            finally: t.cancel()
        return Outcome(columns=cols,batches=iter(reader),count_rows=count,close=cur.close)
    def close(self): pass
