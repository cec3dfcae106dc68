% SWI-Prolog's library(odbc): swipl client_prolog.pl DATA_SOURCE
:- use_module(library(odbc)).
:- initialization(main, main).

text_of(null, 'NULL') :- !.
text_of(date(Y, M, D), T) :- !, format(atom(T), '~w-~w-~w', [Y, M, D]).
text_of(V, V).

main([Source]) :-
    odbc_connect(Source, Db, [encoding(utf8), null(null)]),
    odbc_query(Db, 'CREATE OR REPLACE TABLE prolog_items (id INT, name STRING, price DOUBLE, day DATE)'),
    odbc_prepare(Db, 'INSERT INTO prolog_items VALUES (?, ?, ?, ?)', [integer, varchar, double, date], Insert),
    odbc_execute(Insert, [1, 'café 日本', 12.5, date(2024, 2, 29)], _),
    odbc_execute(Insert, [2, null, null, null], _),
    odbc_free_statement(Insert),
    odbc_prepare(Db, 'SELECT * FROM prolog_items WHERE id < ? ORDER BY id', [integer], Select),
    forall(odbc_execute(Select, [10], row(A, B, C, D)),
           ( maplist(text_of, [A, B, C, D], Texts), atomic_list_concat(Texts, '|', Line), writeln(Line) )),
    odbc_free_statement(Select),
    catch(odbc_query(Db, 'SELECT * FROM no_such_table', _), error(odbc(State, _, _), _),
          format('state ~w~n', [State])),
    ( odbc_current_table(Db, prolog_items) -> writeln('table prolog_items') ; true ),
    findall(C1, odbc_table_column(Db, prolog_items, C1), Columns),
    atomic_list_concat(Columns, ' ', Names), format('columns ~w~n', [Names]),
    odbc_disconnect(Db).
