import sys


def predict(prompt):
    return {"answer": prompt.upper(), "python": sys.prefix}
