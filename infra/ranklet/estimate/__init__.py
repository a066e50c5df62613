"""What a model will cost in AWS: dollars by how it is kept warm, how it is reached, and where its rows are.

usage.py     what is asked of it, and how long a request takes
ways.py      each choice → dollars a month, by what they are for
account.py   all of it for a model, as tables and as JSON; sensitivity.py varies one thing at a time
drawing.py   dollars against requests per second, as a picture

All prices come from `ranklet.prices`; nothing here knows one.
"""
