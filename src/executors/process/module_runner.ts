/**
 * The Python program that runs a function of a user's file. It takes nothing but the standard library
 * of Python 3.8 or later, and travels as text: compiled programs and packages have no other files.
 *
 * @module
 */
import { PYTHON_MODULE } from "./python_module.ts";
import { PYTHON_VALUES } from "./python_values.ts";

/** What the program is called in a workload's folder. */
export const MODULE_RUNNER_FILE = "run_module.py";

/** Its source. Arguments: the file, the function, the key of the template in cyberwave.yml. */
export const MODULE_RUNNER = `"""Calls a function of a Python file with the params of a command.

What the function returns goes to standard output as JSON; whatever is printed meanwhile goes to
standard error, which is shown while the command runs.
"""

import asyncio
import base64
import dataclasses
import importlib.util
import inspect
import io
import itertools
import json
import os
import shutil
import sys
import traceback


def main():
    path, name, key = sys.argv[1:]
    result_stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    use_virtual_environment()
    function = load(path, name, key)
    with open(os.environ["CYBERWAVE_PARAMS_FILE"], encoding="utf-8") as file:
        params = json.load(file)
    result = function(**arguments(function, name, params))
    if inspect.isawaitable(result):
        result = asyncio.run(wait_for(result))
    try:
        text = json_of(result)
    except (TypeError, ValueError) as error:
        fail(f"{name}() returned what cannot be written as JSON: {error}")
    print(text, file=result_stream, flush=True)


def use_virtual_environment():
    """Lets programs that the function starts come from the same virtual environment."""
    if sys.prefix == sys.base_prefix:
        return
    os.environ["VIRTUAL_ENV"] = sys.prefix
    folder = os.path.dirname(sys.executable)
    os.environ["PATH"] = folder + os.pathsep + os.environ.get("PATH", os.defpath)


def load(path, name, key):
    """Imports the file, and returns the function."""
    write = f'write "{key}: python {path} {{body}}" to run it as a program'
    if not os.path.isfile(path):
        fail(f"There is no {path} in {os.getcwd()}")
    try:
        module = import_file(path)
    except (Exception, SystemExit) as problem:
        print("".join(shown(problem)), end="", file=sys.stderr)
        fail(f"{path} cannot be imported, so as to call {name}(**params): correct it, or {write}")
    function = getattr(module, name, None)
    if not callable(function):
        fail(f'{path} has no function {name}: write "def {name}(**params):" in it, or {write}')
    return function


def arguments(function, name, params):
    """The params, without what the platform adds unless the function takes it."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        return params
    given = taken(signature, params)
    try:
        signature.bind(**given)
    except TypeError as error:
        fail(f"{name}{signature} cannot be called with these params: {error}")
    return given

${PYTHON_MODULE}

${PYTHON_VALUES.trim()}

def fail(message):
    print(message, file=sys.stderr, flush=True)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except Exception as problem:
        fail("".join(shown(problem)).rstrip())
`;
