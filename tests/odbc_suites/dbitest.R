# DBItest on R's package odbc; suites.py runs it. A line for each test: what became of it, its seconds, its name; messages of
# failures behind it. Words: contexts (getting_started, driver ...), or none for all. DBITEST_SKIP: regular expressions.
suppressMessages({ library(DBI); library(testthat) })
options(cli.num_colors = 1L, crayon.enabled = FALSE)
spark <- Sys.getenv("DBITEST_DIALECT") != "postgresql"
tweaks <- if (spark) DBItest::tweaks(
  temporary_tables = FALSE, placeholder_pattern = "?", date_cast = function(x) paste0("DATE'", x, "'"),
  timestamp_cast = function(x) paste0("TIMESTAMP_NTZ'", x, "'"), blob_cast = function(x) x, time_cast = function(x) paste0("TIME'", x, "'"),
  create_table_as = function(table, query) paste0("CREATE TABLE ", table, " AS ", query)
) else DBItest::tweaks(
  temporary_tables = FALSE, placeholder_pattern = "?", date_cast = function(x) paste0("date '", x, "'"),
  timestamp_cast = function(x) paste0("timestamp '", x, "'"), blob_cast = function(x) x
)
left_out <- strsplit(Sys.getenv("DBITEST_SKIP"), " ", fixed = TRUE)[[1]]
DBItest::make_context(odbc::odbc(), list(.connection_string = Sys.getenv("CONNECTION_STRING"), timezone = "UTC"), tweaks = tweaks, name = "odbc")

Lines <- R6::R6Class("Lines", inherit = Reporter, public = list(
  began = NULL, bad = NULL, skipped = FALSE,
  start_test = function(context, test) { self$began <- Sys.time(); self$bad <- character(); self$skipped <- FALSE },
  add_result = function(context, test, result) {
    if (inherits(result, c("expectation_failure", "expectation_error"))) self$bad <- c(self$bad, conditionMessage(result))
    if (inherits(result, "expectation_skip")) self$skipped <- TRUE
  },
  end_test = function(context, test) {
    seconds <- as.numeric(Sys.time() - self$began, units = "secs")
    became <- if (length(self$bad)) "failed" else if (self$skipped) "skipped" else "passed"
    cat(sprintf("%s %.2f %s\n", became, seconds, test))
    if (length(self$bad)) cat(paste0("    ", gsub("\n", "\n    ", self$bad), "\n"), sep = "")
    flush(stdout())
  }
))
contexts <- c("getting_started", "driver", "connection", "result", "sql", "meta", "transaction", "compliance")
words <- commandArgs(TRUE)
for (context in if (length(words)) words else contexts) {
  cat("context", context, "\n")
  with_reporter(Lines$new(), get(paste0("test_", context), asNamespace("DBItest"))(skip = left_out))
}
