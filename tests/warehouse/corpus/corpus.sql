# The SQL corpus: one statement per line, every family in a session of its own, in this order.
# run.py executes it on both engines; spark.json holds what Apache Spark answered.

## literals
SELECT 1
SELECT 1 AS n
SELECT 1Y, 2S, 3, 4L
SELECT 3000000000
SELECT 1.5
SELECT 1.50
SELECT 0.5
SELECT .5
SELECT 1e3
SELECT 1.5e-3
SELECT 1.5BD
SELECT 5E3BD
SELECT 1F, 1D
SELECT 12345678901234567890
SELECT 123456789012345678901234.5
SELECT -1
SELECT - 2.5
SELECT +3
SELECT 'a'
SELECT "a"
SELECT 'it''s'
SELECT 'you\'re'
SELECT 'a\nb'
SELECT 'tab\there'
SELECT '\u0041'
SELECT r'a\nb'
SELECT 'a' 'b'
SELECT ''
SELECT TRUE, FALSE
SELECT NULL
SELECT NULL AS x, 1 AS y
SELECT X'1F2E'
SELECT x''
SELECT DATE '2020-02-29'
SELECT DATE'2020'
SELECT DATE'2020-03'
SELECT TIMESTAMP '2020-01-01 12:34:56.789'
SELECT TIMESTAMP '2020-01-01 12:34:56+02:00'
SELECT TIMESTAMP_NTZ '2020-01-01 12:34:56.123456'
SELECT TIMESTAMP'2020-01-01T10:11'
SELECT DATE '0001-01-01', DATE '9999-12-31'
SELECT TIMESTAMP '0001-01-01 00:00:00', TIMESTAMP '9999-12-31 23:59:59.999999'
SELECT 'ünï ☃ 🦆' AS u
SELECT DATE 'x'
SELECT TIMESTAMP '2020-13-01'

## intervals
SELECT INTERVAL '1' DAY
SELECT INTERVAL 1 DAY
SELECT INTERVAL '1 02:03:04' DAY TO SECOND
SELECT INTERVAL '1 02:03:04.567' DAY TO SECOND AS i
SELECT INTERVAL '-1 02:03:04' DAY TO SECOND AS i
SELECT INTERVAL -'1 02:03:04' DAY TO SECOND AS i
SELECT INTERVAL '10:30' HOUR TO MINUTE AS i
SELECT INTERVAL '5' HOUR AS h, INTERVAL '6' MINUTE AS m, INTERVAL '7.5' SECOND AS s
SELECT INTERVAL '1-2' YEAR TO MONTH AS i
SELECT INTERVAL '-1-2' YEAR TO MONTH AS i
SELECT INTERVAL '3' YEAR AS y, INTERVAL '4' MONTH AS m
SELECT INTERVAL 2 WEEKS AS w
SELECT INTERVAL 1 DAY 2 HOURS AS i
SELECT INTERVAL 1 YEAR 2 MONTHS AS i
SELECT CAST(NULL AS INTERVAL DAY TO SECOND) AS i
SELECT CAST(NULL AS INTERVAL YEAR TO MONTH) AS i
SELECT * FROM VALUES (INTERVAL '1' DAY), (INTERVAL '2' DAY), (NULL) AS t(i)
SELECT DATE '2020-01-31' + INTERVAL '1' MONTH AS d
SELECT DATE '2020-01-31' + INTERVAL '1' DAY AS d
SELECT DATE '2020-01-31' - INTERVAL '1' YEAR AS d
SELECT TIMESTAMP '2020-01-31 10:00:00' + INTERVAL '1 02:00:00' DAY TO SECOND AS t
SELECT TIMESTAMP '2020-03-31 10:00:00' - INTERVAL '1' MONTH AS t
SELECT DATE '2020-01-31' - DATE '2020-01-01' AS i
SELECT TIMESTAMP '2020-01-31 10:00:00' - TIMESTAMP '2020-01-30 08:00:00' AS i
SELECT INTERVAL '1' DAY + INTERVAL '2' HOUR AS i
SELECT INTERVAL '1' DAY * 3 AS i
SELECT INTERVAL '1' DAY / 2 AS i
SELECT -INTERVAL '1' DAY AS i
SELECT INTERVAL '1' YEAR * 2 AS i
SELECT INTERVAL '1' DAY > INTERVAL '23' HOUR AS b
SELECT ARRAY(INTERVAL '1' DAY, INTERVAL '2' DAY) AS a
SELECT ARRAY(INTERVAL '1' MONTH) AS a
SELECT STRUCT(INTERVAL '3' YEAR AS y, 1 AS n) AS s
SELECT MAP('a', INTERVAL '1' HOUR) AS m
SELECT NAMED_STRUCT('d', INTERVAL '1 00:00:01' DAY TO SECOND) AS s
SELECT CAST(INTERVAL '1 02:03:04' DAY TO SECOND AS STRING) AS s
SELECT CAST(INTERVAL '1-2' YEAR TO MONTH AS STRING) AS s
SELECT make_dt_interval(1, 2, 3, 4.5) AS i
SELECT make_ym_interval(1, 2) AS i
SELECT SUM(i) AS s FROM VALUES (INTERVAL '1' DAY), (INTERVAL '2' DAY) AS t(i)
SELECT MAX(i) AS s FROM VALUES (INTERVAL '1' MONTH), (INTERVAL '2' MONTH) AS t(i)
SELECT EXTRACT(HOUR FROM INTERVAL '1 02:03:04' DAY TO SECOND) AS h
SELECT INTERVAL 'x' DAY

