"""`ranklet demo`: the whole way on five real models and a funnel, and what it shows to a person.

movielens.py fetches the data. people.py makes requests for real and new users. calls.py is a plain HTTP client.
run.py joins them: build, synthesise, serve, call; funnel.py does so for the funnel, page.py shows it in a browser.
held_out.py makes requests of the ratings that no model has learned from.
"""
