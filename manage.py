#!/usr/bin/env python3
"""Run a Django command; bin/manage is the same with the environment set up."""

import sys

from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError

from settings import env

if __name__ == "__main__":
    env.use_settings()
    try:
        execute_from_command_line(sys.argv)
    except (InterfaceError, OperationalError) as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"the database did not do it: {str(error).strip().splitlines()[0]}")