## casts
SELECT CAST(1 AS TINYINT)
SELECT CAST(1 AS SMALLINT) AS a, CAST(1 AS BIGINT) AS b
SELECT CAST('1' AS INT)
SELECT CAST(' 12 ' AS INT) AS a
SELECT CAST('abc' AS INT)
SELECT CAST('1.5' AS INT)
SELECT CAST(1.9 AS INT) AS a, CAST(-1.9 AS INT) AS b
SELECT CAST(2.5D AS INT) AS a
SELECT CAST(300 AS TINYINT)
SELECT CAST(3000000000 AS INT)
SELECT CAST('1e3' AS DOUBLE) AS a, CAST('NaN' AS DOUBLE) AS b, CAST('Infinity' AS DOUBLE) AS c
SELECT CAST(1 AS BOOLEAN) AS a, CAST('true' AS BOOLEAN) AS b, CAST('n' AS BOOLEAN) AS c
SELECT CAST('maybe' AS BOOLEAN)
SELECT CAST(TRUE AS INT) AS a, CAST(TRUE AS STRING) AS b
SELECT CAST(1.0D AS STRING) AS a, CAST(1e10D AS STRING) AS b, CAST(0.1F AS STRING) AS c
SELECT CAST(12.340 AS STRING) AS a
SELECT CAST('12.345' AS DECIMAL(5,2)) AS a
SELECT CAST(12.345 AS DECIMAL(4,2)) AS a
SELECT CAST(1234.5 AS DECIMAL(4,2))
SELECT CAST('1E+2' AS DECIMAL(10,2)) AS a
SELECT CAST(1e-3 AS DECIMAL(38,3)) AS a
SELECT CAST(1 AS DECIMAL) AS a
SELECT CAST('abc' AS BINARY) AS a
SELECT CAST(X'616263' AS STRING) AS a
SELECT CAST('2020-02-30' AS DATE)
SELECT CAST('2020-02-28' AS DATE) AS a, CAST('2020-2-8' AS DATE) AS b
SELECT CAST('2020-02-28 10:11:12' AS DATE) AS a
SELECT CAST('2020-02-28 10:11:12.5' AS TIMESTAMP) AS a
SELECT CAST('2020-02-28' AS TIMESTAMP) AS a
SELECT CAST('2020-02-28T10:11:12Z' AS TIMESTAMP) AS a
SELECT CAST('2020-02-28 10:11:12' AS TIMESTAMP_NTZ) AS a
SELECT CAST(DATE '2020-01-01' AS TIMESTAMP) AS a
SELECT CAST(TIMESTAMP '2020-01-01 10:11:12' AS DATE) AS a
SELECT CAST(TIMESTAMP '2020-01-01 10:11:12.120' AS STRING) AS a
SELECT CAST(DATE '2020-01-01' AS STRING) AS a
SELECT CAST(1577836800 AS TIMESTAMP) AS a
SELECT CAST(TIMESTAMP '2020-01-01 00:00:00' AS BIGINT) AS a
SELECT CAST(ARRAY(1, 2) AS ARRAY<STRING>) AS a
SELECT CAST(STRUCT(1, 'x') AS STRUCT<a: BIGINT, b: STRING>) AS a
SELECT CAST(MAP(1, 2) AS MAP<STRING, DOUBLE>) AS a
SELECT CAST(ARRAY(1, 2) AS STRING) AS a
SELECT CAST(STRUCT(1 AS a, NULL AS b) AS STRING) AS a
SELECT CAST(MAP('k', 1) AS STRING) AS a
SELECT CAST(NULL AS INT), CAST(NULL AS STRING), CAST(NULL AS DECIMAL(5,2))
SELECT CAST(NULL AS ARRAY<INT>) AS a, CAST(NULL AS STRUCT<a: INT>) AS b
SELECT CAST(NULL AS VOID) AS a
SELECT TRY_CAST('x' AS INT) AS a, TRY_CAST('5' AS INT) AS b
SELECT TRY_CAST('2020-02-30' AS DATE) AS a
SELECT '5'::INT AS a, 5::STRING AS b
SELECT INT('7') AS a, STRING(7) AS b, DOUBLE('1.5') AS c
SELECT CAST(1 AS STRING) || 'x' AS a
SELECT CAST('a' AS VARCHAR(3)) AS a
SELECT CAST(ARRAY(1) AS INT)
SELECT CAST(1 AS NOTYPE)

## arithmetic
SELECT 1 + 2
SELECT 1 + 2 AS a, 5 - 7 AS b, 3 * 4 AS c
SELECT 7 / 2 AS a
SELECT 7 DIV 2 AS a, -7 DIV 2 AS b
SELECT 7 % 3 AS a, -7 % 3 AS b, MOD(7, 3) AS c, PMOD(-7, 3) AS d
SELECT 1 / 0
SELECT 1 % 0
SELECT 1 DIV 0
SELECT 1.0 / 0
SELECT 1D / 0
SELECT try_divide(1, 0) AS a, try_add(1, 2) AS b
SELECT 2147483647 + 1
SELECT 9223372036854775807 + 1
SELECT 2147483647 * 2
SELECT CAST(127 AS TINYINT) + CAST(1 AS TINYINT)
SELECT 1Y + 1S AS a, 1Y + 1 AS b, 1 + 1L AS c, 1 + 1F AS d, 1L + 1D AS e
SELECT 1 + '2' AS a
SELECT '3' * '4' AS a
SELECT 'a' + 1
SELECT 5 & 3 AS a, 5 | 3 AS b, 5 ^ 3 AS c, ~5 AS d
SELECT shiftleft(1, 4) AS a, shiftright(-16, 2) AS b
SELECT ABS(-5) AS a, SIGN(-3.5D) AS b, NEGATIVE(4) AS c
SELECT ROUND(2.5) AS a, ROUND(2.345, 2) AS b, ROUND(-2.5) AS c
SELECT BROUND(2.5) AS a, BROUND(3.5) AS b
SELECT ROUND(2.5D) AS a, ROUND(1234.567D, -2) AS b
SELECT CEIL(1.2) AS a, FLOOR(-1.2) AS b, CEIL(1.2D) AS c
SELECT SQRT(16) AS a, POW(2, 10) AS b, EXP(0) AS c, LN(1) AS d, LOG10(100) AS e, LOG2(8) AS f
SELECT GREATEST(1, 3, 2) AS a, LEAST(1.5, 2) AS b
SELECT 1 = 1.0 AS a, 1 <=> NULL AS b, NULL <=> NULL AS c, 1 <> 2 AS d
SELECT NULL = NULL AS a, NULL + 1 AS b
SELECT 1 BETWEEN 0 AND 2 AS a, 3 NOT BETWEEN 0 AND 2 AS b
SELECT TRUE AND NULL AS a, FALSE AND NULL AS b, TRUE OR NULL AS c, NOT NULL AS d
SELECT 0.1 + 0.2 AS a, 0.1D + 0.2D AS b
SELECT hex(255) AS a, hex('abc') AS b, unhex('f000') AS c, bin(5) AS d
SELECT conv('ff', 16, 10) AS a
SELECT factorial(5) AS a
SELECT width_bucket(5.3, 0.2, 10.6, 5) AS a
SELECT isnan(CAST('NaN' AS DOUBLE)) AS a
SELECT degrees(pi()) AS a, sin(0) AS b, cos(0) AS c
SELECT CAST('NaN' AS DOUBLE) = CAST('NaN' AS DOUBLE) AS a

## decimals
SELECT 1.5 + 2.25 AS a
SELECT 1.5 - 2.25 AS a
SELECT 1.5 * 2.25 AS a
SELECT 1.5 / 2.25 AS a
SELECT 10.0 / 3 AS a
SELECT 5.5 % 2 AS a
SELECT CAST(1 AS DECIMAL(10,2)) * CAST(2 AS DECIMAL(10,2)) AS a
SELECT CAST(1 AS DECIMAL(38,10)) * CAST(2 AS DECIMAL(38,10)) AS a
SELECT CAST(1 AS DECIMAL(10,2)) / CAST(3 AS DECIMAL(10,2)) AS a
SELECT CAST(1 AS DECIMAL(38,10)) / CAST(3 AS DECIMAL(38,10)) AS a
SELECT CAST(1 AS DECIMAL(10,2)) + 1 AS a
SELECT CAST(1 AS DECIMAL(10,2)) + 1L AS a
SELECT CAST(1 AS DECIMAL(10,2)) + 1.5D AS a
SELECT CAST(1 AS DECIMAL(10,2)) + CAST(1 AS DECIMAL(5,4)) AS a
SELECT SUM(x) AS a, AVG(x) AS b FROM VALUES (1.10), (2.20), (3.30) AS t(x)
SELECT SUM(x) AS a, AVG(x) AS b FROM VALUES (CAST(1 AS DECIMAL(38,10))) AS t(x)
SELECT MIN(x) AS a, MAX(x) AS b FROM VALUES (1.10), (2.20) AS t(x)
SELECT ROUND(CAST(12.345 AS DECIMAL(10,3)), 1) AS a
SELECT CAST(9.99 AS DECIMAL(3,2)) + CAST(9.99 AS DECIMAL(3,2)) AS a
SELECT CAST(99999999999999999999999999999999999999 AS DECIMAL(38,0)) + 1
SELECT CAST(1.5 AS DECIMAL(6,3)) AS x UNION ALL SELECT CAST(2.25 AS DECIMAL(5,2)) ORDER BY 1
SELECT COALESCE(CAST(1 AS DECIMAL(5,2)), 2) AS a
SELECT CASE WHEN TRUE THEN 1.5 ELSE 2 END AS a
SELECT IF(TRUE, 1, 2.55) AS a
SELECT -CAST(1.50 AS DECIMAL(5,2)) AS a, ABS(CAST(-1.50 AS DECIMAL(5,2))) AS b
SELECT CAST(123 AS DECIMAL(3,0)) = 123 AS a
SELECT ARRAY(1.5, 2.25) AS a
SELECT CAST(0 AS DECIMAL(1,1)) AS a, CAST(0.001 AS DECIMAL(38,38)) AS b
SELECT FLOOR(CAST(1.55 AS DECIMAL(10,2))) AS a, CEIL(CAST(1.55 AS DECIMAL(10,2))) AS b
SELECT 1 + 1.5 AS a, 2L * 1.5 AS b, 1Y / 1.5 AS c
SELECT CAST(7 AS DECIMAL(10,2)) DIV 2 AS a

