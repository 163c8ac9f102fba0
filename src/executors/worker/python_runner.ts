/**
 * The Python program that serves a user's file as a worker. It takes nothing but the standard library
 * of Python 3.8 or later, and travels as text: compiled programs and packages have no other files.
 *
 * @module
 */
import { PYTHON_MODULE } from "../process/python_module.ts";
import { PYTHON_VALUES } from "../process/python_values.ts";

/** What the program is called in a worker's folder. */
export const PYTHON_RUNNER_FILE = "serve_module.py";

/** Its source. Arguments: the file, the names of the function, the key in cyberwave.yml. */
export const PYTHON_RUNNER =
  `"""Serves a function of a Python file: imported once, called for each command.

Messages are JSON-RPC 2.0, one a line, on what were standard input and output. What the file prints goes
to standard error, which the node shows.
"""

import asyncio
import base64
import ctypes
import dataclasses
import importlib.util
import inspect
import io
import itertools
import json
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import traceback

MAX_LINE = 1024 * 1024
output = os.fdopen(os.dup(1), "wb", buffering=0)
output_lock = threading.Lock()
requests = queue.Queue()
in_hand = {}  # "waiting", "running" or "cancelled", by the ids of requests that are not answered.
in_hand_lock = threading.Lock()
loop = asyncio.new_event_loop()  # One for all commands: what setup() connects stays usable.
task = None  # That of the command, while it runs in the loop.
VARIABLES = {"request_id": "CYBERWAVE_REQUEST_ID", "results_folder": "CYBERWAVE_RESULTS_FOLDER",
             "token": "CYBERWAVE_API_TOKEN", "traceparent": "TRACEPARENT", "tracestate": "TRACESTATE"}
own_variables = {name: os.environ.get(name) for name in VARIABLES.values()}


def main():
    path, names, key = sys.argv[1:]
    lines = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    asyncio.set_event_loop(loop)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        function = load(path, names.split(","), key)
    except Exception as problem:
        sys.exit("".join(shown(problem)).rstrip())
    notify("ready", {"concurrency": 1})
    threading.Thread(target=read, args=(lines,), daemon=True).start()
    for request in iter(requests.get, None):
        serve(function, request)


def read(lines):
    """Reads requests while a command runs, so that it can be cancelled."""
    for line in lines:
        message = json.loads(line)
        if message.get("method") == "notifications/cancelled":
            cancel(message["params"]["requestId"])
        elif "id" in message:
            in_hand[message["id"]] = "waiting"
            requests.put(message)
    requests.put(None)


def cancel(request_id):
    """Interrupts the command, now or when its turn comes. Once: a handler may run."""
    with in_hand_lock:
        state = in_hand.get(request_id)
        if state in ("waiting", "running"):
            in_hand[request_id] = "cancelled"
        if state == "running":
            interrupt()


def interrupt():
    """Cancels the task, or raises KeyboardInterrupt, also in what sleeps or waits for a network."""
    main_id = threading.main_thread().ident
    if task is not None:
        loop.call_soon_threadsafe(task.cancel)
    elif hasattr(signal, "pthread_kill") and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.pthread_kill(main_id, signal.SIGINT)
    else:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(main_id), ctypes.py_object(KeyboardInterrupt))


def serve(function, request):
    request_id = request["id"]
    try:
        answer = answer_to(function, request)
    except KeyboardInterrupt:
        answer = error("The command was cancelled")
    with in_hand_lock:
        in_hand.pop(request_id, None)
    send(f'{{"jsonrpc": "2.0", "id": {json.dumps(request_id)}, {answer}}}')


def answer_to(function, request):
    """The members of the response. Whatever a cancel interrupts, it is over when this returns."""
    try:
        begin(request["id"])
        set_variables(request)
        result = call(function, request["id"], params_of(request))
        answer = result_member(json_of(result, request.get("results_folder")))
    except KeyboardInterrupt:
        raise
    except BaseException as problem:
        lines = shown(problem)
        print("".join(lines), end="", file=sys.stderr, flush=True)
        answer = error("".join(lines[-3:]).strip("\\n"))
    end(request["id"])
    return answer


def begin(request_id):
    with in_hand_lock:
        if in_hand[request_id] == "cancelled":
            raise KeyboardInterrupt
        in_hand[request_id] = "running"


def end(request_id):
    with in_hand_lock:
        in_hand.pop(request_id)


def params_of(request):
    if "params_file" not in request:
        return request.get("params") or {}
    with open(request["params_file"], encoding="utf-8") as file:
        return json.load(file)


def set_variables(request):
    """Those of this command alone: one without a token has none, whatever the last one had."""
    given = {**request.get("_meta", {}), **request}
    for key, name in VARIABLES.items():
        value = given.get(key, own_variables[name])
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def call(function, request_id, params):
    result = function(**taken(inspect.signature(function), params))
    parts = []
    if inspect.isasyncgen(result):
        result = take_all(result, request_id, parts)
    if inspect.isawaitable(result):
        result = in_loop(result, request_id)
    if not inspect.isgenerator(result):
        return result
    while True:
        try:
            part = next(result)
        except StopIteration as stop:
            return parts if stop.value is None else stop.value
        take(part, request_id, parts)


async def take_all(generator, request_id, parts):
    async for part in generator:
        take(part, request_id, parts)
    return parts


def take(part, request_id, parts):
    if isinstance(part, dict) and "progress" in part:
        notify("notifications/progress", json.loads(json_of({"progressToken": request_id, **part})))
    else:
        parts.append(part)


def in_loop(awaitable, request_id=None):
    global task
    task = loop.create_task(wait_for(awaitable))
    try:
        return loop.run_until_complete(task)
    except asyncio.CancelledError:
        if in_hand.get(request_id) == "cancelled":
            raise KeyboardInterrupt from None
        raise
    finally:
        task = None


def result_member(text):
    """The result in the response, or in a file that the node removes when it is too long for a line."""
    if len(text) < MAX_LINE:
        return f'"result": {text}'
    file, path = tempfile.mkstemp()
    with os.fdopen(file, "w", encoding="utf-8", errors="replace", newline="") as stream:
        stream.write(json.loads(text) if text.startswith('"') else text)
    return f'"result_file": {json.dumps(path)}'


def error(message):
    return '"error": ' + json.dumps({"code": -32000, "message": message})


def notify(method, params):
    send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))


def send(line):
    view = memoryview(line.encode() + b"\\n")
    with output_lock:
        while view:
            view = view[output.write(view):]


def load(path, names, key):
    """Imports the file, calls what loads the model, and returns the function."""
    if not os.path.isfile(path):
        sys.exit(f"There is no {path} in {os.getcwd()}")
    module = import_file(path)
    predictor = predictor_in(module)
    if predictor is not None:
        return predictor
    function = next((found for found in (getattr(module, n, None) for n in names) if found), None)
    if not callable(function):
        sys.exit(f'{path} has no function {names[0]}: write "def {names[0]}(**params):" in it')
    if callable(getattr(module, "setup", None)):
        set_up(module)
    return function


def predictor_in(module):
    """What a predict.py of Cog calls for each command."""
    for found in list(vars(module).values()):
        bases = [base.__name__ for base in getattr(found, "__mro__", [])[1:]]
        if inspect.isclass(found) and found.__module__ == module.__name__ and "BasePredictor" in bases:
            predictor = found()
            set_up(predictor)
            return predictor.predict
    return None


def set_up(owner):
    result = owner.setup()
    if inspect.isawaitable(result):
        in_loop(result)

${PYTHON_MODULE}

${PYTHON_VALUES.trim()}

if __name__ == "__main__":
    main()
`;
