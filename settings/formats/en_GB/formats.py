"""Times as `readable.moment` writes them; all are in UTC."""

DATETIME_FORMAT = r"j M Y H:i:s \U\T\C"
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
