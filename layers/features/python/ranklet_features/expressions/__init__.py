"""Expressions of raw fields, as PMML has them: what is missing stays missing, numbers are doubles, text is text.

An expression is a list whose first element says what it is, `["call", "+", [["field", "price"], ["constant", 1]], {}]`.
**compiling** turns one into a function of columns, once; **forms** are the ways of making values, **functions** are
PMML's own (dmg.org, Built-in functions), in **numbers**, **logic**, **texts** and **dates**.
"""
