/*
 * load.c
 *		Columns of a configuration row, found by name.
 *
 * Values are copied into the current context: they outlive the row.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/timestamp.h"

#include "config/load.h"

Datum
loyalty_config_column_get(HeapTuple row, TupleDesc desc, const char *column, bool *isnull)
{
	int			number = SPI_fnumber(desc, column);

	if (number == SPI_ERROR_NOATTRIBUTE)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("configuration of extension \"loyalty\" has no column \"%s\"", column),
				 errdetail("The library and the extension's tables are of different versions."),
				 errhint("ALTER EXTENSION loyalty UPDATE.")));
	return heap_getattr(row, number, desc, isnull);
}

bool
loyalty_config_column_bool(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	return !isnull && DatumGetBool(value);
}

int32
loyalty_config_column_int32(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

int64
loyalty_config_column_int64(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

int64
loyalty_config_column_limit(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	return isnull ? -1 : DatumGetInt64(value);
}

char *
loyalty_config_column_text(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

Numeric
loyalty_config_column_numeric(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	return isnull ? NULL : DatumGetNumericCopy(value);
}

ValidityPolicy *
loyalty_config_column_validity(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	return isnull ? NULL : (ValidityPolicy *) PG_DETOAST_DATUM_COPY(value);
}

Interval *
loyalty_config_column_interval(HeapTuple row, TupleDesc desc, const char *column)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	if (isnull)
		return NULL;
	return DatumGetIntervalP(datumCopy(value, false, sizeof(Interval)));
}

TimestampTz
loyalty_config_column_instant(HeapTuple row, TupleDesc desc, const char *column,
							  TimestampTz absent)
{
	bool		isnull;
	Datum		value = loyalty_config_column_get(row, desc, column, &isnull);

	return isnull ? absent : DatumGetTimestampTz(value);
}
