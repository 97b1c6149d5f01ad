#!/usr/bin/env python3
"""Run a Django command; bin/manage is the same with the environment set up."""

import sys

from django.core.management import execute_from_command_line

from settings import env

if __name__ == "__main__":
    env.use_settings()
    execute_from_command_line(sys.argv)
