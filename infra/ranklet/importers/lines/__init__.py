"""The line that a trainer read, as the author wrote it for one row: how raw inputs become the model's feature names.

Files of self-built weights know names or indices, and not what callers send. The author gives the line with the raw
inputs in braces, `-o line='user={user_id:int} genre={genres*} year:{year}'`: 1. `template` reads it; 2. `known` looks
up the names that each token can make in the model's `weights`; 3. `drafting` makes inputs, features and arrays of them;
4. `oracle` writes real lines of raw values and has the trainer's formula (`formula`), or the trainer, score them. A
format of such files is a module that reads one with `reading` and leaves the rest to `proposing`.
"""
