# R with DBI and the package odbc: Rscript query_dbi.R DATA_SOURCE
library(DBI)
source <- commandArgs(TRUE)[1]
con <- dbConnect(odbc::odbc(), source, timezone = "UTC", bigint = "integer")
dbWriteTable(con, "r_dbi_items", data.frame(id = 1:2, name = c("café", NA), price = c(12.5, NA)), overwrite = TRUE)
rows <- dbGetQuery(con, "SELECT * FROM r_dbi_items WHERE id < ? ORDER BY id", params = list(10L))
for (i in seq_len(nrow(rows))) cat(rows$id[i], rows$name[i], rows$price[i], sep = "|", fill = TRUE)
cat("columns", dbListFields(con, "r_dbi_items"), fill = TRUE)
cat("exists", dbExistsTable(con, "r_dbi_items"), fill = TRUE)
told <- tryCatch(dbGetQuery(con, "SELECT * FROM no_such_table"), error = conditionMessage)
cat("error", grepl("no_such_table", told), fill = TRUE)
dbRemoveTable(con, "r_dbi_items")
dbDisconnect(con)
