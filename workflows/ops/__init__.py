"""What monitoring is given: rules with tests, boards and tables, all made from the one table of metrics."""
