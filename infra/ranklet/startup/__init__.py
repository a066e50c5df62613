"""What a function does before its first answer, by part: the account behind `build --why-slow` and `bench cold`.

`traced.py` runs in the child and writes down what each import and each phase of INIT took; `starting.py` starts such a
child, or an untouched one, under a Runtime API; `account.py` makes of it what people and budgets read; `budget.py`
holds what may not grow.
"""