## strings
SELECT concat('a', 'b', 'c') AS a, concat('a', NULL) AS b
SELECT 'a' || 'b' AS a, 'a' || NULL AS b, 'a' || 1 AS c
SELECT concat_ws(',', 'a', NULL, 'b') AS a
SELECT upper('aé') AS a, lower('AÉ') AS b, initcap('hello world') AS c
SELECT length('abc') AS a, char_length('é☃') AS b, octet_length('é') AS c, bit_length('a') AS d
SELECT substring('abcdef', 2, 3) AS a, substr('abcdef', -2) AS b, substring('abc', 0, 2) AS c
SELECT left('abc', 2) AS a, right('abc', 2) AS b
SELECT trim('  a ') AS a, ltrim('  a') AS b, rtrim('a  ') AS c, trim(BOTH 'x' FROM 'xax') AS d
SELECT lpad('a', 3, 'x') AS a, rpad('a', 3, 'x') AS b, lpad('abcd', 2, 'x') AS c
SELECT replace('aXbX', 'X', '-') AS a, translate('abc', 'ab', '12') AS b
SELECT reverse('abc') AS a, repeat('ab', 3) AS b, space(3) AS c
SELECT instr('hello', 'l') AS a, locate('l', 'hello', 4) AS b, position('l' IN 'hello') AS c
SELECT split('a,b,c', ',') AS a
SELECT split_part('a.b.c', '.', 2) AS a
SELECT regexp_replace('a1b2', '[0-9]', '#') AS a, regexp_extract('foo123', '([a-z]+)([0-9]+)', 2) AS b
SELECT regexp_extract_all('a1b2', '([0-9])', 1) AS a
SELECT 'abc' LIKE 'a%' AS a, 'abc' LIKE '_b_' AS b, 'a%c' LIKE 'a\\%c' AS c
SELECT 'abc' ILIKE 'A%' AS a, 'abc' RLIKE '^a' AS b
SELECT 'a_c' LIKE 'a!_c' ESCAPE '!' AS a
SELECT ascii('A') AS a, chr(65) AS b, char(66) AS c
SELECT startswith('abc', 'ab') AS a, endswith('abc', 'bc') AS b, contains('abc', 'b') AS c
SELECT md5('a') AS a, sha2('a', 256) AS b, sha1('a') AS c, crc32('a') AS d
SELECT base64('abc') AS a, unbase64('YWJj') AS b
SELECT encode('abc', 'UTF-8') AS a, decode(X'616263', 'UTF-8') AS b
SELECT format_number(1234567.891, 2) AS a
SELECT format_string('%d-%s-%05.2f', 1, 'x', 2.5D) AS a
SELECT printf('%s', 'a') AS a
SELECT levenshtein('kitten', 'sitting') AS a, soundex('Miller') AS b
SELECT elt(2, 'a', 'b') AS a, find_in_set('b', 'a,b,c') AS b
SELECT overlay('abcdef' PLACING 'XX' FROM 2 FOR 3) AS a
SELECT substring_index('a.b.c', '.', 2) AS a
SELECT 'a' < 'B' AS a, 'a' = 'A' AS b, '10' < '9' AS c
SELECT nvl(NULL, 'x') AS a, ifnull(NULL, 'y') AS b, nvl2(NULL, 1, 2) AS c, nullif('a', 'a') AS d, coalesce(NULL, NULL, 3) AS e
SELECT hash('a') AS a, hash(1, 'b') AS b, xxhash64('a') AS c
SELECT url_encode('a b&c') AS a, url_decode('a+b') AS b
SELECT sentences('Hi there. Bye.') AS a
SELECT string(1.50) AS a, to_char(12.5, '99.9') AS b, to_number('12.5', '99.9') AS c
SELECT length(X'0102') AS a, concat(X'01', X'02') AS b
SELECT btrim('  a ') AS a, ucase('a') AS b, lcase('A') AS c
SELECT mask('AbC-12') AS a
SELECT luhn_check('79927398713') AS a

