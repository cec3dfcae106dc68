"""Databricks SQL to the engine's SQL: classify, type, rewrite, name."""
