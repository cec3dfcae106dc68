# Perl DBI: perl query.pl DATA_SOURCE
use strict;
use warnings;
use DBI;

my $dbh = DBI->connect("dbi:ODBC:$ARGV[0]", undef, undef, { RaiseError => 1, PrintError => 0 });
$dbh->do("CREATE OR REPLACE TABLE perl_items (id INT, name STRING, price DECIMAL(10,2), day DATE)");
my $insert = $dbh->prepare("INSERT INTO perl_items VALUES (?, ?, ?, ?)");
$insert->execute(1, "café 😀", "12.50", "2024-02-29");
$insert->execute(2, undef, undef, undef);
my $rows = $dbh->selectall_arrayref("SELECT * FROM perl_items WHERE id < ? ORDER BY id", undef, 10);
print join("|", map { defined $_ ? $_ : "NULL" } @$_), "\n" for @$rows;
my $select = $dbh->prepare("SELECT id, name FROM perl_items WHERE id = ?");
$select->execute(1);
print join(",", @{ $select->{NAME} }), "\n";
my ($id) = $select->fetchrow_array;
print "id $id\n";
$select->finish;
$dbh->{LongReadLen} = 100000;
my ($long) = $dbh->selectrow_array("SELECT repeat('x', 60000)");
print "long ", length($long), "\n";
eval { $dbh->do("SELECT * FROM no_such_table") };
print "state ", $dbh->state, "\n";
my @tables = map { $_->[2] } @{ $dbh->table_info(undef, undef, "perl_items", "TABLE")->fetchall_arrayref };
print "tables @tables\n";
$dbh->disconnect;
