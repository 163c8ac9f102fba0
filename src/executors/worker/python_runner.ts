/**
 * The Python program that serves a user's file as a worker. It takes nothing but the standard library
 * of Python 3.8 or later, and travels as text: compiled programs and packages have no other files.
 *
 * @module
 */

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
import json
import os
import queue
import sys
import tempfile
import threading
import traceback

MAX_LINE = 1024 * 1024
output = os.fdopen(os.dup(1), "wb", buffering=0)
output_lock = threading.Lock()
requests = queue.Queue()
cancelled = set()
running = None
running_lock = threading.Lock()


def main():
    path, names, key = sys.argv[1:]
    lines = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    function = load(path, names.split(","), key)
    send(method="ready", params={"concurrency": 1})
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
            requests.put(message)
    requests.put(None)


def cancel(request_id):
    """Raises KeyboardInterrupt in the command, now or when its turn comes."""
    with running_lock:
        cancelled.add(request_id)
        if running == request_id:
            main_id = ctypes.c_ulong(threading.main_thread().ident)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(main_id, ctypes.py_object(KeyboardInterrupt))


def serve(function, request):
    global running
    request_id = request["id"]
    try:
        with running_lock:
            if request_id in cancelled:
                raise KeyboardInterrupt
            running = request_id
        set_variables(request)
        result = call(function, request_id, params_of(request))
        with running_lock:
            running = None
        answer(request_id, result)
    except KeyboardInterrupt:
        error(request_id, "The command was cancelled")
    except BaseException as problem:
        traceback.print_exc()
        error(request_id, "".join(traceback.format_exception(type(problem), problem,
                                                             problem.__traceback__)[-3:]).strip())
    finally:
        with running_lock:
            running = None
            cancelled.discard(request_id)


def params_of(request):
    if "params_file" not in request:
        return request.get("params") or {}
    with open(request["params_file"], encoding="utf-8") as file:
        return json.load(file)


def set_variables(request):
    names = {"request_id": "CYBERWAVE_REQUEST_ID", "results_folder": "CYBERWAVE_RESULTS_FOLDER",
             "token": "CYBERWAVE_API_TOKEN"}
    for key, name in names.items():
        if key in request:
            os.environ[name] = request[key]


def call(function, request_id, params):
    result = function(**arguments(function, params))
    if inspect.isawaitable(result):
        result = asyncio.run(wait_for(result))
    if not inspect.isgenerator(result):
        return result
    parts = []
    while True:
        try:
            part = next(result)
        except StopIteration as stop:
            return parts if stop.value is None else stop.value
        if isinstance(part, dict) and "progress" in part:
            send(method="notifications/progress", params={"progressToken": request_id, **part})
        else:
            parts.append(part)


async def wait_for(awaitable):
    return await awaitable


def answer(request_id, result):
    text = result if isinstance(result, str) else json.dumps(result, default=plain)
    if len(text) < MAX_LINE:
        return send(id=request_id, result=result if isinstance(result, str) else json.loads(text))
    file, path = tempfile.mkstemp()
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    send(id=request_id, result_file=path)


def error(request_id, message):
    send(id=request_id, error={"code": -32000, "message": message})


def send(**message):
    line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\\n"
    with output_lock:
        view = memoryview(line)
        while view:
            view = view[output.write(view):]


def load(path, names, key):
    """Imports the file, calls what loads the model, and returns the function."""
    if not os.path.isfile(path):
        sys.exit(f"There is no {path} in {os.getcwd()}")
    sys.path[0] = os.path.dirname(os.path.abspath(path))
    sys.path.append(os.getcwd())
    sys.argv = [path]
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    predictor = predictor_in(module)
    if predictor is not None:
        return predictor
    function = next((found for found in (getattr(module, n, None) for n in names) if found), None)
    if not callable(function):
        sys.exit(f'{path} has no function {names[0]}: write "def {names[0]}(**params):" in it')
    if callable(getattr(module, "setup", None)):
        module.setup()
    return function


def predictor_in(module):
    """What a predict.py of Cog calls for each command."""
    for found in list(vars(module).values()):
        bases = [base.__name__ for base in getattr(found, "__mro__", [])[1:]]
        if inspect.isclass(found) and found.__module__ == module.__name__ and "BasePredictor" in bases:
            predictor = found()
            predictor.setup()
            return predictor.predict
    return None


def arguments(function, params):
    """The params, without what the platform adds unless the function takes it."""
    parameters = inspect.signature(function).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    return {key: value for key, value in params.items()
            if takes_all or key in parameters or not is_of_platform(key)}


def is_of_platform(key):
    return key == "workload_uuid" or key.startswith("cyberwave_")


def plain(value):
    """What stands in JSON for a value that JSON has no word for."""
    if hasattr(value, "tolist"):  # Arrays and numbers of NumPy, tensors of PyTorch.
        return value.tolist()
    if hasattr(value, "save") and hasattr(value, "getbands"):  # Images of PIL.
        stream = io.BytesIO()
        value.save(stream, format="PNG")
        return base64.b64encode(stream.getvalue()).decode()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"there is a {type(value).__name__} in the result")


if __name__ == "__main__":
    main()
`;