## dates
SELECT year(DATE '2020-02-29') AS a, month(DATE '2020-02-29') AS b, day(DATE '2020-02-29') AS c, quarter(DATE '2020-02-29') AS d
SELECT hour(TIMESTAMP '2020-01-01 12:34:56') AS a, minute(TIMESTAMP '2020-01-01 12:34:56') AS b, second(TIMESTAMP '2020-01-01 12:34:56') AS c
SELECT dayofweek(DATE '2020-02-29') AS a, weekday(DATE '2020-02-29') AS b, dayofyear(DATE '2020-02-29') AS c, weekofyear(DATE '2020-02-29') AS d
SELECT EXTRACT(YEAR FROM DATE '2020-02-29') AS a, EXTRACT(SECOND FROM TIMESTAMP '2020-01-01 00:00:01.5') AS b
SELECT date_part('month', DATE '2020-02-29') AS a
SELECT date_add(DATE '2020-02-28', 2) AS a, date_sub(DATE '2020-03-01', 1) AS b
SELECT DATE '2020-02-28' + 2 AS a, DATE '2020-02-28' - 1 AS b
SELECT datediff(DATE '2020-03-01', DATE '2020-02-01') AS a
SELECT datediff(HOUR, TIMESTAMP '2020-01-01 00:00:00', TIMESTAMP '2020-01-02 01:00:00') AS a
SELECT dateadd(MONTH, 1, DATE '2020-01-31') AS a, timestampadd(HOUR, 3, TIMESTAMP '2020-01-01 00:00:00') AS b
SELECT add_months(DATE '2020-01-31', 1) AS a, months_between(DATE '2020-03-31', DATE '2020-02-28') AS b
SELECT last_day(DATE '2020-02-01') AS a, next_day(DATE '2020-02-01', 'MON') AS b
SELECT trunc(DATE '2020-02-29', 'YEAR') AS a, trunc(DATE '2020-02-29', 'MM') AS b
SELECT date_trunc('HOUR', TIMESTAMP '2020-01-01 12:34:56') AS a, date_trunc('WEEK', TIMESTAMP '2020-01-01 12:34:56') AS b
SELECT date_format(TIMESTAMP '2020-01-02 03:04:05', 'yyyy-MM-dd HH:mm:ss') AS a, date_format(DATE '2020-01-02', 'EEE d MMM yy') AS b
SELECT to_date('2020-01-02') AS a, to_date('02/01/2020', 'dd/MM/yyyy') AS b
SELECT to_timestamp('2020-01-02 03:04:05') AS a, to_timestamp('02.01.2020 03:04', 'dd.MM.yyyy HH:mm') AS b
SELECT to_date('x')
SELECT unix_timestamp(TIMESTAMP '2020-01-01 00:00:00') AS a, from_unixtime(0) AS b, from_unixtime(0, 'yyyy-MM-dd') AS c
SELECT unix_timestamp('2020-01-01', 'yyyy-MM-dd') AS a
SELECT timestamp_seconds(1577836800) AS a, timestamp_millis(1577836800123) AS b, timestamp_micros(1577836800123456) AS c
SELECT unix_seconds(TIMESTAMP '2020-01-01 00:00:00') AS a, unix_millis(TIMESTAMP '2020-01-01 00:00:00') AS b, unix_micros(TIMESTAMP '2020-01-01 00:00:00') AS c, unix_date(DATE '1970-01-02') AS d
SELECT make_date(2020, 2, 29) AS a, make_timestamp(2020, 1, 2, 3, 4, 5.5) AS b
SELECT make_date(2020, 2, 30)
SELECT from_utc_timestamp(TIMESTAMP '2020-01-01 00:00:00', 'Asia/Tokyo') AS a, to_utc_timestamp(TIMESTAMP '2020-01-01 00:00:00', 'Asia/Tokyo') AS b
SELECT typeof(current_date()) AS a, typeof(current_timestamp()) AS b, typeof(now()) AS c
SELECT current_timezone() AS a
SELECT TIMESTAMP '2020-01-01 00:00:00' < DATE '2020-01-02' AS a, DATE '2020-01-01' = '2020-01-01' AS b
SELECT date_from_unix_date(1) AS a
SELECT sequence(DATE '2020-01-01', DATE '2020-01-03') AS a
SELECT sequence(DATE '2020-01-01', DATE '2020-03-01', INTERVAL '1' MONTH) AS a
SELECT dayname(DATE '2020-01-01') AS a, monthname(DATE '2020-01-01') AS b
SELECT to_unix_timestamp('2020-01-01 00:00:00') AS a
SELECT TIMESTAMP('2021-09-30 11') AS a, DATE('2021-09') AS b
SELECT MIN(d) AS a, MAX(d) AS b FROM VALUES (DATE '2020-01-01'), (DATE '2021-01-01') AS t(d)
SELECT try_to_timestamp('x') AS a
SELECT TIMESTAMPDIFF(DAY, TIMESTAMP '2020-01-01 00:00:00', TIMESTAMP '2020-01-03 00:00:00') AS a
SELECT date_diff(DATE '2020-03-01', DATE '2020-02-01') AS a
SELECT window(TIMESTAMP '2020-01-01 00:07:00', '5 minutes') AS a

## zones
SET TIME ZONE 'Europe/Amsterdam'
SELECT TIMESTAMP '2020-07-01 12:00:00' AS a
SELECT CAST('2020-07-01 12:00:00' AS TIMESTAMP) AS a
SELECT CAST(TIMESTAMP '2020-07-01 12:00:00' AS STRING) AS a
SELECT CAST(TIMESTAMP '2020-07-01 12:00:00' AS TIMESTAMP_NTZ) AS a
SELECT CAST(TIMESTAMP_NTZ '2020-07-01 12:00:00' AS TIMESTAMP) AS a
SELECT hour(TIMESTAMP '2020-07-01 12:00:00Z') AS a
SELECT date_trunc('DAY', TIMESTAMP '2020-07-01 01:00:00') AS a
SELECT CAST(TIMESTAMP '2020-07-01 23:30:00Z' AS DATE) AS a
SELECT unix_timestamp(TIMESTAMP '2020-07-01 12:00:00') AS a
SELECT current_timezone() AS a
SELECT TIMESTAMP '2020-03-29 01:30:00' + INTERVAL '1' HOUR AS a
SELECT to_timestamp('2020-07-01 12:00:00') AS a
SELECT ARRAY(TIMESTAMP '2020-07-01 12:00:00') AS a
SET TIME ZONE 'Nowhere/Land'
SET TIMEZONE
SELECT date_format(TIMESTAMP '2020-07-01 12:00:00', 'HH:mm xxx') AS a

## nested
SELECT array(1, 2, 3) AS a
SELECT array(1, 2, 3)
SELECT array() AS a
SELECT array(1, NULL, 3) AS a, array('a', 'b') AS b
SELECT array(1, 2.5) AS a
SELECT map('a', 1, 'b', 2) AS a
SELECT map() AS a
SELECT struct(1, 'a') AS a
SELECT struct(1 AS x, 'a' AS y) AS a
SELECT named_struct('x', 1, 'y', ARRAY(1, 2)) AS a
SELECT array(struct(1 AS a), struct(2 AS a)) AS a
SELECT map('k', array(struct(1.5 AS d))) AS a
SELECT array(array(1), array(2, 3)) AS a
SELECT array(1, 2, 3)[0] AS a, array(1, 2, 3)[2] AS b
SELECT array(1, 2, 3)[5]
SELECT map('a', 1)['a'] AS a, map('a', 1)['b'] AS b
SELECT struct(1 AS x).x AS a, named_struct('x', struct(2 AS y)).x.y AS b
SELECT element_at(array(1, 2, 3), 1) AS a, element_at(array(1, 2, 3), -1) AS b, element_at(map('a', 1), 'a') AS c
SELECT element_at(array(1, 2, 3), 5)
SELECT element_at(array(1, 2, 3), 0)
SELECT try_element_at(array(1), 5) AS a, get(array(1), 3) AS b
SELECT size(array(1, 2)) AS a, cardinality(map('a', 1)) AS b, size(NULL) AS c
SELECT array_contains(array(1, 2), 2) AS a, array_position(array('a', 'b'), 'b') AS b
SELECT array_distinct(array(1, 1, 2)) AS a, array_sort(array(3, 1, NULL, 2)) AS b, sort_array(array(3, 1, NULL, 2)) AS c, sort_array(array(1, 2), FALSE) AS d
SELECT array_union(array(1, 2), array(2, 3)) AS a, array_intersect(array(1, 2), array(2, 3)) AS b, array_except(array(1, 2), array(2, 3)) AS c
SELECT array_join(array('a', NULL, 'b'), '-') AS a, array_join(array('a', NULL), '-', '?') AS b
SELECT array_max(array(1, 3)) AS a, array_min(array(1, 3)) AS b, array_remove(array(1, 2, 1), 1) AS c
SELECT array_repeat('x', 2) AS a, flatten(array(array(1), array(2))) AS b, reverse(array(1, 2)) AS c, slice(array(1, 2, 3), 2, 2) AS d
SELECT array_append(array(1), 2) AS a, array_prepend(array(1), 0) AS b, array_compact(array(1, NULL)) AS c, array_insert(array(1, 3), 2, 2) AS d
SELECT arrays_overlap(array(1, 2), array(2)) AS a, arrays_zip(array(1, 2), array('a', 'b')) AS b
SELECT concat(array(1), array(2)) AS a
SELECT transform(array(1, 2), x -> x + 1) AS a, filter(array(1, 2, 3), x -> x > 1) AS b
SELECT exists(array(1, 2), x -> x = 2) AS a, forall(array(1, 2), x -> x > 0) AS b, aggregate(array(1, 2, 3), 0, (acc, x) -> acc + x) AS c
SELECT transform(array(5, 6), (x, i) -> x * i) AS a
SELECT zip_with(array(1, 2), array(3, 4), (x, y) -> x + y) AS a
SELECT map_keys(map('a', 1)) AS a, map_values(map('a', 1)) AS b, map_entries(map('a', 1)) AS c
SELECT map_from_arrays(array('a'), array(1)) AS a, map_from_entries(array(struct('a', 1))) AS b, map_concat(map('a', 1), map('b', 2)) AS c
SELECT map_filter(map('a', 1, 'b', 2), (k, v) -> v > 1) AS a, transform_values(map('a', 1), (k, v) -> v + 1) AS b, transform_keys(map('a', 1), (k, v) -> upper(k)) AS c
SELECT map_contains_key(map('a', 1), 'a') AS a
SELECT str_to_map('a:1,b:2', ',', ':') AS a
SELECT explode(array(1, 2)) AS a
SELECT explode(array(1, 2))
SELECT explode(map('a', 1))
SELECT posexplode(array('x', 'y'))
SELECT a, b FROM VALUES (1, array('x', 'y')) AS t(a, l) LATERAL VIEW explode(l) e AS b
SELECT a, b FROM VALUES (1, CAST(NULL AS ARRAY<INT>)) AS t(a, l) LATERAL VIEW OUTER explode(l) e AS b
SELECT inline(array(struct(1 AS x, 'a' AS y), struct(2, 'b')))
SELECT stack(2, 1, 2, 3, 4)
SELECT * FROM explode(array(1, 2)) AS t(x)
SELECT s.* FROM (SELECT struct(1 AS a, 2 AS b) AS s)
SELECT sequence(1, 5) AS a, sequence(5, 1, -2) AS b
SELECT shuffle(array(1)) AS a
SELECT array(1, 2) = array(1, 2) AS a, struct(1, 2) = struct(1, 2) AS b
SELECT map(1, 'a', 1, 'b')
SELECT collect_list(x) AS a, collect_set(y) AS b FROM VALUES (1, 1), (2, 1) AS t(x, y)

