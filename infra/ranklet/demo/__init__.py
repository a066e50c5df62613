"""`ranklet demo`: the whole way on five real models, and what it shows to a person.

movielens.py fetches the data. people.py makes requests for real and new users. calls.py is a plain HTTP client.
run.py joins them: build, synthesise, serve, call.
"""
