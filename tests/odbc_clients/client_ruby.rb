# ruby-odbc: ruby client_ruby.rb DATA_SOURCE
require "odbc_utf8"

ODBC.connect(ARGV[0]) do |db|
  db.do("CREATE OR REPLACE TABLE ruby_items (id INT, name STRING, price DOUBLE, day DATE)")
  insert = db.prepare("INSERT INTO ruby_items VALUES (?, ?, ?, ?)")
  insert.execute(1, "café 😀", 12.5, ODBC::Date.new(2024, 2, 29))
  insert.execute(2, nil, nil, nil)
  insert.drop
  select = db.run("SELECT * FROM ruby_items WHERE id < ? ORDER BY id", 10)
  puts select.columns(true).map { |c| "#{c.name} #{c.type}" }.join(",")
  select.fetch_all.each { |row| puts row.map { |v| v.nil? ? "NULL" : v.to_s }.join("|") }
  select.drop
  begin
    db.run("SELECT * FROM no_such_table")
  rescue ODBC::Error => error
    puts "state #{error.message[/\A[0-9A-Z]{5}/]}"
  end
  puts "tables #{db.tables("ruby_items").fetch_all.map { |t| t[2] }.join(" ")}"
  puts "columns #{db.columns("ruby_items").fetch_all.map { |c| c[3] }.join(" ")}"
end