## json_variant
SELECT parse_json('{"a": 1, "b": [true, null]}') AS v
SELECT parse_json('{"a": 1}'):a AS v
SELECT parse_json('{"a": {"b": "x"}}'):a.b::STRING AS v
SELECT parse_json('[1, 2.5, "x"]')[1] AS v
SELECT variant_get(parse_json('{"a": 5}'), '$.a', 'INT') AS v
SELECT try_variant_get(parse_json('{"a": "x"}'), '$.a', 'INT') AS v
SELECT parse_json('{bad')
SELECT try_parse_json('{bad') AS v
SELECT is_variant_null(parse_json('null')) AS a, parse_json('null') IS NULL AS b
SELECT schema_of_variant(parse_json('{"a": 1}')) AS a
SELECT typeof(parse_json('1')) AS a
SELECT CAST(parse_json('12') AS INT) AS a, CAST(parse_json('"x"') AS STRING) AS b
SELECT CAST(5 AS VARIANT) AS v
SELECT CAST(ARRAY(1, 2) AS VARIANT) AS v
SELECT to_json(struct(1 AS a, 'x' AS b)) AS a, to_json(map('a', 1)) AS b, to_json(array(1, 2)) AS c
SELECT to_json(struct(1.5 AS d, DATE '2020-01-01' AS e, NULL AS f)) AS a
SELECT from_json('{"a": 1, "b": "x"}', 'a INT, b STRING') AS a
SELECT from_json('[1, 2]', 'ARRAY<INT>') AS a
SELECT get_json_object('{"a": {"b": 1}}', '$.a.b') AS a
SELECT json_array_length('[1, 2]') AS a, json_object_keys('{"a": 1, "b": 2}') AS b
SELECT json_tuple('{"a": 1, "b": 2}', 'a', 'b')
SELECT array(parse_json('1'), parse_json('"x"')) AS a
SELECT struct(parse_json('{"a": 1}') AS v) AS s
SELECT to_json(parse_json('{"b": 1, "a": 2}')) AS a
SELECT schema_of_json('{"a": 1}') AS a
SELECT from_csv('1,x', 'a INT, b STRING') AS a
SELECT to_csv(struct(1, 'x')) AS a

## conditions
SELECT CASE WHEN 1 > 2 THEN 'a' WHEN 2 > 1 THEN 'b' ELSE 'c' END AS a
SELECT CASE 1 WHEN 1 THEN 'one' END AS a, CASE 2 WHEN 1 THEN 'one' END AS b
SELECT IF(1 = 1, 'y', 'n') AS a, IIF(1 = 2, 'y', 'n') AS b
SELECT CASE WHEN TRUE THEN 1 ELSE 'x' END AS a
SELECT IF(TRUE, 1, NULL) AS a, IF(FALSE, 1, NULL) AS b
SELECT 1 IN (1, 2) AS a, 1 IN (NULL, 2) AS b, 'a' NOT IN ('b') AS c
SELECT NULL IS NULL AS a, 1 IS NOT NULL AS b, TRUE IS TRUE AS c, NULL IS NOT FALSE AS d
SELECT decode(2, 1, 'a', 2, 'b', 'z') AS a
SELECT assert_true(TRUE) AS a
SELECT assert_true(FALSE)
SELECT raise_error('boom')
SELECT equal_null(NULL, NULL) AS a
SELECT typeof(1) AS a, typeof(1.5) AS b, typeof('a') AS c, typeof(NULL) AS d, typeof(array(1)) AS e, typeof(map(1, 'a')) AS f, typeof(struct(1 AS a)) AS g
SELECT 1 IS DISTINCT FROM 2 AS a, NULL IS NOT DISTINCT FROM NULL AS b
SELECT 1 == 1 AS a, 1 != 2 AS b, !TRUE AS c
SELECT NOT 1 = 2 AS a
SELECT nullifzero(0) AS a, zeroifnull(NULL) AS b

## names
SELECT count(*) FROM VALUES (1), (2) AS t(a)
SELECT count(a), sum(a), max(a) FROM VALUES (1), (2) AS t(a)
SELECT a + 1, a * 2 FROM VALUES (1) AS t(a)
SELECT upper('a'), length('abc')
SELECT CAST(a AS STRING) FROM VALUES (1) AS t(a)
SELECT 1 + 2 * 3
SELECT (1 + 2) * 3
SELECT 'x' || 'y'
SELECT -a FROM VALUES (1) AS t(a)
SELECT a = 1, a > 1, a IS NULL FROM VALUES (1) AS t(a)
SELECT NOT TRUE, TRUE AND FALSE, TRUE OR FALSE
SELECT a IN (1, 2), a BETWEEN 1 AND 2, a LIKE 'x' FROM VALUES ('1') AS t(a)
SELECT CASE WHEN a = 1 THEN 'x' ELSE 'y' END FROM VALUES (1) AS t(a)
SELECT struct(1 AS x).x
SELECT array(1)[0]
SELECT map('a', 1)['a']
SELECT coalesce(NULL, 1), if(TRUE, 1, 2), nvl(NULL, 1)
SELECT DATE '2020-01-01', TIMESTAMP '2020-01-01 00:00:00'
SELECT date_add(DATE '2020-01-01', 1)
SELECT round(1.25, 1), abs(-1)
SELECT count(DISTINCT a), sum(DISTINCT a) FROM VALUES (1) AS t(a)
SELECT 1.5D, 2L, 3Y
SELECT a.b FROM (SELECT struct(1 AS b) AS a)
SELECT row_number() OVER (ORDER BY a) FROM VALUES (1) AS t(a)
SELECT `a b` FROM VALUES (1) AS t(`a b`)
SELECT 1 AS `select`, 2 AS `x``y`
SELECT A, a AS B FROM VALUES (1) AS t(a)
SELECT 1 a, 2 AS A
SELECT EXTRACT(YEAR FROM DATE '2020-01-01')
SELECT trim(' a '), substring('abc', 1, 2)
SELECT (SELECT 1)
SELECT EXISTS (SELECT 1)
SELECT current_date() = current_date()
SELECT x -> 1
SELECT TRY_CAST('1' AS INT)
SELECT '1'::INT
SELECT interval '1' day + interval '1' day
SELECT element_at(array(1), 1), size(array(1))
SELECT 5 DIV 2, 5 % 2
SELECT 1 = 1 AND 2 > 1

