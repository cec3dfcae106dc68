#!/usr/bin/env escript
%% Erlang's odbc: escript client_erlang.escript DATA_SOURCE
main([Source]) ->
    io:setopts([{encoding, unicode}]),
    ok = odbc:start(),
    {ok, Db} = odbc:connect("DSN=" ++ Source, [{binary_strings, on}, {scrollable_cursors, off}]),
    {updated, _} = odbc:sql_query(Db, "CREATE OR REPLACE TABLE erlang_items (id INT, name STRING, price DOUBLE)"),
    Name = unicode:characters_to_binary("caf\x{e9} \x{1f600}"),
    {updated, _} = odbc:param_query(Db, "INSERT INTO erlang_items VALUES (?, ?, ?)",
                                    [{sql_integer, [1, 2]}, {{sql_varchar, 40}, [Name, <<"two">>]}, {sql_double, [12.5, null]}]),
    {selected, Columns, Rows} = odbc:param_query(Db, "SELECT * FROM erlang_items WHERE id < ? ORDER BY id", [{sql_integer, [10]}]),
    io:format("~s~n", [string:join(Columns, ",")]),
    [io:format("~w|~ts|~w~n", [I, N, P]) || {I, N, P} <- Rows],
    {error, Reason} = odbc:sql_query(Db, "SELECT * FROM no_such_table"),
    io:format("error ~w~n", [string:str(lists:flatten(io_lib:format("~p", [Reason])), "no_such_table") > 0]),
    {ok, Described} = odbc:describe_table(Db, "erlang_items"),
    io:format("columns ~s~n", [string:join([element(1, C) || C <- Described], " ")]),
    ok = odbc:disconnect(Db).
