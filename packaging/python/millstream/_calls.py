"""How functions are called that queries use: row by row, or with whole columns."""

import inspect
import sys
import typing

import pyarrow as pa

# Families of types; within one, values are converted where nothing is lost.
FAMILIES = (
    ("numbers", (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)),
    ("texts", (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)),
    ("bytes", (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)),
    ("moments", (pa.types.is_timestamp, pa.types.is_date)),
    ("truths", (pa.types.is_boolean,)),
)
# What modules are called in annotations.
ALIASES = {"pyarrow": ("pyarrow", "pa"), "pandas": ("pandas", "pd"), "polars": ("polars", "pl")}
# Characters of a value that messages show.
SHOWN = 80


class WrongResult(Exception):
    """What a function gave is not what it is declared to give."""

    # So that messages have its name alone.
    __module__ = "builtins"
    # How it is told by the process of a function.
    _millstream_kind = "result"

    def __init__(self, message, lineno=None):
        super().__init__(message)
        self.lineno = lineno


class Calls:
    """A function as queries call it.

    Its annotations say how: parameters that are all `pyarrow.Array` (or `pandas.Series`,
    `polars.Series`) are whole columns, and so is what it returns; any others are the values of a
    row.
    """

    def __init__(self, function, arguments, skip_nulls=False):
        self.function = function
        self.skip_nulls = skip_nulls
        self._check_arity(arguments)
        self._column = _column_of(function)

    @property
    def takes_columns(self):
        """Whether it is given whole columns."""
        return self._column is not None

    @property
    def line(self):
        """Where it begins in its file, if that is known."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return code.co_firstlineno if code else None

    def results(self, columns, rows, returns):
        """A `pyarrow.Array` of a type with a result for each row."""
        if not self.skip_nulls or not any(column.null_count for column in columns):
            return self._called(columns, rows, returns)
        import pyarrow.compute as pc

        kept = pa.array([True] * rows)
        for column in columns:
            kept = pc.and_(kept, column.is_valid())
        places = pc.indices_nonzero(kept)
        found = self._called([column.take(places) for column in columns], len(places), returns)
        # The place of each row among those that were called; null where it was not.
        counted = pc.cumulative_sum(kept.cast(pa.int64()))
        at = pc.if_else(kept, pc.subtract(counted, 1), pa.scalar(None, pa.int64()))
        return found.take(at)

    def _called(self, columns, rows, returns):
        if rows == 0:
            return pa.array([], returns)
        if self.takes_columns:
            given = self.function(*(self._column(column) for column in columns))
            return self._column_given(given, rows, returns)
        if not columns:
            return self._values([self.function() for _ in range(rows)], returns)
        lists = [column.to_pylist() for column in columns]
        return self._values([self.function(*row) for row in zip(*lists)], returns)

    def _values(self, values, returns):
        try:
            if not pa.types.is_integer(returns) or not any(map(_has_fraction, values)):
                return pa.array(values, returns)
        except MemoryError:
            raise
        except Exception:
            # Which value it is that does not fit, Arrow does not say.
            pass
        for value in values:
            try:
                pa.array([value], returns)
            except Exception as error:
                raise self._wrong(_shown(value), returns) from error
            if _has_fraction(value):
                raise self._wrong(_shown(value), returns)
        raise self._wrong("values that do not fit together", returns)

    def _column_given(self, given, rows, returns):
        if isinstance(given, pa.ChunkedArray):
            given = given.combine_chunks()
        if not isinstance(given, pa.Array):
            if not hasattr(given, "__len__") or isinstance(given, (str, bytes, dict)):
                raise self._wrong(f"{_shown(given)}, which is no column", returns)
            try:
                is_arrow = hasattr(given, "to_arrow")
                given = given.to_arrow() if is_arrow else pa.array(given, from_pandas=True)
            except Exception as error:
                what = f"a column that Arrow does not understand ({error})"
                raise self._wrong(what, returns) from error
            if isinstance(given, pa.ChunkedArray):
                given = given.combine_chunks()
        if len(given) != rows:
            message = f"`{self._name}` returned {len(given)} values for {rows} rows"
            raise WrongResult(message, self.line)
        if given.type == returns:
            return given
        if not _is_alike(given.type, returns):
            raise self._wrong(f"a column of {given.type}", returns)
        try:
            return given.cast(returns)
        except pa.ArrowInvalid as error:
            raise self._wrong(f"a column of {given.type} ({error})", returns) from error

    @property
    def _name(self):
        return getattr(self.function, "__name__", "the function")

    def _wrong(self, what, returns):
        message = f"`{self._name}` returned {what}, and is declared to give {returns}"
        return WrongResult(message, self.line)

    def _check_arity(self, arguments):
        try:
            inspect.signature(self.function).bind(*[None] * arguments)
        except TypeError as error:
            message = f"`{self._name}` cannot be called with {arguments} arguments: {error}"
            raise WrongResult(message, self.line) from None
        except ValueError:
            # Functions in C do not say what they take.
            pass


def _column_of(function):
    """What makes a column of an Arrow array, if annotations ask for columns."""
    try:
        hints = typing.get_type_hints(function)
    except Exception:
        hints = getattr(function, "__annotations__", {})
    kinds = {_kind(hint) for name, hint in hints.items() if name != "return"}
    if len(kinds) != 1:
        return None
    return COLUMNS.get(kinds.pop())


def _kind(hint):
    for module, name, kind in (
        ("pyarrow", "Array", "arrow"),
        ("pyarrow", "ChunkedArray", "chunked"),
        ("pandas", "Series", "pandas"),
        ("polars", "Series", "polars"),
    ):
        if module in sys.modules:
            wanted = getattr(sys.modules[module], name, None)
            if isinstance(hint, type) and wanted is not None and issubclass(hint, wanted):
                return kind
        # Annotations that could not be evaluated are texts.
        parts = hint.split(".") if isinstance(hint, str) else []
        if len(parts) == 2 and parts[1] == name and parts[0] in ALIASES[module]:
            return kind
    return "value"


def _polars(column):
    import polars

    return polars.from_arrow(column)


COLUMNS = {
    "arrow": lambda column: column,
    "chunked": lambda column: pa.chunked_array([column]),
    "pandas": lambda column: column.to_pandas(),
    "polars": _polars,
}


def _is_alike(given, returns):
    if pa.types.is_null(given):
        return True
    for _, tests in FAMILIES:
        if any(test(returns) for test in tests):
            return any(test(given) for test in tests)
    return False


def _has_fraction(value):
    # Arrow would leave it out.
    return isinstance(value, float) and not value.is_integer()


def _shown(value):
    text = repr(value)
    text = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return f"{text} of type {type(value).__name__}"