## queries
SELECT * FROM range(5)
SELECT * FROM range(2, 8, 2)
SELECT id FROM range(3) WHERE id > 0
SELECT * FROM VALUES (1, 'a'), (2, 'b') AS t(x, y) ORDER BY x DESC
SELECT * FROM VALUES (1, 'a') ORDER BY 1
VALUES (1, 'a'), (2, NULL)
SELECT x FROM VALUES (3), (NULL), (1) AS t(x) ORDER BY x
SELECT x FROM VALUES (3), (NULL), (1) AS t(x) ORDER BY x DESC
SELECT x FROM VALUES (3), (NULL), (1) AS t(x) ORDER BY x NULLS LAST
SELECT x FROM VALUES (3), (NULL), (1) AS t(x) ORDER BY x DESC NULLS FIRST
SELECT x FROM VALUES ('b'), ('A'), ('a') AS t(x) ORDER BY x
SELECT x FROM VALUES (CAST('NaN' AS DOUBLE)), (1D), (NULL) AS t(x) ORDER BY x
SELECT DISTINCT x FROM VALUES (1), (1), (2) AS t(x) ORDER BY x
SELECT x FROM VALUES (1), (2), (3) AS t(x) ORDER BY x LIMIT 2
SELECT x FROM VALUES (1), (2), (3) AS t(x) ORDER BY x LIMIT 1 OFFSET 1
SELECT x, count(*) AS n FROM VALUES ('a'), ('b'), ('a') AS t(x) GROUP BY x ORDER BY x
SELECT x, sum(y) AS s FROM VALUES ('a', 1), ('b', 2), ('a', 3) AS t(x, y) GROUP BY ALL HAVING sum(y) > 2 ORDER BY x
SELECT x, sum(y) AS s FROM VALUES ('a', 1), ('b', 2) AS t(x, y) GROUP BY ROLLUP (x) ORDER BY x
SELECT x, y, count(*) AS n FROM VALUES ('a', 1), ('b', 2) AS t(x, y) GROUP BY CUBE (x, y) ORDER BY x, y
SELECT x, grouping(x) AS g FROM VALUES ('a'), ('b') AS t(x) GROUP BY GROUPING SETS ((x), ()) ORDER BY x, g
SELECT sum(x) AS a, avg(x) AS b, min(x) AS c, max(x) AS d, count(x) AS e FROM VALUES (1), (2), (NULL) AS t(x)
SELECT sum(x) AS a, avg(x) AS b FROM VALUES (1.5D), (2.5D) AS t(x)
SELECT sum(x) AS a FROM VALUES (1L), (2L) AS t(x)
SELECT sum(x) AS a, count(x) AS b FROM VALUES (1) AS t(x) WHERE FALSE
SELECT stddev(x) AS a, variance(x) AS b, stddev_pop(x) AS c FROM VALUES (1), (3) AS t(x)
SELECT median(x) AS a, percentile(x, 0.5) AS b, mode(x) AS c FROM VALUES (1), (2), (2) AS t(x)
SELECT count_if(x > 1) AS a, bool_and(x > 0) AS b, bool_or(x > 2) AS c, any_value(1) AS d FROM VALUES (1), (2) AS t(x)
SELECT max_by(x, y) AS a, min_by(x, y) AS b, first(x) AS c FROM VALUES ('a', 1), ('b', 2) AS t(x, y)
SELECT count(*) FILTER (WHERE x > 1) AS a FROM VALUES (1), (2) AS t(x)
SELECT approx_count_distinct(x) AS a, corr(x, y) AS b FROM VALUES (1, 2), (2, 4) AS t(x, y)
SELECT string_agg(x, ',') AS a, listagg(x) AS b FROM VALUES ('a') AS t(x)
SELECT bit_and(x) AS a, bit_or(x) AS b, bit_xor(x) AS c FROM VALUES (1), (3) AS t(x)
SELECT skewness(x) AS a, kurtosis(x) AS b, covar_pop(x, x) AS c FROM VALUES (1), (2), (4) AS t(x)
SELECT a.x, b.y FROM VALUES (1), (2) AS a(x) JOIN VALUES (2, 'b') AS b(x, y) ON a.x = b.x
SELECT a.x, b.y FROM VALUES (1), (2) AS a(x) LEFT JOIN VALUES (2, 'b') AS b(x, y) ON a.x = b.x ORDER BY 1
SELECT * FROM VALUES (1), (2) AS a(x) JOIN VALUES (2, 'b') AS b(x, y) USING (x)
SELECT * FROM VALUES (1) AS a(x) CROSS JOIN VALUES (2) AS b(y)
SELECT x FROM VALUES (1), (2) AS a(x) LEFT SEMI JOIN VALUES (2) AS b(y) ON a.x = b.y
SELECT x FROM VALUES (1), (2) AS a(x) LEFT ANTI JOIN VALUES (2) AS b(y) ON a.x = b.y
SELECT * FROM VALUES (1) AS a(x) FULL OUTER JOIN VALUES (2) AS b(y) ON a.x = b.y ORDER BY x
SELECT * FROM VALUES (1) AS a(x) NATURAL JOIN VALUES (1, 2) AS b(x, y)
SELECT * FROM range(2) LEFT JOIN (SELECT 1)
SELECT * FROM VALUES (1), (2) AS a(x), LATERAL (SELECT a.x * 2 AS y) ORDER BY x
SELECT 1 AS a UNION SELECT 1 UNION ALL SELECT 2 ORDER BY a
SELECT 1 AS a UNION ALL SELECT 2.5 ORDER BY a
SELECT NULL AS a UNION ALL SELECT 1 ORDER BY a
SELECT 1 AS a INTERSECT SELECT 1
SELECT 1 AS a EXCEPT SELECT 2
SELECT 1 AS a MINUS SELECT 1
SELECT 1 UNION ALL SELECT 1, 2
WITH t AS (SELECT 1 AS a) SELECT * FROM t
WITH t(x) AS (SELECT 1) SELECT x + 1 AS y FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t
SELECT x, row_number() OVER (ORDER BY x) AS a, rank() OVER (ORDER BY x) AS b, dense_rank() OVER (ORDER BY x) AS c FROM VALUES (1), (1), (2) AS t(x) ORDER BY x, a
SELECT x, lag(x) OVER (ORDER BY x) AS a, lead(x, 1, 9) OVER (ORDER BY x) AS b, sum(x) OVER (ORDER BY x) AS c FROM VALUES (1), (2) AS t(x) ORDER BY x
SELECT x, ntile(2) OVER (ORDER BY x) AS a, percent_rank() OVER (ORDER BY x) AS b, cume_dist() OVER (ORDER BY x) AS c FROM VALUES (1), (2) AS t(x) ORDER BY x
SELECT x, first_value(x) OVER (ORDER BY x) AS a, nth_value(x, 2) OVER (ORDER BY x ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS b FROM VALUES (1), (2) AS t(x) ORDER BY x
SELECT x FROM VALUES (1), (2) AS t(x) QUALIFY row_number() OVER (ORDER BY x DESC) = 1
SELECT * FROM (SELECT 'a' AS k, 1 AS v UNION ALL SELECT 'b', 2) PIVOT (sum(v) FOR k IN ('a', 'b'))
SELECT * FROM VALUES (1, 2) AS t(a, b) UNPIVOT (v FOR k IN (a, b)) ORDER BY k
SELECT * EXCEPT (b) FROM VALUES (1, 2) AS t(a, b)
SELECT x FROM VALUES (1), (2) AS t(x) WHERE x = (SELECT max(y) FROM VALUES (2) AS u(y))
SELECT x FROM VALUES (1), (2) AS t(x) WHERE x IN (SELECT y FROM VALUES (2) AS u(y))
SELECT x FROM VALUES (1), (2) AS t(x) WHERE EXISTS (SELECT 1 FROM VALUES (2) AS u(y) WHERE u.y = t.x)
SELECT (SELECT x FROM VALUES (1), (2) AS t(x))
SELECT a AS b, b + 1 AS c FROM VALUES (1) AS t(a)
SELECT count(*) AS n FROM range(1000) TABLESAMPLE (100 PERCENT)
SELECT /*+ BROADCAST(a) */ 1 AS x
SELECT 1 AS x -- comment
SELECT 1 AS x;
FROM VALUES (1), (2) AS t(x) |> WHERE x > 1 |> SELECT x
SELECT 1 WHERE 1 = 0
SELECT x FROM VALUES (1) AS t(x) GROUP BY 1 ORDER BY ALL
SELECT id % 2 AS k, sum(id) AS s FROM range(10) GROUP BY id % 2 ORDER BY k
SELECT t.* FROM VALUES (1, 2) AS t(a, b)

## ansi_off
SET ANSI_MODE = false
SELECT 1 / 0 AS a, 1 % 0 AS b, 1 DIV 0 AS c, 1.0 / 0 AS d
SELECT CAST('abc' AS INT) AS a, CAST('1.5' AS INT) AS b
SELECT CAST('2020-02-30' AS DATE) AS a
SELECT CAST('x' AS TIMESTAMP) AS a
SELECT CAST('maybe' AS BOOLEAN) AS a
SELECT 2147483647 + 1 AS a
SELECT 9223372036854775807 + 1 AS a
SELECT CAST(300 AS TINYINT) AS a
SELECT CAST(1234.5 AS DECIMAL(4,2)) AS a
SELECT array(1, 2)[5] AS a
SELECT element_at(array(1, 2), 5) AS a
SELECT to_date('x') AS a
SELECT 'a' + 1 AS a
SELECT 1 + '2' AS a
SELECT '1' = 1 AS a
SELECT make_date(2020, 2, 30) AS a
SELECT CAST(3000000000 AS INT) AS a
SELECT CAST(99999999999999999999999999999999999999 AS DECIMAL(38,0)) + 1 AS a
SELECT size(NULL) AS a
SELECT TIMESTAMP('nonsense') AS a, DATE('2021-13') AS b
SELECT concat(1, 'a') AS a
SELECT coalesce(1, 'a') AS a
SELECT -(-2147483648) AS a
SELECT abs(-128Y) AS a
SET ANSI_MODE

## tables
CREATE SCHEMA IF NOT EXISTS main.corpus
USE main.corpus
DROP TABLE IF EXISTS t
CREATE TABLE t (id INT, name STRING, amount DECIMAL(10,2), at TIMESTAMP, d DATE)
INSERT INTO t VALUES (1, 'a', 1.5, TIMESTAMP '2020-01-01 00:00:00', DATE '2020-01-01'), (2, 'b', NULL, NULL, NULL)
SELECT * FROM t ORDER BY id
INSERT INTO t (id, name) VALUES (3, 'c')
SELECT id, name, amount FROM t ORDER BY id DESC
INSERT INTO TABLE t SELECT 4, 'd', 2, NULL, NULL
SELECT count(*) AS n, sum(amount) AS s FROM t
INSERT INTO t VALUES (1, 2)
INSERT INTO t VALUES ('x', 'a', 1, NULL, NULL)
INSERT INTO nothere VALUES (1)
DESCRIBE t
DESCRIBE TABLE t
DESC main.corpus.t
DESCRIBE QUERY SELECT 1 AS a, 'x' AS b, array(1.5) AS c, named_struct('x', 1) AS d
SHOW COLUMNS IN t
SHOW TABLES IN main.corpus
SHOW TABLES
SHOW TABLES LIKE 'x*'
SHOW TABLES IN CATALOG main SCHEMA LIKE 'corpus' LIKE 't'
SHOW COLUMNS IN CATALOG main SCHEMA LIKE 'corpus' TABLE LIKE 't'
CREATE TABLE t (id INT)
CREATE TABLE IF NOT EXISTS t (id INT)
CREATE TABLE u AS SELECT 1 AS a, 'x' AS b, array(1, 2) AS c
SELECT * FROM u
SELECT c[0] AS x FROM u
CREATE OR REPLACE TEMPORARY VIEW tv AS SELECT id, upper(name) AS n FROM t
SELECT * FROM tv ORDER BY id
CREATE VIEW v AS SELECT id * 2 AS d FROM t
SELECT * FROM v ORDER BY d
CREATE VIEW v AS SELECT 1 AS a
SHOW VIEWS IN main.corpus
DESCRIBE v
DROP VIEW v
SELECT * FROM v
DROP VIEW v
DROP VIEW IF EXISTS v
SELECT nothere FROM t
SELECT t.nothere FROM t
SELECT * FROM nothere
SELECT * FROM main.corpus.nothere
SELECT * FROM main.nothere.t
SELECT id AS x FROM main.corpus.t WHERE main.corpus.t.id = 1
SELECT a.id FROM t a JOIN t b ON a.id = b.id WHERE a.id = 1
SELECT id FROM t a JOIN t b ON a.id = b.id
CREATE TABLE types (a TINYINT, b SMALLINT, c BIGINT, d FLOAT, e DOUBLE, f BOOLEAN, g BINARY, h TIMESTAMP_NTZ, i CHAR(3), j VARCHAR(5), k ARRAY<INT>, l MAP<STRING, INT>, m STRUCT<x: INT, y: STRING>)
DESCRIBE types
INSERT INTO types VALUES (1, 2, 3, 1.5, 2.5, TRUE, X'01', TIMESTAMP_NTZ '2020-01-01 00:00:00', 'ab', 'cde', array(1), map('a', 1), struct(1, 'x'))
SELECT * FROM types
SELECT m.x AS x, l['a'] AS y, k[0] AS z, length(i) AS n FROM types
INSERT INTO types (j) VALUES ('too long')
INSERT INTO types (a) VALUES (300)
CREATE TABLE nn (id INT NOT NULL, x STRING DEFAULT 'd')
INSERT INTO nn VALUES (NULL, 'x')
INSERT INTO nn (id) VALUES (1)
SELECT * FROM nn
INSERT OVERWRITE u VALUES (9, 'z', array(7))
SELECT * FROM u
TRUNCATE TABLE u
SELECT * FROM u
ALTER TABLE u ADD COLUMNS (z INT)
DESCRIBE u
ALTER TABLE u RENAME TO u2
SELECT count(*) AS n FROM u2
UPDATE t SET name = 'z' WHERE id = 1
DELETE FROM t WHERE id = 1
MERGE INTO t USING (SELECT 1 AS id, 'm' AS name) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)
SELECT * FROM t VERSION AS OF 1
SELECT * FROM t TIMESTAMP AS OF '2020-01-01'
DROP TABLE nothere
DROP TABLE IF EXISTS nothere
CREATE TABLE w (i INTERVAL DAY TO SECOND)
SHOW CREATE TABLE t
DESCRIBE TABLE EXTENDED nothere
DROP SCHEMA main.corpus
DROP SCHEMA main.corpus CASCADE
USE main.corpus
USE SCHEMA nothere
USE CATALOG nothere
CREATE SCHEMA main.default

