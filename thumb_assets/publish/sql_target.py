"""The target `sql` of the asset `published`: the best still goes into the video's row of a table of the CMS."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from thumb_assets.errors import BadInputError, NetworkError, SettingsError, StorageError
from thumb_assets.settings.operation import PublishSettings

if TYPE_CHECKING:
    import sqlalchemy as sa


def publish_to_sql(url: str, settings: PublishSettings, *, key: str, still: Mapping[str, Any] | None) -> None:
    """Sets the columns of `publish.sql_columns` in the one row whose `publish.sql_key_column` is the key.

    Args:
        url: SQLAlchemy's address of the database; never shown with its password.
        still: see `report_of_stills`; None: the columns become null.

    Raises:
        SettingsError: the address, the table or a column is wrong.
        BadInputError: no row has the key, or more than one.
        NetworkError: the database cannot be reached.
        StorageError: it refuses the change.
    """
    import sqlalchemy as sa
    from sqlalchemy import exc

    try:
        engine = sa.create_engine(url)
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError, ValueError) as error:
        raise SettingsError(f"the address of the database cannot be used: {_without_address(error)}") from None
    address = engine.url.set(query={})  # some drivers take the password there
    place = f"{address.render_as_string(hide_password=True)}, table {settings.sql_table}"
    values = {column: still[field] if still is not None else None for column, field in settings.sql_columns.items()}
    try:
        with engine.begin() as connection:
            table = _table(sa.MetaData(), connection, settings, place)
            key_column = table.c[settings.sql_key_column]
            num_rows = connection.execute(table.update().where(key_column == key).values(values)).rowcount
            if num_rows != 1:  # more than one would be undone here
                raise BadInputError(
                    f"{place}: {num_rows} rows have {settings.sql_key_column} = {key!r}, where one is needed; "
                    "add the row, or set publish.key and publish.sql_key_column"
                )
    except (exc.OperationalError, exc.InterfaceError) as error:
        raise NetworkError(f"{place}: {_reason(error)}; check that the database runs and may be reached") from error
    except exc.SQLAlchemyError as error:
        raise StorageError(f"{place}: {_reason(error)}") from error
    finally:
        engine.dispose()


def _table(metadata: "sa.MetaData", connection: "sa.Connection", settings: PublishSettings, place: str) -> "sa.Table":
    import sqlalchemy as sa
    from sqlalchemy.exc import NoSuchTableError

    schema, _, name = settings.sql_table.rpartition(".")
    try:
        table = sa.Table(name, metadata, schema=schema or None, autoload_with=connection)
    except NoSuchTableError:
        raise SettingsError(f"{place}: does not exist; set publish.sql_table") from None
    for column in (settings.sql_key_column, *settings.sql_columns):
        if column not in table.c:
            raise SettingsError(f"{place}: has no column {column!r}; set publish.sql_columns")
    return table


def _reason(error: Exception) -> str:
    """The driver's own first line: SQLAlchemy's adds the statement with its values."""
    cause = getattr(error, "orig", None) or error
    return next(iter(str(cause).splitlines()), type(cause).__name__)


def _without_address(error: Exception) -> str:
    # An address that cannot be parsed stands in the message, password and all.
    return str(error) if isinstance(error, ImportError) else type(error).__name__