## functions
USE main.default
CREATE OR REPLACE TEMPORARY FUNCTION twice(x INT) RETURNS INT RETURN x * 2
SELECT twice(4) AS a
SELECT twice(4)
CREATE OR REPLACE FUNCTION main.default.add_tax(amount DECIMAL(10,2), rate DOUBLE DEFAULT 0.19) RETURNS DOUBLE RETURN amount * (1 + rate)
SELECT main.default.add_tax(100, 0.5) AS a
SELECT add_tax(100) AS a
CREATE FUNCTION main.default.add_tax(x INT) RETURNS INT RETURN x
CREATE FUNCTION IF NOT EXISTS main.default.add_tax(x INT) RETURNS INT RETURN x
CREATE OR REPLACE FUNCTION main.default.greet(name STRING) RETURNS STRING RETURN concat('Hello ', name)
SELECT greet(n) AS a FROM VALUES ('x'), (NULL) AS t(n)
DROP FUNCTION main.default.greet
SELECT greet('x')
DROP FUNCTION main.default.greet
DROP FUNCTION IF EXISTS main.default.greet
DROP FUNCTION main.default.add_tax
SELECT nothere(1)
SELECT upper()
SELECT upper('a', 'b')
SELECT abs('x')

## session
SHOW CATALOGS LIKE 'sam*'
SHOW SCHEMAS IN samples LIKE 'tp*'
SHOW TABLES IN samples.tpch LIKE 'n*'
SELECT current_catalog() AS c, current_schema() AS s
USE CATALOG samples
USE SCHEMA tpch
SELECT count(*) AS n FROM region
SELECT r_name FROM region ORDER BY r_regionkey
SELECT n.n_name, r.r_name FROM nation n JOIN region r ON n.n_regionkey = r.r_regionkey ORDER BY n.n_name LIMIT 3
SELECT l_returnflag, count(*) AS n, sum(l_quantity) AS q, avg(l_extendedprice) AS p FROM samples.tpch.lineitem GROUP BY l_returnflag ORDER BY 1
SELECT o_orderpriority, count(*) AS n FROM orders WHERE o_orderdate >= DATE '1995-01-01' GROUP BY 1 ORDER BY 1
DESCRIBE nation
SELECT count(*) AS n FROM samples.nyctaxi.trips WHERE trip_distance > 5
SHOW COLUMNS IN region
SET ansi_mode
SET TIME ZONE 'UTC'
SET some.unknown.key
SET NOPE = 1
DECLARE VARIABLE x INT DEFAULT 5
SELECT x AS v
SET VAR x = 6
SELECT x + 1 AS v
DROP TEMPORARY VARIABLE x
SELECT session_user() = current_user() AS a
SELECT table_name FROM samples.information_schema.tables WHERE table_schema = 'tpch' ORDER BY table_name LIMIT 2
SELECT catalog_name FROM system.information_schema.schemata WHERE schema_name = 'tpch'
RESET
EXECUTE IMMEDIATE 'SELECT 1 AS a'
EXECUTE IMMEDIATE 'SELECT ? + 1 AS a, ? AS b' USING 5, 'x'
EXECUTE IMMEDIATE 'SELECT :x AS a' USING (6 AS x)
EXECUTE IMMEDIATE 'SELECT :x AS a' USING date_add(DATE '2020-01-01', 1) AS x
EXECUTE IMMEDIATE 'SELECT count(*) AS n FROM range(:n) WHERE id > :m' USING 7 AS n, 2 AS m
DECLARE OR REPLACE VARIABLE found BIGINT
EXECUTE IMMEDIATE 'SELECT max(id) FROM range(?)' INTO found USING 7
SELECT found AS f
EXECUTE IMMEDIATE 'SELECT 1 WHERE FALSE' INTO found
SELECT found AS f
EXECUTE IMMEDIATE 'SELECT id FROM range(2)' INTO found
EXECUTE IMMEDIATE 'SELECT 1, 2' INTO found
EXECUTE IMMEDIATE 'SELECT 1' INTO nosuch
EXECUTE IMMEDIATE 'SELECT :x, ?' USING 1 AS x, 2
EXECUTE IMMEDIATE 'SELECT ?'
EXECUTE IMMEDIATE 'SELECT nosuch'
DROP TEMPORARY VARIABLE found

## errors
SELEC 1
SELECT FROM t
SELECT 1 FROM
SELECT (1
SELECT 1 1 1
SELECT a FROM VALUES (1) AS t(b)
SELECT nofunction(1)
SELECT sum(x), x FROM VALUES (1) AS t(x)
SELECT x FROM VALUES (1) AS t(x) WHERE sum(x) > 1
SELECT x FROM VALUES (1) AS t(x) HAVING x > 1
SELECT 1 WHERE 1
SELECT 'a' AND TRUE
SELECT array(1, 'a')
SELECT array(1, array(2))
SELECT struct(1).nothere
SELECT 1.a
SELECT x.y FROM VALUES (1) AS t(x)
SELECT 1 ORDER BY nothere
SELECT 1 ORDER BY 2
SELECT 1 GROUP BY 2
SELECT 1 LIMIT 'a'
SELECT 1 LIMIT 1.5
SELECT 1 LIMIT CAST(2 AS DOUBLE)
SELECT 1 AS a LIMIT CAST(2 AS BIGINT) + 1 OFFSET 0
SELECT 1 OFFSET 'x'
SELECT 1 LIMIT ALL
SELECT 1 LIMIT -1
SELECT * FROM (SELECT 1 AS a, 2 AS a) WHERE a = 1
SELECT * FROM range('x')
SELECT date_add('x', 1)
SELECT year('x')
SELECT 1; SELECT 2
SELECT 'abc
DROP TABLE
CREATE TABLE
SELECT :p
SELECT DATE '2020-01-01' + TRUE
SELECT map(1, 2)[TRUE]
SELECT if('a', 1, 2)
SELECT CASE WHEN 1 THEN 2 END
SELECT x FROM VALUES (1, 2) AS t(x)
SELECT * FROM VALUES (1), (2, 3)
SELECT row_number() FROM VALUES (1) AS t(x)
SELECT sum(sum(x)) FROM VALUES (1) AS t(x)
SELECT lag(1)
USE
SHOW NOTHING
DESCRIBE nothere
INSERT INTO
SELECT 1 AS
SELECT CAST(1 AS)
SELECT explode(1)
SELECT to_timestamp('x', 'yyyy')
SELECT cast('12345678901' AS INT)
SELECT element_at(map('a', 1), 2)
SELECT substring()
SELECT 1 UNION SELECT array(1)
SELECT (SELECT 1, 2)
SELECT 1 IN (SELECT 1, 2)
SELECT count(DISTINCT *) FROM VALUES (1) AS t(x)
